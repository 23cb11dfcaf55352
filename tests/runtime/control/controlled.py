"""A real pipeline with a control door, run in a thread beside the test that asks it."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from runtime.bundle import Bundle
from runtime.cameras.base import Camera
from runtime.control.client import Client
from runtime.control.control import Control
from runtime.engines.base import Engine, EngineSession
from runtime.engines.openvino import OpenVinoEngine
from runtime.events import SummaryEvent
from runtime.pipeline import Pipeline, View
from runtime.rolls.crops import Quota
from runtime.sinks.rolls import Rolls
from runtime.types import LineBlock, ScoreMap
from tests.runtime.cloths import Collected

WAIT_S = 60.0
KEY = "openvino-fp32"


class Counted(OpenVinoEngine):
    """An engine that knows whether it was closed, and which of its sessions were not."""

    closed = 0

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle)
        self.open_sessions: set[EngineSession] = set()

    def stream(self, camera: str) -> EngineSession:
        session = super().stream(camera)
        self.open_sessions.add(session)
        close = session.close
        session.close = lambda: (close(), self.open_sessions.discard(session))  # type: ignore[method-assign]
        return session

    def close(self) -> None:
        super().close()
        self.closed += 1


class Controlled:
    """The pipeline runs while the ``with`` block does; leaving it waits for the end, whose account must balance.

    Attributes:
        strips: every judged strip, with the id of the bundle and the revision that judged it.
        engines: those that were loaded while it ran.
    """

    def __init__(self, bundle: Bundle, cameras: Sequence[Camera]) -> None:
        self.sink = Collected()
        self.strips: list[tuple[ScoreMap, str, int]] = []
        self.engines: list[Counted] = []
        self._folder = tempfile.TemporaryDirectory()  # a socket's path must be short
        self.socket = Path(self._folder.name) / "s"
        self.control = Control(self.socket)
        self.engine = Counted(bundle)
        self.rolls = Rolls(Quota())
        sinks = [self.sink, self.control.taps, self.rolls]
        views = [View(c) for c in cameras]
        self.pipeline = Pipeline(bundle, self.engine, KEY, views, sinks, on_strip=self._seen, on_open=self.rolls.opened)
        self.summary: SummaryEvent | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Controlled:
        self.control.serve(self.pipeline, self.rolls, self._load)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind:
            self.pipeline.stop()
        self._thread.join(WAIT_S)
        self.control.close()
        self.rolls.close()
        self._folder.cleanup()
        assert kind or self.summary
        assert not any(engine.open_sessions for engine in (self.engine, *self.engines))
        for camera in self.summary.cameras if self.summary else ():
            assert camera.balanced, camera
            assert camera.lines_in == camera.lines_inspected + sum(camera.lines_not_inspected.values())

    def client(self) -> Client:
        return Client(self.socket)

    def of(self, kind: type) -> list:
        return [event for event in self.sink.events if isinstance(event, kind)]

    def judges(self, camera: str = "c") -> list[tuple[str, int, int]]:
        """Bundle, revision and first line of each run of strips that was judged by the same, in order."""
        found: list[tuple[str, int, int]] = []
        for strip, bundle, revision in self.strips:
            if strip.camera == camera and (not found or found[-1][:2] != (bundle, revision)):
                found.append((bundle, revision, strip.first_line))
        return found

    def _run(self) -> None:
        self.summary = self.pipeline.run()

    def _load(self, bundle: Bundle) -> Engine:
        self.engines.append(Counted(bundle))
        return self.engines[-1]

    def _seen(self, item: LineBlock | ScoreMap) -> None:
        self.control.taps.seen(item)
        self.rolls.seen(item)
        if isinstance(item, ScoreMap):
            (lane,) = (lane for lane in self.pipeline.lanes if lane.name == item.camera)
            self.strips.append((item, lane.judging.bundle.id, lane.judging.settings.revision))

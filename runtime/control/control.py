"""What a stream with a control door has: the door, the taps behind it, and the desk that answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runtime.bundle import Bundle
from runtime.control.desk import Desk
from runtime.control.door import Door
from runtime.control.tap import Taps
from runtime.engines.base import Engine
from runtime.pipeline import Pipeline
from runtime.sinks.rolls import Rolls


class Control:
    """Opened before the pipeline is made, served when it is there.

    Attributes:
        taps: to be one of the pipeline's sinks, and to see its strips.
    """

    def __init__(self, socket: Path) -> None:
        """Take the socket's path.

        Raises:
            UserError: it cannot be had.
        """
        self.taps = Taps()
        self._door = Door(socket)
        self._desk: Desk | None = None

    def serve(self, pipeline: Pipeline, rolls: Rolls, load: Callable[[Bundle], Engine]) -> None:
        """Answer from now on.

        Args:
            rolls: one of the pipeline's sinks.
            load: loads another bundle's engine, of the kind, precision and device that the stream was started with.
        """
        self._desk = Desk(pipeline, self.taps, rolls, load)
        self._door.serve(self._desk.answer, self.taps.drop)

    def close(self) -> None:
        """The stream has ended: let taps have their last messages, and all clients go."""
        self.taps.close()
        if self._desk:
            self._desk.close()
        self._door.close()

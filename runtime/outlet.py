"""The way of every camera's events to the sinks: joined across cameras, repeats found, alarms set off."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.alarms.decide import Alarms
from runtime.alarms.rules import AlarmSection
from runtime.cameras.base import CameraInfo
from runtime.defects.across import Across
from runtime.defects.repeats import Repeats
from runtime.events import Event
from runtime.sinks.base import Sink


class Outlet:
    """Gives events, and what they make of each other, to every sink. Used by one thread."""

    def __init__(self, sinks: Sequence[Sink], alarms: AlarmSection) -> None:
        """``alarms``: the rules of every camera until it is given others."""
        self._sinks = sinks
        self._across = Across({})
        self._repeats = Repeats()
        self._alarms = Alarms(alarms)

    def opened(self, cameras: Sequence[CameraInfo]) -> None:
        """All cameras are there; defects are joined where they lie side by side."""
        self._across = Across({info.name: info.span_mm for info in cameras if info.span_mm})

    def use(self, camera: str, alarms: AlarmSection) -> None:
        """Hold other rules against a camera's events from now on."""
        self._alarms.use(camera, alarms)

    def tell(self, event: Event) -> None:
        """Tell an event, what other cameras make of it and what it sets off."""
        self._spread(*self._across.hear(event))

    def judged(self, camera: str, y_m: float) -> None:
        """All defects of a camera up to a metre were told: what waited for it can be closed."""
        self._spread(*self._across.passed(camera, y_m), *self._repeats.passed(camera, y_m))

    def ended(self, camera: str) -> None:
        """Nothing more comes of a camera."""
        self._spread(*self._across.ended(camera))

    def close(self) -> None:
        """Nothing more comes of any: close the repeats that are open."""
        self._spread(*self._repeats.close())

    @property
    def lost(self) -> int:
        """Events that the sinks could not write so far."""
        return sum(sink.lost for sink in self._sinks)

    def _spread(self, *events: Event) -> None:
        for event in events:
            for told in (event, *self._repeats.hear(event), *self._alarms.hear(event)):
                for sink in self._sinks:
                    sink.write(told)

"""Requests made at their place between the lines of a scripted camera, while the real pipeline runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from runtime.bundle import Bundle
from runtime.control.protocol import Done, Request
from runtime.errors import UserError
from runtime.types import LineBlock
from tests.runtime.bundles import SPOT
from tests.runtime.cloths import Item, Scripted, block
from tests.runtime.control.controlled import WAIT_S, Controlled


class Asking:
    """Requests made by a script's callables at their place between the lines.

    Attributes:
        told: for each answer, how many events had been told when it was asked for, and when it came.
    """

    def __init__(self) -> None:
        self.run: Controlled | None = None
        self.answers: list[Done] = []
        self.told: list[tuple[int, int]] = []
        self.refusals: list[str] = []

    def __call__(self, request: Request) -> Callable[[], None]:
        def ask() -> None:
            assert self.run
            events = self.run.sink.events
            before = len(events)
            with self.run.client() as client:
                try:
                    self.answers.append(client.ask(request))
                    self.told.append((before, len(events)))
                except UserError as error:
                    self.refusals.append(str(error))

        return ask

    def judged(self, lines: int) -> Callable[[], None]:
        """Waits until so many lines stand in strips or spans."""

        def wait() -> None:
            assert self.run
            account, deadline = self.run.pipeline.lanes[0].account, time.monotonic() + WAIT_S
            while account.inspected + sum(account.not_inspected.values()) < lines:
                assert time.monotonic() < deadline
                time.sleep(0.001)

        return wait

    def through(self, bundle: Path, script: list[Item | Callable[[], object]]) -> Controlled:
        """Run the script to its end."""
        self.run = Controlled(Bundle(bundle), [Scripted(script)])
        with self.run:
            pass
        return self.run


def spotted(first: int, rows: int, at: int | None = None) -> LineBlock:
    """Even grey with a spot of 12 x 12 px from row ``at`` on."""
    made = block(first, rows)
    if at is not None:
        made.pixels[at : at + 12, 60:72] = SPOT
    return made

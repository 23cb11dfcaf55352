"""What is kept of one run of a scenario: what was there, and every event that the runtime told.

All measures are made from records, so a measure can be added without running anything again. Millimetres are the
loom's; metres are of cloth, from the first line that a camera saw.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import Field, ValidationError

from runtime.errors import UserError
from runtime.events import DefectEvent, Event, SummaryEvent
from runtime.types import Kind
from runtime.yaml_files import Strict


class Planted(Strict):
    """A fault that lay on the cloth: a half-open box.

    ``snr`` is that of an ideal filter (runtime/simulator/snr.py); None where nobody can tell.
    """

    id: str
    cls: str
    kind: Kind
    x0_mm: float
    x1_mm: float
    y0_m: float
    y1_m: float
    severity: float | None = None
    snr: float | None = None


class Disturbance(Strict):
    """Something that is no fault of the cloth and must not be told as one.

    ``x0_mm`` and ``x1_mm`` are None where it has no place across. ``expected``: one of these must be told and nothing
    else (words of matching.told_as); empty: nothing at all.
    """

    id: str
    kind: str
    y0_m: float
    y1_m: float
    x0_mm: float | None = None
    x1_mm: float | None = None
    expected: tuple[str, ...] = ()


class Record(Strict):
    """One run.

    ``ppi``: picks per inch, which make picks of metres. ``cloth_mm``: the cloth's edges. ``looked_mm``: the columns
    that the map covered, of all cameras together; None: nobody knows. ``stop_rules``: how many
    alarm rules could stop the loom; where there is none, no false stop means nothing. ``memory``: bytes resident, as
    the run went on; empty where the system does not tell.
    """

    pack: str
    style: str
    seed: int
    variant: str = ""
    bundle: str
    engine: str
    ppi: float
    metres: float
    cloth_mm: tuple[float, float]
    looked_mm: tuple[float, float] | None = None
    stop_rules: int
    seconds: float
    memory: list[int] = Field(default_factory=list)
    faults: list[Planted]
    disturbances: list[Disturbance]
    events: list[Event]

    @property
    def summary(self) -> SummaryEvent:
        """The closing account."""
        return next(event for event in reversed(self.events) if isinstance(event, SummaryEvent))

    def opened(self) -> dict[str, DefectEvent]:
        """The first event of each defect, by its id."""
        first: dict[str, DefectEvent] = {}
        for event in self.events:
            if isinstance(event, DefectEvent):
                first.setdefault(event.id, event)
        return first


def write_record(path: Path, record: Record) -> None:
    """Write aside, then rename: a record that is there is whole.

    Raises:
        UserError: it cannot be written.
    """
    aside = path.with_name(f".{path.name}.new")
    try:
        aside.write_text(json.dumps(record.model_dump(mode="json", by_alias=True)) + "\n", encoding="utf-8")
        aside.rename(path)
    except OSError as error:
        raise UserError(f"Cannot write '{path}': {error.strerror}.") from error


def read_record(path: Path) -> Record:
    """A record that write_record wrote.

    Raises:
        UserError: it cannot be read, or is none.
    """
    try:
        return Record.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror}.") from error
    except ValidationError as error:
        raise UserError(f"'{path}' is no record of this version's: remove it, and it is made again.") from error

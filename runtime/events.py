"""What the stream tells: events, one JSON object a line, ``schema: 1``.

Readers ignore types and fields that they do not know. The JSON Schema made from these models is
published with the package as ``runtime/events.schema.json``.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from runtime.types import Defect, Kind, NotInspected, Reason, State


def wall_time() -> str:
    """Now, for people: UTC with milliseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal[1] = Field(default=1, alias="schema")
    time: str = Field(default_factory=wall_time, description="UTC wall time of telling, ISO 8601")
    roll: str | None = Field(default=None, description="roll id given to the stream")

    def line(self) -> str:
        """The event as one line of JSON."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), separators=(",", ":"))


class Judge(BaseModel):
    """Who judged: part of every defect event."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle: str = Field(description="bundle id")
    engine: str = Field(description="<engine>-<precision>-<device>")
    settings_revision: int


class DefectEvent(_Event):
    """A defect opens, runs on, or is closed. Boxes are half-open and cover all that is known so far."""

    type: Literal["defect"] = "defect"
    id: str = Field(description="unique across restarts")
    parent: str | None = Field(
        description="the defect that this one was found to be part of, or the maintenance event that explains it"
    )
    state: State
    kind: Kind
    cameras: list[str] = Field(description="those that saw it; pixels and lines are of the first")
    x0_mm: float = Field(description="left edge, mm on the loom")
    x1_mm: float
    y0_m: float = Field(description="first metre of cloth, from the stream's start")
    y1_m: float
    x0_px: int
    x1_px: int
    first_line: int
    end_line: int
    peak_x_mm: float
    peak_y_m: float
    peak_x_px: int
    peak_line: int
    score: float = Field(description="highest raw map value")
    threshold: float = Field(description="the value that opened it")
    latency_ms: float = Field(description="from the arrival of the last line it needed to this event")
    latency_mm: float = Field(description="cloth between the defect's first line and the newest line")
    judge: Judge

    @classmethod
    def of(cls, defect: Defect, judge: Judge, roll: str | None) -> DefectEvent:
        """An event from a defect; lengths rounded to micrometres."""
        values: dict[str, Any] = {
            k: round(v, 6) if isinstance(v, float) else v for k, v in vars(defect).items() if k != "camera"
        }
        return cls(**values, cameras=[defect.camera], judge=judge, roll=roll)


class NotInspectedEvent(_Event):
    """Cloth that was not looked at. Lines are null where their number is unknown; then seconds tell."""

    type: Literal["not_inspected"] = "not_inspected"
    camera: str
    reason: Reason
    first_line: int | None
    end_line: int | None
    y0_m: float | None
    y1_m: float | None
    seconds: float | None
    detail: str

    @classmethod
    def of(cls, span: NotInspected, metres: tuple[float, float] | None, roll: str | None) -> NotInspectedEvent:
        """An event from a span and its place."""
        y0, y1 = (round(y, 6) for y in metres) if metres else (None, None)
        return cls(**vars(span), y0_m=y0, y1_m=y1, roll=roll)


class StateEvent(_Event):
    """Something about the stream or a camera changed."""

    type: Literal["state"] = "state"
    camera: str | None
    state: Literal[
        "started",
        "standing",
        "running",
        "seam",
        "other_cloth",
        "obstruction",
        "no_cloth",
        "cloth",
        "too_many_defects",
        "over_capacity",
        "failed",
        "ended",
        "alarms_limited",
        "recording",
    ]
    message: str
    y_m: float | None = Field(default=None, description="metres of cloth at the camera, where it matters")


class MaintenanceEvent(_Event):
    """Something is wrong with the camera or its light, not with the cloth; told once, and again when it is over."""

    type: Literal["maintenance"] = "maintenance"
    id: str = Field(description="unique across restarts")
    camera: str
    state: Literal["open", "closed"]
    cause: Literal["column", "light", "focus", "encoder"] = Field(
        description="column: dust, a dead pixel or a stale flat field; it stands still on the sensor"
    )
    message: str
    x0_px: int | None = Field(default=None, description="columns [x0, x1) of the sensor, where it has a place")
    x1_px: int | None = None
    x0_mm: float | None = Field(default=None, description="the same, mm on the loom")
    x1_mm: float | None = None
    first_line: int
    y_m: float = Field(description="metres of cloth at which it was first seen")


class RepeatEvent(_Event):
    """Defects that come back at one distance: a roller, a reed or a loom part leaves them."""

    type: Literal["repeat"] = "repeat"
    id: str = Field(description="unique across restarts")
    state: State
    period_mm: float = Field(description="distance along the cloth")
    x0_mm: float
    x1_mm: float
    y0_m: float
    y1_m: float
    defects: list[str] = Field(description="ids of the newest of them, the newest last")
    count: int = Field(description="how many so far")


class AlarmEvent(_Event):
    """A rule of settings.yaml asks for the lamp, the buzzer or a stop of the loom (runtime/alarms)."""

    type: Literal["alarm"] = "alarm"
    output: Literal["lamp", "buzzer", "stop"]
    rule: str = Field(description="name of the rule")
    camera: str
    y_m: float = Field(description="how far the defect reached that set it off, metres from the stream's start")
    defects: list[str] = Field(description="ids of the defects that it is for, the newest last")


class CameraStatus(BaseModel):
    """How one camera does at the moment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    camera: str
    metres: float
    m_per_min: float
    lines_per_s: float
    tiles_per_s: float
    queue_blocks: int = Field(description="blocks of lines that wait for the engine")
    lines_in: int
    lines_not_inspected: int
    open_defects: int
    defects: int


class StatusEvent(_Event):
    """Every few seconds."""

    type: Literal["status"] = "status"
    cameras: list[CameraStatus]
    events_lost: int = Field(
        default=0, description="events that a sink could not write so far, or that wait for a full disk"
    )


class CameraSummary(BaseModel):
    """The account of one camera: lines_in = lines_inspected + the sum of lines_not_inspected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    camera: str
    metres: float
    lines_in: int
    lines_inspected: int
    lines_not_inspected: dict[Reason, int]
    unnumbered_spans: int = Field(description="spans not inspected whose lines are unknown")
    unnumbered_seconds: float
    tiles: int
    defects: dict[Kind, int]
    balanced: bool = Field(description="every line stands in exactly one span")
    latency_ms_p50: float | None
    latency_ms_p99: float | None


class SummaryEvent(_Event):
    """The last event of a stream."""

    type: Literal["summary"] = "summary"
    ended: Literal["limit", "end_of_input", "stopped", "failed"]
    seconds: float
    judge: Judge
    cameras: list[CameraSummary]
    events_lost: int = Field(description="events that a sink could not write")


Event = Annotated[
    DefectEvent
    | NotInspectedEvent
    | StateEvent
    | MaintenanceEvent
    | RepeatEvent
    | AlarmEvent
    | StatusEvent
    | SummaryEvent,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def json_schema() -> dict[str, Any]:
    """JSON Schema of one event."""
    schema = EVENT.json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=1, sort_keys=True))

"""What is said at the door: one JSON object a line, requests in, an answer to each, then a tap's messages.

docs/control.md describes them for who writes a client.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError, model_validator

from runtime.errors import UserError
from runtime.events import Event, Judge, StatusEvent
from runtime.types import Kind
from runtime.yaml_files import Strict

MOST_LINE_BYTES = 1 << 16
"""Of a request."""
MOST_PATH = 4096


class Message(Strict):
    """Anything that goes over the socket."""

    def line(self) -> bytes:
        """As one line of JSON."""
        return self.model_dump_json(by_alias=True).encode() + b"\n"


class StatusRequest(Message):
    """How is it going, and who judges?"""

    do: Literal["status"] = "status"


class ThresholdRequest(Message):
    """Judge by other thresholds from the next strip on; kinds that are not named stay as they are."""

    do: Literal["set_threshold"] = "set_threshold"
    open: dict[Kind, FiniteFloat] = Field(default_factory=dict, description="raw map value that opens one, by kind")
    keep: FiniteFloat | None = Field(default=None, description="raw map value down to which a defect lives")

    @model_validator(mode="after")
    def _names_something(self) -> ThresholdRequest:
        if not self.open and self.keep is None:
            raise ValueError("name at least one kind under 'open', or 'keep'")
        return self


class SettingsRequest(Message):
    """Judge by settings.yaml as it is now, thresholds and alarms, from the next strip on."""

    do: Literal["reload_settings"] = "reload_settings"


class BundleRequest(Message):
    """Let another bundle judge from a line on."""

    do: Literal["load_bundle"] = "load_bundle"
    path: str = Field(min_length=1, max_length=MOST_PATH, description="folder, as the stream's process sees it")
    at_line: int | None = Field(default=None, ge=0, lt=1 << 63, description="of each camera; null: its next line")


class RollStartRequest(Message):
    """Let the lines from one on belong to the next roll; one that is being kept ends there."""

    do: Literal["roll_start"] = "roll_start"
    folder: str = Field(min_length=1, max_length=MOST_PATH, description="of the roll, as the stream's process sees it")
    id: str | None = Field(default=None, min_length=1, description="null: the folder's name")
    style: str | None = None
    loom: str | None = None
    shift: str | None = None
    at_line: int | None = Field(default=None, ge=0, lt=1 << 63, description="of each camera; null: its next line")


class RollEndRequest(Message):
    """Let the lines from one on belong to no roll."""

    do: Literal["roll_end"] = "roll_end"
    at_line: int | None = Field(default=None, ge=0, lt=1 << 63, description="of each camera; null: its next line")


class TapRequest(Message):
    """Show what passes from now on; the connection takes no more requests."""

    do: Literal["tap"] = "tap"
    events: bool = False
    lines: bool = False
    maps: bool = False
    every: int = Field(default=8, ge=1, le=64, description="every how many pixels and lines one is shown")

    @model_validator(mode="after")
    def _shows_something(self) -> TapRequest:
        if not (self.events or self.lines or self.maps):
            raise ValueError("ask for 'events', 'lines' or 'maps'")
        return self


Request = Annotated[
    StatusRequest | ThresholdRequest | SettingsRequest | BundleRequest | RollStartRequest | RollEndRequest | TapRequest,
    Field(discriminator="do"),
]
REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


class Refused(Message):
    """Nothing was changed, and why."""

    ok: Literal[False] = False
    error: str


class Done(Message):
    """The base of all other answers."""

    ok: Literal[True] = True


class Thresholds(Message):
    """As in settings.yaml."""

    open: dict[Kind, float]
    keep: float


class OrderedBundle(Message):
    """A bundle that waits for its line: another, or the same for another roll."""

    bundle: str = Field(description="bundle id")
    first_line: int
    roll: str | None = Field(description="that the lines from there on belong to")


class CameraNow(Message):
    """Who judges one camera."""

    camera: str
    next_line: int = Field(description="the next line that will be cut into tiles: where 'load_bundle' begins")
    bundle: str = Field(description="its name; its id is the judge's")
    judge: Judge
    thresholds: Thresholds
    roll: str | None = Field(description="id of the roll that is kept of it")
    ordered: OrderedBundle | None
    finished: bool


class StatusAnswer(Done):
    """Who judges, and the last status event (None in the first seconds)."""

    version: str
    cameras: list[CameraNow]
    last: StatusEvent | None
    taps: int


class ThresholdAnswer(Done):
    """Written as a new revision of settings.yaml."""

    judge: Judge
    thresholds: Thresholds
    cameras: list[str] = Field(description="those that it judges from their next strip on")


class SettingsAnswer(ThresholdAnswer):
    """As they were written, with a revision of their own."""

    alarms: list[str] = Field(description="names of the rules that hold")
    left_out: list[str] = Field(description="a sentence for each rule that does not")


class RollAnswer(Done):
    """Each camera's lines belong to the roll from its line on."""

    roll: str | None = Field(description="id; null: to none")
    first_line: dict[str, int] = Field(description="by camera")


class BundleAnswer(Done):
    """Checked and loaded; each camera takes it up at its line."""

    bundle: str = Field(description="bundle id")
    settings_revision: int
    first_line: dict[str, int] = Field(description="by camera")


class EventMessage(Message):
    """An event as the stream told it."""

    type: Literal["event"] = "event"
    event: Event


class LinesMessage(Message):
    """Lines as the camera gave them: row i, column j is line ``first_line + i * every``, px ``j * every``."""

    type: Literal["lines"] = "lines"
    camera: str
    first_line: int
    every: int
    shape: tuple[int, int, int] = Field(description="rows, columns, channels")
    pixels: str = Field(description="base64 of uint8, row by row")


class MapMessage(Message):
    """A strip of the anomaly map, each value the highest of ``stride`` x ``stride`` px."""

    type: Literal["map"] = "map"
    camera: str
    first_line: int
    end_line: int
    x0_px: int
    stride: int
    shape: tuple[int, int] = Field(description="rows, columns")
    values: str = Field(description="base64 of float32, little-endian, row by row; NaN where there is no cloth")


class LostMessage(Message):
    """So many messages stood here and were dropped, because the reader was slow."""

    type: Literal["lost"] = "lost"
    messages: int


TapMessage = EventMessage | LinesMessage | MapMessage | LostMessage


def read_request(line: bytes) -> Request:
    """A request from one line.

    Raises:
        UserError: it is none.
    """
    try:
        return REQUEST.validate_json(line, strict=True)
    except ValidationError as error:
        raise UserError(f"Not a request: {first_fault(error)}.") from error


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, shortly: it may quote what a hostile client sent."""
    first: Any = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part)[:40] for part in first["loc"][:4])
    return f"{place}: {first['msg']}"[:300] if place else first["msg"][:300]

"""settings.yaml of a bundle: what may change while a stream runs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from runtime.alarms.rules import AlarmSection
from runtime.defects.evidence_scale import LineScale
from runtime.types import Kind
from runtime.yaml_files import Strict


class Thresholds(Strict):
    """Raw map values of one engine: a defect opens at ``open`` of its kind and lives down to ``keep``."""

    open: dict[Kind, float]
    keep: float
    lines: LineScale | None = Field(default=None, description="what faint lines count; null: they are not sought")
    calibrated: dict[str, Any] = Field(default_factory=dict, description="rolls, quantile, cells looked at")

    def model_post_init(self, _context: Any) -> None:
        missing = [kind.value for kind in Kind if kind not in self.open]
        if missing:
            raise ValueError(f"thresholds lack the kinds {', '.join(missing)}")
        if self.keep > min(self.open.values()):
            raise ValueError(f"keep {self.keep} is above the lowest opening threshold")


class Policy(Strict):
    """How the stream behaves; may change while it runs."""

    stride_lines: int = Field(default=128, description="lines between the starts of two rows of tiles")
    min_area_mm2: float = Field(default=0.1, ge=0, description="smaller spots never open an event")
    merge_mm: float = Field(default=10.0, ge=0, description="spots nearer than this are one defect")
    merge_line_mm: float = Field(default=50.0, ge=0, description="pieces of one line nearer than this are one defect")
    update_mm: float = Field(default=100.0, gt=0, description="cloth between two updates of a running defect")
    flush_s: float = Field(
        default=1.0, gt=0, description="lines that wait this long (and twice as long as usual) are judged as they are"
    )
    overflow: Annotated[str, Field(pattern="^(skip_newest|block)$")] = Field(
        default="skip_newest", description="what a live camera's lines do when the engine cannot keep up"
    )
    queue_blocks: int = Field(default=64, ge=2, description="blocks of lines that may wait for the engine")


class Tuning(Strict):
    """How much an OpenVINO engine does side by side, as ``export tune`` found it to be fastest on one machine."""

    streams: int = Field(ge=1, description="graphs that the device runs side by side")
    requests: int = Field(ge=1, description="tiles handed to the device at once")
    cores: int = Field(ge=1, description="of the machine it was found on; on another the device chooses for itself")
    found: dict[str, Any] = Field(default_factory=dict, description="tiles/s of each window, before and after")


class Settings(Strict):
    """settings.yaml: thresholds by engine key, policy, alarms, and what was tuned."""

    revision: int = Field(default=1, ge=1)
    thresholds: dict[str, Thresholds] = Field(default_factory=dict, description="by <engine>-<precision>")
    policy: Policy = Field(default_factory=Policy)
    alarms: AlarmSection = Field(default_factory=AlarmSection)
    tuning: dict[str, Tuning] = Field(default_factory=dict, description="by <engine>-<precision>-<device>")

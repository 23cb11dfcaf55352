"""Who judges: a bundle with its engine and the settings in force, and what it puts into one camera's lane.

A stream may exchange all of it between two lines (runtime/lane.py) or its thresholds between two strips.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace

from runtime.bundle import Bundle
from runtime.cameras.base import CameraInfo
from runtime.defects.evidence import LineEvidence
from runtime.defects.tracker import DefectTracker
from runtime.engines.base import Engine, EngineSession
from runtime.errors import UserError
from runtime.events import Judge
from runtime.position import Track
from runtime.preprocess.cloth import ClothFinder
from runtime.preprocess.flatfield import FlatField
from runtime.settings import Policy, Settings, Thresholds
from runtime.stitching import Stitcher
from runtime.tiler import Tiler


@dataclass(frozen=True)
class Judging:
    """A bundle, its engine, and the settings that it judges by.

    Attributes:
        engine_key: ``<engine>-<precision>``: whose thresholds to judge by.
        settings: as read; settings.yaml may have been written since.
    """

    bundle: Bundle
    engine: Engine
    engine_key: str
    settings: Settings

    @classmethod
    def of(cls, bundle: Bundle, engine: Engine, engine_key: str) -> Judging:
        """By the bundle's settings as they are now.

        Raises:
            UserError: it has no thresholds for the engine.
        """
        bundle.thresholds(engine_key)
        return cls(bundle, engine, engine_key, bundle.settings())

    @property
    def thresholds(self) -> Thresholds:
        return self.settings.thresholds[self.engine_key]

    @property
    def policy(self) -> Policy:
        return self.settings.policy

    @property
    def judge(self) -> Judge:
        return Judge(bundle=self.bundle.id, engine=self.engine_key, settings_revision=self.settings.revision)

    def check(self, info: CameraInfo) -> None:
        """Refuse a camera that the bundle was not made for.

        Raises:
            UserError: its pixels have another size or other channels.
        """
        self.bundle.check_scale(info.scale.mm_per_px, info.name)
        if info.channels != self.bundle.recipe.channels:
            raise UserError(
                f"Camera '{info.name}' gives {info.channels} channels, bundle '{self.bundle.recipe.name}' was made "
                f"for {self.bundle.recipe.channels}: train one for this camera, or change its pixel format."
            )

    def parts(self, info: CameraInfo, track: Track, cloth: ClothFinder | None, flat_field: FlatField | None) -> Parts:
        """What a lane of this camera judges with; opens a session at the engine.

        Raises:
            UserError: settings.yaml has a stride that the tiles do not allow.
        """
        recipe = self.bundle.recipe
        finder = replace(cloth, grid=recipe.geometry.map_stride) if cloth else None
        try:
            stride, channels = self.policy.stride_lines, recipe.channels
            tiler = Tiler(info.name, recipe.tiles, stride, channels, info.scale, finder, flat_field)
        except ValueError as error:
            raise UserError(f"{self.bundle.path / 'settings.yaml'}: {error}.") from error
        return Parts(
            judging=self,
            session=self.engine.stream(info.name),
            tiler=tiler,
            stitcher=Stitcher(recipe.tiles),
            lines=LineEvidence(self.thresholds.lines),
            tracker=DefectTracker(new_run_id(), info.scale, track, self.thresholds, self.policy),
        )


def new_run_id() -> str:
    """What makes ids unique across restarts: each tracker and watcher counts from 1."""
    return f"{int(time.time()):x}{secrets.token_hex(2)}"


@dataclass
class Parts:
    """What one camera's lines pass through between the queue and the events."""

    judging: Judging
    session: EngineSession
    tiler: Tiler
    stitcher: Stitcher
    lines: LineEvidence
    tracker: DefectTracker

    def use(self, settings: Settings) -> None:
        """Judge by the thresholds of a later revision, from the next strip on."""
        self.judging = replace(self.judging, settings=settings)
        self.tracker.thresholds = self.judging.thresholds


@dataclass(frozen=True)
class Order:
    """From line ``first_line`` on other parts are to judge, and lines belong to ``roll``."""

    parts: Parts
    first_line: int
    roll: str | None

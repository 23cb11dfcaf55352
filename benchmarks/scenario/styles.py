"""Bundles for simulated styles: given, or made as a user makes one, from cloth without faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.styles import Study, make_engine, set_thresholds, train_and_export
from runtime.bundle import Bundle
from runtime.errors import UserError
from runtime.simulator.scenario import Scenario

TEACH_SEEDS = tuple(range(1001, 1005))
"""Of the cloth that a style learns from; no pack has them, nor those of the cloth that thresholds are set on."""
FIRST_THRESHOLD_SEED = 2001
ROLL_M = 12.0
"""Length of each roll of normal cloth: rolls differ more than one roll within itself, so many short ones tell more."""


@dataclass(frozen=True)
class Bundles:
    """Where the bundles of styles come from.

    Attributes:
        study: how one is made; see benchmarks.styles.
        work: folder that those made here lie in. given: by style; ``""`` is for every other style.
        roll_m: of each roll to learn from and to set thresholds on.
        threshold_m: of normal cloth that thresholds are set on, at least one roll.
    """

    study: Study
    work: Path
    given: Mapping[str, Path] = field(default_factory=dict)
    roll_m: float = ROLL_M
    threshold_m: float = 2 * ROLL_M

    def of(self, scenario: Scenario, style: str, width_px: int, mm_per_px: float) -> Bundle:
        """The bundle for a style; made where none is given and none lies there yet.

        Raises:
            UserError: a command failed, or the pack asks for its own teaching and a bundle was given.
        """
        path = self.given.get(style, self.given.get(""))
        faults = scenario.teach.faults_per_100m
        if path is None:
            return self._made(style, width_px, mm_per_px, faults)
        if faults:
            raise UserError(f"Pack {scenario.name} tries what a style learns from bad cloth: run it without --bundle.")
        return Bundle(path)

    def _made(self, style: str, width_px: int, mm_per_px: float, faults: float) -> Bundle:
        place = self.work / self.study.folder(f"sim-{style}-{width_px}px-{mm_per_px:g}mm-{faults:g}faults")
        place.mkdir(parents=True, exist_ok=True)
        cloth = f"sim:{style}?width={width_px}&mm_per_px={mm_per_px:g}"
        size = ["--sim-lines", str(round(self.roll_m * 1000 / mm_per_px))]
        taught = [*(f"{cloth}&defects_per_100m={faults:g}&seed={seed}" for seed in TEACH_SEEDS), *size]
        rolls = max(1, round(self.threshold_m / self.roll_m))
        normal = [*(f"{cloth}&seed={FIRST_THRESHOLD_SEED + number}" for number in range(rolls)), *size]
        bundle, _ = train_and_export(self.study, [*taught, "--mm-per-px", f"{mm_per_px:g}"], place, style)
        make_engine(self.study, bundle, taught, place)
        set_thresholds(self.study, bundle, normal, place)
        return Bundle(bundle)

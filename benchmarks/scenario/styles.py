"""Bundles for simulated styles: given, or made as a user makes one, from cloth without faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.styles import Study, run_step, train_and_export
from runtime.bundle import Bundle
from runtime.errors import UserError
from runtime.simulator.scenario import Scenario

TEACH_SEEDS, THRESHOLD_SEEDS = (1001, 1002), (1003, 1004)
"""Of the cloth that a style learns from and of that which its thresholds are set on: no pack has them."""


@dataclass(frozen=True)
class Bundles:
    """Where the bundles of styles come from.

    Attributes:
        study: how one is made; see benchmarks.styles.
        work: folder that those made here lie in. given: by style; ``""`` is for every other style.
        lines: of each roll to learn from and to set thresholds on.
    """

    study: Study
    work: Path
    given: Mapping[str, Path] = field(default_factory=dict)
    lines: int = 8000

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
        taught = [f"{cloth}&defects_per_100m={faults:g}&seed={seed}" for seed in TEACH_SEEDS]
        size = ["--sim-lines", str(self.lines)]
        bundle, _ = train_and_export(self.study, [*taught, *size, "--mm-per-px", f"{mm_per_px:g}"], place, style)
        if self.study.key not in Bundle(bundle).settings().thresholds:
            arguments = ["calibration", "threshold", "--bundle", str(bundle), *size]
            run_step([*arguments, "--rolls", *(f"{cloth}&seed={seed}" for seed in THRESHOLD_SEEDS)], place)
        return Bundle(bundle)

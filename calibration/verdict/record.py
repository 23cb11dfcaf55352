"""The verdict as it lies in the bundle: reports/<engine key>/verdict.yaml, beside the page that shows it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from calibration.verdict.limits import Check, Limits
from calibration.verdict.numbers import poisson_interval
from runtime.bundle import Bundle, EngineManifest, device_key
from runtime.errors import UserError
from runtime.yaml_files import FORMAT, Strict, write_yaml

PX_PER_RATE = 10e6
"""False events are told per so many pixels of cloth."""


class Agreement(Strict):
    """How near the engine's map is to the reference's.

    Attributes:
        cells: map cells compared.
        sqnr_db: see calibration.verdict.numbers.Noise.
        rank_correlation: Spearman's, within a piece of cloth; the mean of the pieces.
        decided_otherwise: share of the cells that one engine has at or above its opening threshold, the other not.
    """

    cells: int
    sqnr_db: float
    rank_correlation: float
    decided_otherwise: float


class Alarms(Strict):
    """Events on normal cloth.

    Attributes:
        events: how many. pieces: of cloth that have one. per_10mpx: rate, with the exact 95 % interval [low, high] of
            a Poisson count, which takes events for independent.
    """

    events: int
    pieces: int
    per_10mpx: float
    low: float
    high: float

    @classmethod
    def of(cls, by_piece: list[int], px: int) -> Alarms:
        """From the events of each piece and the pixels that were judged in all of them (more than 0)."""
        events, times = sum(by_piece), PX_PER_RATE / px
        low, high = poisson_interval(events)
        pieces = sum(count > 0 for count in by_piece)
        return cls(events=events, pieces=pieces, per_10mpx=events * times, low=low * times, high=high * times)


class Planted(Strict):
    """A painted defect.

    Attributes:
        where: piece of cloth, column and line of its middle. cls, contrast: as in calibration.painting.
        before, after: highest map value at it in the reference and the engine, in multiples of their own opening
            thresholds: found from 1 on.
    """

    where: str
    cls: str
    contrast: str
    before: float
    after: float

    @property
    def lost(self) -> bool:
        return self.before >= 1 > self.after

    @property
    def new(self) -> bool:
        return self.before < 1 <= self.after


class Judged(Strict):
    """An engine as it was compared.

    Attributes:
        key: <engine>-<precision>. name: engine, precision and device as executed. opening: the threshold in use.
        built: its manifest; made: how the form that it was built from was made.
    """

    key: str
    name: str
    opening: float
    built: EngineManifest
    made: dict[str, Any]


class Verdict(Strict):
    """All that was found.

    Attributes:
        rolls, pieces, mpx: the cloth: as it was named, how many pieces, megapixels judged.
        notes: what the reader must know about the cloth.
        painted_defects, found_before, found_after: numbers of painted defects.
        lost, new: those found by the reference alone, and by the engine alone.
        alarms_before, alarms_after: events on normal cloth, each engine at its own threshold;
            alarms_unset: of the engine at the reference's threshold, as if it had not been set again.
    """

    format: int = FORMAT
    bundle_id: str
    time: str
    passes: bool
    checks: list[Check]
    limits: Limits
    reference: Judged
    candidate: Judged
    rolls: list[str]
    pieces: int
    mpx: float
    notes: list[str]
    normal: Agreement
    painted: Agreement
    painted_defects: int
    found_before: int
    found_after: int
    lost: list[Planted]
    new: list[Planted]
    alarms_before: Alarms
    alarms_after: Alarms
    alarms_unset: Alarms


def folder_of(bundle: Bundle, engine: EngineManifest) -> Path:
    """Where the report of an engine lies."""
    return bundle.path / "reports" / f"{engine.engine}-{engine.precision}-{device_key(engine.device)}"


def store(bundle: Bundle, verdict: Verdict, page: str) -> Path:
    """Write verdict and page into the bundle in one step, in place of those of an earlier report.

    Returns:
        The page.

    Raises:
        UserError: they cannot be written.
    """
    folder = folder_of(bundle, verdict.candidate.built)
    try:
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as made:
            aside = Path(made) / folder.name
            aside.mkdir()
            write_yaml(aside / "verdict.yaml", verdict)
            (aside / "index.html").write_text(page, encoding="utf-8")
            if folder.exists():
                folder.rename(Path(made) / "old")
            aside.rename(folder)
    except OSError as error:
        raise UserError(f"Cannot write the report to '{folder}': {error.strerror}.") from error
    return folder / "index.html"

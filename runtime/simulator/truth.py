"""Ground truth of a roll as JSON Lines: what lies where, how strong it is, and whether it can be seen at all.

One object a line, by first line; the fields are those of ``TruthEntry``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from runtime.errors import UserError
from runtime.simulator.defects import PlantedDefect
from runtime.simulator.fabric import Fabric
from runtime.simulator.faults import FOREVER, Placed
from runtime.simulator.rendering import CHUNK
from runtime.simulator.snr import WINDOW_LINES, Oracle
from runtime.types import Float32


@dataclass(frozen=True)
class TruthEntry:
    """One fault or nuisance. Lines, columns, millimetres and metres as in ``Placed``.

    Attributes:
        end_line, y1_m: None for what runs to the end of the roll.
        kind: local, warp, weft or area; None for a nuisance.
        expect: ``defect`` for a fault, else what the runtime should make of it (``nuisances.EXPECT``).
        polyline: (x mm, y m) along its middle where it is bent, else empty.
        severity: as asked for; None for a defect that was asked for by size.
        contrast_dn, snr: see ``snr.Seen``.
        min_px: shorter side of the box in pixels or lines.
    """

    id: str
    cls: str
    kind: str | None
    expect: str
    x0_px: int
    x1_px: int
    first_line: int
    end_line: int | None
    x0_mm: float
    x1_mm: float
    y0_m: float
    y1_m: float | None
    polyline: tuple[tuple[float, float], ...]
    continuous: bool
    period_mm: float | None
    severity: float | None
    contrast_dn: float
    snr: float
    min_px: int


class _Lying(Protocol):
    """What lies on lines [first_line, end_line), or on all from ``first_line`` on."""

    @property
    def first_line(self) -> int: ...

    @property
    def end_line(self) -> int | None: ...


Lying = TypeVar("Lying", bound=_Lying)


def touching(things: Iterable[Lying], first: int, end: int) -> list[Lying]:
    """Those with a line in [first, end), whole, though they may reach beyond."""
    return [one for one in things if one.first_line < end and (one.end_line is None or one.end_line > first)]


def change_of(thing: Placed | PlantedDefect, fabric: Fabric) -> Float32:
    """By how much a fault changes the light of its box, of which the first WINDOW_LINES lines are looked at.

    Returns:
        float32 [lines, x1_px - x0_px], DN.
    """
    end = min(thing.end_line, thing.first_line + WINDOW_LINES)
    parts = []
    for start in range(thing.first_line // CHUNK * CHUNK, end, CHUNK):
        light = fabric.light(start)
        before = light.copy()
        thing.apply(light, start, fabric.style.grey)
        rows = slice(max(thing.first_line - start, 0), min(end - start, CHUNK))
        parts.append((light - before)[rows, thing.x0_px : thing.x1_px])
    return np.concatenate(parts)


def entry_of(thing: Placed | PlantedDefect, fabric: Fabric, oracle: Oracle) -> TruthEntry:
    """The truth of one fault or nuisance, with what the oracle says of it."""
    seen = oracle.see(change_of(thing, fabric), thing.kind)
    endless = thing.end_line == FOREVER
    polyline: tuple[tuple[float, float], ...] = ()
    expect, continuous, period_mm, severity = "defect", False, None, None
    if isinstance(thing, Placed):
        expect, polyline, continuous = thing.expect, thing.polyline, thing.continuous
        period_mm, severity = thing.period_mm, thing.severity
    return TruthEntry(
        id=thing.id, cls=thing.cls, kind=thing.kind.value if thing.kind else None,
        expect=expect, x0_px=thing.x0_px, x1_px=thing.x1_px,
        first_line=thing.first_line, end_line=None if endless else thing.end_line,
        x0_mm=thing.x0_mm, x1_mm=thing.x1_mm, y0_m=thing.y0_m, y1_m=None if endless else thing.y1_m,
        polyline=polyline, continuous=continuous, period_mm=period_mm, severity=severity,
        contrast_dn=seen.contrast_dn, snr=seen.snr,
        min_px=min(thing.x1_px - thing.x0_px, thing.end_line - thing.first_line),
    )  # fmt: skip


def write(path: Path, entries: Iterable[TruthEntry]) -> None:
    """Write a roll's truth, by first line."""
    ordered = sorted(entries, key=lambda entry: (entry.first_line, entry.id))
    path.write_text("".join(json.dumps(asdict(entry), separators=(",", ":")) + "\n" for entry in ordered))


class Truth:
    """The truth of a roll, asked for by lines.

    Attributes:
        entries: all of it, by first line.
    """

    def __init__(self, entries: Iterable[TruthEntry]) -> None:
        self.entries = tuple(sorted(entries, key=lambda entry: (entry.first_line, entry.id)))

    @classmethod
    def read(cls, path: Path) -> Truth:
        """Read what ``write`` wrote.

        Raises:
            UserError: no such file, or a line that is no truth.
        """
        try:
            text = path.read_text()
        except OSError as error:
            raise UserError(f"the truth {path} cannot be read: {error.strerror}") from None
        entries = []
        for number, line in enumerate(text.splitlines(), 1):
            try:
                fields = json.loads(line)
                fields["polyline"] = tuple((float(x), float(y)) for x, y in fields["polyline"])
                entries.append(TruthEntry(**fields))
            except (ValueError, TypeError, KeyError) as error:
                raise UserError(f"line {number} of {path} is no entry of a truth ({error}): write it anew") from None
        return cls(entries)

    def between(self, first: int, end: int) -> list[TruthEntry]:
        """The entries with a line in [first, end)."""
        return touching(self.entries, first, end)

"""The PDF: where its library is there, whole; where it is not, one sentence."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from runtime.errors import MissingExtra
from runtime.rolls.graded import GradedRoll, grade
from runtime.rolls.pdf import COLOURS, pdf
from runtime.rolls.policy import POLICIES
from runtime.rolls.reading import read_roll
from runtime.rolls.roll_map import draw_map
from runtime.rolls.store import Label
from runtime.types import Kind, Reason
from tests.runtime.rolls.made import care, defect, gap, make_roll, progress, repeat, started, summary


@pytest.fixture
def graded(tmp_path: Path) -> GradedRoll:
    """A roll with everything that a map can show."""
    rows = [defect(kind.value, (at, at + 0.5), kind=kind) for at, kind in enumerate(Kind)]
    gaps = [
        gap(Reason.OVERLOAD, (5.0, 6.0)),
        gap(Reason.NO_CLOTH, (6.0, 7.0)),
        gap(Reason.CAMERA_LOST, None, seconds=1),
    ]
    notes = [repeat("r", 2000.0, rows[:3]), care("m", 2.0)]
    many = [defect(f"x{n}", (6.0 + n / 100, 6.001 + n / 100)) for n in range(100)]
    label = Label("<7>", "denim & co")
    make_roll(
        tmp_path,
        [started(), *rows, *gaps, *notes, progress(8.0)],
        [started(), *many, progress(9.0), summary()],
        label=label,
    )
    return grade(read_roll(tmp_path), POLICIES["inch"])


def test_every_style_of_the_map_has_a_colour(graded: GradedRoll) -> None:
    assert {shape.style for shape in draw_map(graded).shapes} == set(COLOURS)


@pytest.mark.skipif(importlib.util.find_spec("reportlab") is None, reason="needs the extra 'report'")
def test_a_document_of_pages(graded: GradedRoll, tmp_path: Path) -> None:
    made = pdf(graded)
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
    assert made.count(b"/Type /Page\n") >= 3
    empty = make_roll(tmp_path / "empty", [])
    assert pdf(grade(read_roll(empty), POLICIES["metric"])).startswith(b"%PDF-")


def test_without_the_library(graded: GradedRoll, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reportlab", None)
    for name in [name for name in sys.modules if name.startswith("reportlab.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "reportlab.lib.pagesizes", None)
    with pytest.raises(MissingExtra, match=r"A report as PDF needs .*'reportlab'.*weftwatch\[report\]"):
        pdf(graded)

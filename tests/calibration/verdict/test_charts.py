"""Charts: every defect is drawn, where it belongs, under its name."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from calibration.verdict.charts import HIGH, LOW, SIDE, TALL, histogram, place, scatter
from calibration.verdict.record import Planted


def planted(before: float, after: float, where: str = "here") -> Planted:
    return Planted(where=where, cls="nep", contrast="weak", before=before, after=after)


def test_scores_lie_on_a_logarithmic_scale() -> None:
    assert place(LOW) == 0
    assert place(HIGH) == 1
    assert place(1) - place(0.5) == pytest.approx(place(4) - place(2))
    for beyond, at in ((0.0, 0), (-3.0, 0), (-np.inf, 0), (1e9, 1)):
        assert place(beyond) == at


def test_every_defect_is_a_point_of_its_kind_at_its_place() -> None:
    kinds = {"found": (2, 4), "lost": (2, 0.5), "new": (0.5, 2), "missed": (0.5, 0.25)}
    drawn = scatter([planted(*scores, where=f"<{kind}>") for kind, scores in kinds.items()])
    svg = ElementTree.fromstring(drawn)
    points = {point.get("class"): point for point in svg.iter("circle")}
    assert set(points) == set(kinds)
    for kind, (before, after) in kinds.items():
        point = points[kind]
        assert float(point.get("cx")) == pytest.approx(place(before) * SIDE, abs=0.1)
        assert float(point.get("cy")) == pytest.approx(SIDE - place(after) * SIDE, abs=0.1)
        assert f"{before:.2f} to {after:.2f} (<{kind}>)" in (point.findtext("title") or "")
    words = [text.text for text in svg.iter("text") if text.get("class") == "label"]
    assert sorted(words) == ["found by both: 1", "lost: 1", "missed by both: 1", "new: 1"]


def test_a_defect_at_the_threshold_is_found() -> None:
    assert 'class="lost"' in scatter([planted(1.0, 0.999)])
    assert 'class="new"' in scatter([planted(0.999, 1.0)])
    assert not re.search('circle class="(lost|new)"', scatter([planted(1.0, 1.0)]))


def test_the_highest_step_is_as_high_as_the_chart_and_named() -> None:
    svg = ElementTree.fromstring(histogram(np.full(7, 2.0), np.array([0.5, 0.5, 3.0]), "scores"))
    numbers = [text.text for text in svg.iter("text")]
    assert numbers[:2] == ["7", "0"]
    heights = {
        path.get("class"): [float(y) for y in re.findall(r"V([\d.]+)", path.get("d"))] for path in svg.iter("path")
    }
    assert min(heights["before"]) == 0
    assert min(heights["after"]) == pytest.approx(TALL * 5 / 7, abs=0.1)


def test_nothing_to_draw_is_drawn_as_nothing() -> None:
    none = np.zeros(0)
    for drawn in (scatter([]), histogram(none, none, "none")):
        assert not list(ElementTree.fromstring(drawn).iter("circle"))

"""The page and the tables: self-contained, escaped, and with every figure that the grades have."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.events import Event
from runtime.rolls.crops import Crop, CropFolder, Quota
from runtime.rolls.graded import GradedRoll, grade
from runtime.rolls.page import page
from runtime.rolls.pictures import LONGEST, MOST_PICTURES, SIDE_PX, pictured, thumbnail
from runtime.rolls.policy import POLICIES
from runtime.rolls.reading import read_roll
from runtime.rolls.store import Label, Store
from runtime.rolls.tables import document, tables
from runtime.types import Kind, Reason, State
from tests.runtime.rolls.made import defect, gap, make_roll, progress, started, summary

VOID = {"meta", "img", "path", "rect", "br"}


class Tags(HTMLParser):
    """Every element that is opened is closed, and what it names is there."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids += [told["id"]] if told.get("id") else []  # type: ignore[list-item]
        self.links += [told["href"]] if told.get("href") else []  # type: ignore[list-item]
        self.images += tag == "img"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture
def graded(tmp_path: Path) -> GradedRoll:
    store = Store(tmp_path / "roll", Label("<7>", "denim & co", "12"), "early")
    store.add([
        started(), defect("a", (1.0, 1.01)), defect("b", (2.0, 4.0), kind=Kind.WARP), defect("c", (5.0, 5.5)),
        gap(Reason.OVERLOAD, (7.0, 7.1)), defect("d", (8.0, 9.0), state=State.OPEN), progress(10.0),
    ])  # fmt: skip
    folder = CropFolder(store, Quota())
    for name, shape in (("a", (40, 30, 1)), ("b", (400, 20, 3))):
        folder.keep(Crop(name, np.full(shape, 90, np.uint8)))
    store.close()
    return grade(read_roll(tmp_path / "roll"), POLICIES["inch"])


def test_the_page_stands_alone(graded: GradedRoll) -> None:
    text = page(graded)
    tags = Tags(text)
    assert tags.open == []
    assert set(re.findall(r'(?:src|href)="([^"#:]*)[":#]', text)) == {"", "data"}
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert "<script" not in text
    assert {link[1:] for link in tags.links} <= set(tags.ids)
    assert tags.images == 2


def test_the_page_says_what_the_roll_is_and_is_worth(graded: GradedRoll) -> None:
    text = page(graded)
    for part in (
        "Roll &lt;7&gt;", "denim &amp; co", "early", "10.00 m (10.9 yd)", "1000 mm", "settings revision 3",
        graded.four.grade, f"{graded.four.points} points", f"{graded.four.per_100m2:.2f} for 100 m²",
        "Run 1 was cut off at 10.000 m", "overload", "cut off", "most uninspected percent".replace(" ", "_"),
        "four_point.lengths_mm", "76.2, 152.4, 228.6", "still open",
    ):  # fmt: skip
        assert part in text, part
    assert "<7>" not in text


def test_an_empty_roll_has_a_page_too(tmp_path: Path) -> None:
    Store(tmp_path / "roll", Label()).close()
    text = page(grade(read_roll(tmp_path / "roll"), POLICIES["metric"]))
    for part in ("No cloth was seen.", "No defect.", "All cloth was looked at.", "no grade", "No cloth was looked at."):
        assert part in text, part
    assert Tags(text).open == []


def test_pictures_are_small_and_a_damaged_one_is_left_out(graded: GradedRoll) -> None:
    a, b = (one for _, one in pictured(graded))
    small = thumbnail(b)
    assert small is not None
    assert len(small) < 4000
    shown = cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[:2] == (SIDE_PX, SIDE_PX / LONGEST), "the middle of a line, not a thread of it"
    assert a.crop is not None
    a.crop.write_bytes(b"damaged")
    assert Tags(page(graded)).images == 1


def test_of_many_pictures_those_that_weigh_most(tmp_path: Path) -> None:
    store = Store(tmp_path / "roll", Label())
    kinds = [Kind.LOCAL] * MOST_PICTURES + [Kind.WARP]
    ends = [2.0 * n + (1.5 if kind is Kind.WARP else 0.01) for n, kind in enumerate(kinds)]
    store.add([defect(str(n), (2.0 * n, ends[n]), kind=kind) for n, kind in enumerate(kinds)])
    for n in range(len(kinds)):
        store.add_crop(str(n), f"{n}.png", 1)
    store.close()
    shown = pictured(grade(read_roll(tmp_path / "roll"), POLICIES["inch"]))
    assert len(shown) == MOST_PICTURES
    assert shown[-1][1].id == str(MOST_PICTURES), "the running one is shown, though it is the last"
    assert [number for number, _ in shown] == sorted(number for number, _ in shown)


@pytest.mark.parametrize(
    ("blind", "looked_at"),
    [([], "10.00 m (100.0 %)"), ([gap(Reason.OVERLOAD, (1.0, 1.004))], "10.00 m (99.9 %)")],
)
def test_all_was_looked_at_means_all(tmp_path: Path, blind: list[Event], looked_at: str) -> None:
    make_roll(tmp_path / "roll", [started(), *blind, progress(10.0), summary()])
    assert looked_at in page(grade(read_roll(tmp_path / "roll"), POLICIES["inch"]))


def test_a_picture_of_a_defect_that_counts_nothing_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "roll", Label())
    store.add([started(), defect("a", (1.0, 1.01), x=(0.0, 5.0)), defect("b", (2.0, 2.01)), progress(10.0)])
    for name in "ab":
        CropFolder(store, Quota()).keep(Crop(name, np.full((20, 20, 1), 90, np.uint8)))
    store.close()
    text = page(grade(read_roll(tmp_path / "roll"), POLICIES["inch"]))
    assert "1 local, 1.00 m, not graded" in text, "it lies in the edge"
    assert "2 local, 2.00 m, 1 p" in text


def test_json_has_all_of_it(graded: GradedRoll) -> None:
    content = json.loads(document(graded))
    assert content["roll"]["id"] == "<7>"
    assert (
        content["four_point"]["points"] == graded.four.points == sum(b["points"] for b in content["four_point"]["bins"])
    )
    assert content["policy"]["name"] == "inch"
    assert [one["id"] for one in content["defects"]] == ["a", "b", "c", "d"]
    assert content["defects"][1] == content["defects"][1] | {
        "number": 2, "kind": "warp", "y0_m": 2.0, "y1_m": 4.0, "four_points": 12, "crop": "b.png", "closed": True
    }  # fmt: skip
    assert [one["reason"] for one in content["not_inspected"]] == ["overload"]
    assert content["cloth"]["uninspected_percent"] == 1.0
    assert content["warnings"] == graded.warnings()


def test_csv_tables(graded: GradedRoll) -> None:
    read = {name: list(csv.DictReader(StringIO(text))) for name, text in tables(graded).items()}
    assert [(row["id"], row["four_points"], row["closed"]) for row in read["defects.csv"]] == [
        ("a", "1", "True"), ("b", "12", "True"), ("c", "4", "True"), ("d", "8", "False"),
    ]  # fmt: skip
    assert sum(int(row["four_points"]) for row in read["points.csv"]) == graded.four.points
    assert [(row["reason"], row["y0_m"]) for row in read["not_inspected.csv"]] == [("overload", "7.0")]

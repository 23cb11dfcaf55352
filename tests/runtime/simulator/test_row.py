"""Several cameras over one loom."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.simulator.defects import Plant
from runtime.simulator.gains import Dust
from runtime.simulator.loom import Loom
from runtime.simulator.row import CameraRow, Station, look_side_by_side
from runtime.simulator.sensor import SensorModel
from runtime.simulator.world import World

QUIET = SensorModel(prnu=0, read_noise=0, full_well=0)
OFF = CameraRow(cameras=3, overlap_mm=40, dx_mm=2.0, dy_lines=3.0, angle_deg=0.2, gain=0.03, seed=1)


def make(**kwargs: object) -> Loom:
    return Loom(**{"style": "plain", "width": 2000, "seed": 3, "falloff": 0.0, "sensor": QUIET} | kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize("cameras", [1, 2, 3, 8])
def test_cameras_cover_the_loom_and_overlap(cameras: int) -> None:
    loom = make()
    stations = look_side_by_side(loom, CameraRow(cameras, overlap_mm=20.0))
    whole = loom.lines(0, 64)
    for number, station in enumerate(stations):
        left = round(station.x_offset_mm / 0.2)
        assert np.array_equal(station.look.lines(0, 64), whole[:, left : left + station.look.width])
        assert left == number * (stations[0].look.width - 100)
    assert 2000 - cameras < left + station.look.width <= 2000


def hole_in(station: Station) -> tuple[float, float] | None:
    """Line and loom millimetres, as the camera would tell them, of the middle of a black hole; None: not in view."""
    rows, columns = np.nonzero(station.look.lines(400, 200)[:, :, 0] < 15)
    return (400 + float(rows.mean()), station.x_offset_mm + (float(columns.mean()) + 0.5) * 0.2) if rows.size else None


def test_both_cameras_see_what_lies_in_their_overlap() -> None:
    # 3 cameras of 800 px, 600 px apart: 140 mm is the middle of the first overlap.
    loom = make(defects=[Plant("hole", x_mm=140.0, y_m=0.1, size_mm=8.0, contrast=-1.0)])
    first, second, third = (hole_in(station) for station in look_side_by_side(loom, CameraRow(3, 40.0)))
    assert third is None
    assert first is not None
    assert first == second
    assert first == (pytest.approx(520, abs=1), pytest.approx(140, abs=0.3))


def test_badly_mounted_cameras_differ_by_no_more_than_was_asked() -> None:
    loom = make(defects=[Plant("hole", x_mm=140.0, y_m=0.1, size_mm=8.0, contrast=-1.0)])
    places = [hole_in(station) for station in look_side_by_side(loom, OFF)[:2]]
    assert places[0] is not None
    assert places[1] is not None
    for line, x_mm in (place for place in places if place):
        assert abs(x_mm - 140) <= 2.3
        assert abs(line - 520) <= 3 + 400 * np.sin(np.radians(0.2)) + 1
    assert abs(places[0][1] - places[1][1]) > 0.3
    greys = [station.look.lines(0, 64)[:, 300:500].mean() for station in look_side_by_side(loom, OFF)]
    assert 0.5 < np.ptp(greys) <= 0.06 * 130


@pytest.mark.parametrize("field", ["dx_mm", "dy_lines", "angle_deg", "gain", "seed"])
def test_each_error_is_a_cameras_own(field: str) -> None:
    row = CameraRow(2, 40.0, dx_mm=1.0) if field == "seed" else CameraRow(2, 40.0)
    value = {"dx_mm": 2.0, "dy_lines": 3.0, "angle_deg": 0.2, "gain": 0.03, "seed": 9}[field]
    mounts = [station.look.mount for station in look_side_by_side(make(), row)]
    off = [station.look.mount for station in look_side_by_side(make(), CameraRow(**{**vars(row), field: value}))]
    assert all(before != after for before, after in zip(mounts, off, strict=True))
    assert off[0] != off[1]


def test_a_world_for_each_camera_or_one_for_all() -> None:
    dusty = World(disturbances=(Dust(column=100.0, loss=0.5),))
    clean, own = look_side_by_side(make(), CameraRow(2), (World(), dusty))
    plain = look_side_by_side(make(), CameraRow(2))
    assert np.array_equal(clean.look.lines(0, 64), plain[0].look.lines(0, 64))
    darker = own.look.lines(0, 64)[:, 99].mean() / plain[1].look.lines(0, 64)[:, 99].mean()
    assert darker == pytest.approx(0.5, abs=0.02)
    assert all(station.look.world == dusty for station in look_side_by_side(make(), CameraRow(3), dusty))


@pytest.mark.parametrize(
    ("make_it", "words"),
    [
        (lambda: CameraRow(9), "1 to 8"),
        (lambda: CameraRow(2, -1.0), "0 mm or more"),
        (lambda: look_side_by_side(make(), CameraRow(8, 200.0)), "little else"),
        (lambda: look_side_by_side(make(), CameraRow(2), (World(),)), "as many worlds"),
    ],
)
def test_bad_arguments_are_said_in_a_sentence(make_it, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=words):
        make_it()

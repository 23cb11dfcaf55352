"""Finding cloth: on the simulated loom its edges are known."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.preprocess.cloth import ClothFinder, column_profile, widest_run
from runtime.simulator.loom import Loom

FINDER = ClothFinder(grid=4)
STYLES = ["plain", "twill22", "twill31", "satin5"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("background", [40.0, 150.0])
def test_table_and_selvedge_are_left_out_and_nearly_all_cloth_is_in(style: str, background: float) -> None:
    loom = Loom(style, width=1600, seed=3, background=background)
    left, right = loom.fabric.edges
    selvedge = loom.style.selvedge_mm / loom.mm_per_px
    found = FINDER.find(loom.lines(0, 256))
    assert found is not None
    x0, x1 = found
    assert x0 % 4 == 0
    assert left <= x0, "no background"
    assert x1 <= right
    assert x0 - left <= selvedge + 120
    assert right - x1 <= selvedge + 120


def test_where_only_cloth_is_seen_all_of_it_is_cloth() -> None:
    loom = Loom("twill22", width=1600, seed=3, falloff=0.0)
    left, right = (round(edge) for edge in loom.fabric.edges)
    inside = loom.lines(0, 256)[:, left + 100 : right - 100]
    assert FINDER.find(inside) == (0, inside.shape[1])


@pytest.mark.parametrize("background", [10.0, 40.0, 60.0])
def test_a_dark_table_with_no_cloth_on_it_is_not_cloth(background: float) -> None:
    loom = Loom("plain", width=1600, seed=3, background=background, margin_mm=100)
    table = loom.lines(0, 256)[:, : round(loom.fabric.edges[0]) - 20]
    assert table.shape[1] > FINDER.min_width_px
    assert column_profile(table)[0].max() > 1, "there is noise to be taken for cloth"
    assert FINDER.find(table) is None


def test_a_strip_narrower_than_allowed_is_not_cloth() -> None:
    loom = Loom("plain", width=1600, seed=3)
    pixels = loom.lines(0, 256)
    pixels[:, :700] = 40
    pixels[:, 780:] = 40
    assert FINDER.find(pixels) is None
    assert FINDER.find(pixels[:, :3]) is None, "nor are lines too short to tell"


def test_a_hole_and_a_stain_in_the_cloth_do_not_cut_it_in_two() -> None:
    loom = Loom("plain", width=1600, seed=3)
    whole = FINDER.find(loom.lines(0, 256))
    spoilt = loom.lines(0, 256)
    spoilt[100:160, 600:640] = 20
    spoilt[:, 900:903] = 200
    assert FINDER.find(spoilt) == whole


def test_sixteen_bits_give_the_same_cloth() -> None:
    loom = Loom("plain", width=1600, seed=3)
    pixels = loom.lines(0, 128)
    assert FINDER.find(pixels.astype(np.uint16) * 257) == FINDER.find(pixels)


def test_texture_is_of_the_yarns_and_not_of_the_light() -> None:
    ramp = np.broadcast_to(np.linspace(50, 200, 600), (64, 600))[..., None].astype(np.uint8)
    texture, light = column_profile(ramp)
    assert texture.max() <= 1
    np.testing.assert_allclose(light[100:500], ramp[0, 100:500, 0], atol=2)
    yarns = (100 + 40 * (np.arange(600) // 2 % 2)).astype(np.uint8)
    texture, _ = column_profile(np.broadcast_to(yarns, (64, 600))[..., None])
    assert texture[100:500].min() > 20


@pytest.mark.parametrize(
    ("mask", "join", "run"),
    [("", 3, (0, 0)), ("...", 3, (0, 0)), (".##.###", 1, (4, 7)), (".##.###", 2, (1, 7)), ("##...#", 3, (0, 2))],
)
def test_the_widest_run(mask: str, join: int, run: tuple[int, int]) -> None:
    assert widest_run(np.array([sign == "#" for sign in mask], bool), join) == run

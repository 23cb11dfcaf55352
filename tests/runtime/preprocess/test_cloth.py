"""Finding cloth: on the simulated loom its edges are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.preprocess.cloth import ClothFinder, column_profile, runs
from runtime.simulator.faults import Fault
from runtime.simulator.loom import Loom
from runtime.simulator.styles import find_style
from runtime.types import UInt8

FINDER = ClothFinder(grid=4)
WAVER_PX = 24
"""By so much found edges differ from one piece of the same cloth to the next."""
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


def near(found: tuple[int, int] | None, whole: tuple[int, int] | None) -> bool:
    return bool(found and whole and max(abs(found[0] - whole[0]), abs(found[1] - whole[1])) <= WAVER_PX)


@pytest.mark.parametrize("width", [512, 800, 2048])
def test_pieces_of_clean_cloth_are_all_found_however_narrow(width: int) -> None:
    loom = Loom("twill22", width=width, seed=1)
    found = [FINDER.find(loom.lines(first, 128)) for first in range(0, 1024, 128)]
    assert all(near(one, found[0]) for one in found), found


ACROSS = [(800, 56), (800, 80), (800, 104), (2048, 60), (2048, 204), (2048, 350)]
SMALL = [(cls, *place) for cls in ("oil_stain", "hang_pick", "smash", "float_patch") for place in ACROSS]


# A large hole beside the edge leaves too little cloth to be told from it; there the region is held on to (Tiler).
@pytest.mark.parametrize(
    ("cls", "width", "x_mm"), [*SMALL, *[("hole", *place) for place in [(800, 80), (2048, 80), (2048, 204)]]]
)
def test_a_large_fault_in_the_cloth_is_not_its_edge(cls: str, width: int, x_mm: float) -> None:
    clean = Loom("twill22", width=width, seed=1)
    loom = Loom("twill22", width=width, seed=1, defects=[Fault(cls, x_mm, 0.005, 0.9, 3)])
    assert (loom.lines(0, 128) != clean.lines(0, 128)).any(), "the fault lies in these lines"
    assert near(FINDER.find(loom.lines(0, 128)), FINDER.find(clean.lines(0, 128)))


@pytest.mark.parametrize(
    ("rows", "columns", "grey"),
    [
        (slice(None), slice(900, 1000), 20),
        (slice(None), slice(1100, 1110), 250),
        (slice(0, 120), slice(400, 1200), 40),
        (slice(60, 160), slice(0, 1600), 200),
    ],
    ids=["a dark stripe", "a bright line", "more than half the width", "all the width, for a while"],
)
@pytest.mark.parametrize("style", STYLES)
def test_what_is_painted_over_cloth_is_not_its_edge(style: str, rows: slice, columns: slice, grey: int) -> None:
    pixels = Loom(style, width=1600, seed=3).lines(0, 256)
    whole = FINDER.find(pixels)
    pixels[rows, columns] = grey
    assert near(FINDER.find(pixels), whole)


def dimmed(pixels: UInt8, left: float, right: float) -> UInt8:
    """The same under a lamp that falls from the left to the right."""
    lamp = np.linspace(left, right, pixels.shape[1], dtype=np.float32)[:, None]
    out: UInt8 = np.clip(pixels * lamp, 0, 255).astype(np.uint8)
    return out


@pytest.mark.parametrize("table", [100, 150, 200])
@pytest.mark.parametrize("grey", [12.0, 70.0])
@pytest.mark.parametrize(("left", "right"), [(1.0, 1.0), (1.3, 0.5), (0.6, 1.3)])
def test_cloth_that_leaves_the_table_bare_at_one_side_alone(table: int, grey: float, left: float, right: float) -> None:
    pixels = Loom("twill22", width=2048, seed=5, falloff=0.0).lines(0, 256)[:, 100:-100]
    pixels[:, :table] = np.random.default_rng(1).normal(grey, 1, (256, table, 1))
    found = FINDER.find(dimmed(pixels, left, right))
    assert found is not None
    assert table <= found[0] <= table + 100
    assert found[1] == pixels.shape[1]


def test_cloth_of_less_texture_beyond_a_fold_is_cloth() -> None:
    """A fold in dim light: beside it the texture steps, and goes on lower."""
    pixels = Loom("twill22", width=2048, seed=5, falloff=0.0).lines(0, 256)[:, 100:-100]
    mean = pixels.mean()
    calmed = np.linspace(1, 0.6, 1848)[:, None]
    calmed[1480:1520] *= 0.4
    calmed[1520:] *= 0.8
    assert FINDER.find((mean + (pixels - mean) * calmed).astype(np.uint8)) == (0, 1848)


@pytest.mark.parametrize("margin_mm", [15.0, 60.0])
@pytest.mark.parametrize("style", STYLES)
def test_an_open_edge_without_a_selvedge_is_found(style: str, margin_mm: float) -> None:
    loom = Loom(replace(find_style(style), selvedge_mm=0.0), width=1600, seed=3, margin_mm=margin_mm)
    left, right = loom.fabric.edges
    found = FINDER.find(loom.lines(0, 256))
    assert found is not None
    assert left <= found[0] <= left + 60
    assert right - 60 <= found[1] <= right


@pytest.mark.parametrize(("columns", "bare"), [((0, 0), True), ((700, 740), True), ((300, 1300), False)])
def test_a_table_is_bare_but_spoilt_cloth_is_not(columns: tuple[int, int], bare: bool) -> None:
    cloth = Loom("plain", width=1600, seed=3).lines(0, 256)
    pixels = np.random.default_rng(2).normal(40, 1, cloth.shape).astype(np.uint8)
    pixels[:, slice(*columns)] = cloth[:, slice(*columns)]
    assert FINDER.is_bare(pixels) is bare


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
    ("mask", "join", "found"),
    [
        ("", 3, []),
        ("...", 3, []),
        (".##.###", 1, [(1, 3), (4, 7)]),
        (".##.###", 2, [(1, 7)]),
        ("##..#", 2, [(0, 2), (4, 5)]),
    ],
)
def test_runs(mask: str, join: int, found: list[tuple[int, int]]) -> None:
    assert runs(np.array([sign == "#" for sign in mask], bool), join) == found

"""Faults and nuisances: what they change, where they say they lie, and how severity shows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.simulator.fabric import CHUNK, Fabric
from runtime.simulator.faults import FAULTS, FOREVER, Cloth, Fault, Placed, lay_fault
from runtime.simulator.nuisances import EXPECT, NUISANCES, Nuisance, lay_nuisance
from runtime.simulator.styles import find_style

WIDTH, MM = 500, 0.2
LINES = 512
LOOSE_PX = 16
"""A box may be this much wider than what is seen to change: soft rims fade out before it."""


def cloth(style: str = "twill22") -> Cloth:
    return Cloth(Fabric(find_style(style), WIDTH, 3, MM, MM, 8.0, 40.0, 0.5), MM, MM)


@pytest.fixture(scope="module")
def woven() -> Cloth:
    return cloth()


def change(thing: Placed, on: Cloth, lines: int = LINES) -> np.ndarray:
    """By how much the light of lines [0, lines) changes, float32 [lines, WIDTH]."""
    parts = []
    for start in range(0, lines, CHUNK):
        light = on.fabric.light(start)
        before = light.copy()
        thing.apply(light, start, on.fabric.style.grey)
        parts.append(light - before)
    return np.concatenate(parts)


def lay(cls: str, on: Cloth, severity: float = 1.0, length_mm: float | None = None) -> Placed:
    if cls in FAULTS:
        return lay_fault(Fault(cls, 48.0, 0.02, severity, seed=5, length_mm=length_mm), on, "one")
    return lay_nuisance(Nuisance(cls, 48.0, 0.02, severity, seed=5, length_mm=length_mm), on, "one")


@pytest.mark.parametrize("cls", [*FAULTS, *NUISANCES])
def test_it_changes_its_box_and_nothing_else(cls: str, woven: Cloth) -> None:
    thing = lay(cls, woven, severity=0.6)
    seen = change(thing, woven)
    box = (slice(thing.first_line, min(thing.end_line, LINES)), slice(thing.x0_px, thing.x1_px))
    outside = np.ones(seen.shape, bool)
    outside[box] = False
    assert not seen[outside].any()
    assert np.abs(seen[box]).max() > (0.2 if cls == "shade_drift" else 2)
    assert np.isfinite(seen).all()


@pytest.mark.parametrize("cls", [cls for cls in FAULTS if cls not in ("shade_drift", "periodic_stain", "temple_mark")])
def test_the_box_is_hardly_larger_than_what_is_seen(cls: str, woven: Cloth) -> None:
    thing = lay(cls, woven, length_mm=60.0)
    seen = np.abs(change(thing, woven)) > 0.5
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert columns[0] - thing.x0_px <= LOOSE_PX + 0.25 * (thing.x1_px - thing.x0_px)
    assert thing.x1_px - 1 - columns[-1] <= LOOSE_PX + 0.25 * (thing.x1_px - thing.x0_px)
    assert rows[0] - thing.first_line <= LOOSE_PX + 0.15 * (min(thing.end_line, LINES) - thing.first_line)
    assert min(thing.end_line, LINES) - 1 - rows[-1] <= LOOSE_PX + 0.15 * (
        min(thing.end_line, LINES) - thing.first_line
    )


@pytest.mark.parametrize("cls", [*FAULTS, *NUISANCES])
def test_it_is_the_same_however_it_is_asked(cls: str, woven: Cloth) -> None:
    """Chunks in another order, and another object made from the same request."""
    whole = change(lay(cls, woven), woven, 256)
    again = lay(cls, woven)
    for start in (192, 0, 128, 64):
        light = woven.fabric.light(start)
        before = light.copy()
        again.apply(light, start, woven.fabric.style.grey)
        assert np.array_equal(light - before, whole[start : start + CHUNK])


@pytest.mark.parametrize("cls", FAULTS)
def test_severity_makes_it_larger_or_stronger(cls: str, woven: Cloth) -> None:
    weak, strong = (lay(cls, woven, severity) for severity in (0.0, 1.0))
    spread = [(one.x1_px - one.x0_px) * min(one.end_line - one.first_line, 1 << 20) for one in (weak, strong)]
    power = [float((change(one, woven) ** 2).sum()) for one in (weak, strong)]
    assert spread[1] > spread[0] or power[1] > 1.2 * power[0]


@pytest.mark.parametrize("cls", ["nep", "hole", "oil_stain", "jerk_in", "weft_bar", "fly", "crease"])
def test_the_seed_chooses_another_one(cls: str, woven: Cloth) -> None:
    changes = []
    for seed in range(6):
        thing = lay_fault(Fault(cls, 48.0, 0.02, 0.8, seed=seed, length_mm=12.0), woven, "one")
        changes.append(change(thing, woven, 256).tobytes())
    assert len(set(changes)) > 1


@pytest.mark.parametrize("style", ["plain", "twill22", "satin8"])
def test_a_missing_pick_is_dark_and_a_broken_end_bares_the_weft(style: str) -> None:
    on = cloth(style)
    pick = change(lay("missing_pick", on), on, 256)
    at = int(on.fabric.pick_at(0.02 * 1000 / MM + on.fabric.pick_pitch / 2))
    assert pick[at, 100:400].mean() < -3
    end = lay("broken_end", on, length_mm=80.0)
    column = int(on.fabric.end_at(48.0 / MM))
    bared = change(end, on)[end.first_line + 10 : end.end_line - 10, column]
    assert np.abs(bared).mean() > 5


def test_a_weave_fault_keeps_what_lies_on_the_cloth(woven: Cloth) -> None:
    """Woven again, not painted over: a stain under a misdraw stays a stain."""
    misdraw = lay("misdraw", woven)
    light = woven.fabric.light(128)
    dark = 0.5 * light
    for one in (light, dark):
        misdraw.apply(one, 128, woven.fabric.style.grey)
    lit = woven.fabric.light(128)
    assert np.allclose(light - lit, dark - 0.5 * lit, atol=1e-3)


def test_what_runs_on_never_ends(woven: Cloth) -> None:
    mark = lay("reed_mark", woven, length_mm=math.inf)
    assert mark.end_line == FOREVER
    assert math.isinf(mark.y1_m)
    far = 50_000 * CHUNK
    light = woven.fabric.light(far)
    before = light.copy()
    mark.apply(light, far, 115.0)
    assert (light != before).any()


def test_a_periodic_stain_comes_once_a_turn(woven: Cloth) -> None:
    stain = lay_fault(Fault("periodic_stain", 48.0, 0.01, 0.5, length_mm=90.0, period_mm=30.0), woven, "one")
    seen = np.abs(change(stain, woven, 640)).sum(axis=1)
    turns = [seen[first : first + 150].sum() for first in (50, 200, 350)]
    assert stain.period_mm == 30.0
    assert min(turns) > 0.8 * max(turns)
    assert seen[500:].sum() == 0
    assert 0 < stain.end_line - 350 < 150


def test_another_cloth_follows_a_style_change(woven: Cloth) -> None:
    thing = lay_nuisance(Nuisance("style_change", y_m=0.0128, style="satin8", seed=2), woven, "one")
    other = woven.fabric.of_style(find_style("satin8"), woven.fabric.seed + 3)
    light = woven.fabric.light(64)
    thing.apply(light, 64, 115.0)
    assert np.array_equal(light, other.light(64))


@pytest.mark.parametrize("cls", NUISANCES)
def test_what_is_expected_of_a_nuisance_is_known(cls: str) -> None:
    assert NUISANCES[cls].expect in EXPECT
    assert NUISANCES[cls].expect != "defect"
    assert NUISANCES[cls].kind is None


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("moth"), "broken_end"),
        (Fault("nep", severity=1.5), "0 to 1"),
        (Fault("nep", x_mm=4000.0), "not on the cloth"),
        (Fault("nep", x_mm=50.0, y_m=-1.0), "not on the cloth"),
        (Fault("nep", x_mm=50.0, length_mm=0.0), "above 0"),
    ],
)
def test_bad_requests_are_said_in_a_sentence(fault: Fault, words: str, woven: Cloth) -> None:
    with pytest.raises(UserError, match=words):
        lay_fault(fault, woven, "one")


def test_a_share_of_the_contrast_is_a_share_of_the_change_in_the_same_box(woven: Cloth) -> None:
    whole, half = (lay_fault(Fault("hole", 48.0, 0.02, seed=5, contrast=share), woven, "one") for share in (1.0, 0.5))
    assert (whole.x0_px, whole.end_line) == (half.x0_px, half.end_line)
    assert change(half, woven) == pytest.approx(change(whole, woven) / 2, abs=1e-4)
    with pytest.raises(UserError, match="contrast of a hole"):
        lay_fault(Fault("hole", 48.0, 0.02, contrast=0), woven, "one")

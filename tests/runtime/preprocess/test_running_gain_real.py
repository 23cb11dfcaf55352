"""The gain that real cloth shows: light is learnt, a fault along the warp is not.

Needs the strips of AITEX, which are no part of this project: AITEX=FOLDER names one with a manifest.csv
(benchmarks/aitex.py). A fabric's good strips, 256 lines each, pass again and again.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.aitex import read_manifest
from runtime.preprocess.flatfield import FlatField
from runtime.preprocess.running_gain import RunningGain
from runtime.simulator.gains import StaleFlatField
from runtime.types import UInt8
from tests.runtime.preprocess.test_running_gain import contrast, unevenness

DATA = Path(os.environ.get("AITEX", "aitex-is-not-named"))
pytestmark = pytest.mark.skipif(not (DATA / "manifest.csv").exists(), reason="AITEX=FOLDER names the strips")
WIDTH = 2048
END = slice(700, 704)
"""Columns of the fault, where test_running_gain.contrast looks for them."""
LINES = 250_000
MM_PER_LINE = 0.2


def good_strips(fabric: str) -> list[UInt8]:
    """Columns of cloth alone, uint8 [256, WIDTH]: cloth lies at the right of every strip."""
    good = [strip for strip in read_manifest(DATA) if strip.fabric == fabric and strip.mask is None]
    pixels = [np.asarray(cv2.imread(str(strip.path), cv2.IMREAD_GRAYSCALE)) for strip in good]
    return [one[:, -WIDTH - 64 : -64].astype(np.uint8) for one in pixels]


@pytest.mark.parametrize("fabric", ["01", "02", "03"])
def test_light_is_learnt_and_a_fault_keeps_its_contrast(fabric: str) -> None:
    light = 1 + StaleFlatField(0, 1, drift=0.08, seed=3).pattern(WIDTH)
    light[END] *= 0.97
    seen = [np.clip(strip * light, 0, 255).astype(np.uint8)[:, :, None] for strip in good_strips(fabric)]
    even = FlatField(np.zeros((WIDTH, 1), np.float32), np.ones((WIDTH, 1), np.float32))
    field = replace(even, running=RunningGain(MM_PER_LINE, None, correct=True))
    for number in range(LINES // 256):
        field.correct(seen[number % len(seen)])
    before, after = np.concatenate(seen), np.concatenate([field.correct(one) for one in seen])
    assert unevenness(after) < 0.4 * unevenness(before)
    assert contrast(after) / contrast(before) > 0.9

"""Lamp and lens: told beyond a tenth, and when it is over."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from runtime.types import UInt8
from runtime.watch.light import LightWatch
from runtime.watch.look import Look, Looking, usual_look
from tests.runtime.watch.cloth import CLOTH, SCALE, blocks, cloth, times


def looks(pixels: UInt8) -> list[Look]:
    looking = Looking()
    return [look for block in blocks(pixels) for look in looking.add(block, CLOTH)]


def told(pixels: UInt8) -> tuple[list[bool], list[bool]]:
    """What is said of the light and of the focus, in order."""
    usual, watch = usual_look(looks(cloth()[:2560])), LightWatch(SCALE.mm_per_line)
    said = [watch.see(look, usual) for look in looks(pixels)]
    return [light for light, _ in said if light is not None], [focus for _, focus in said if focus is not None]


@pytest.mark.parametrize(
    ("factor", "light"),
    [(0.92, []), (1.08, []), (0.85, [True, False]), (1.15, [True, False]), (0.5, [True, False])],
)
def test_a_step_of_the_lamp(factor: float, light: list[bool]) -> None:
    assert told(times(cloth(), factor, 2000, 4000)) == (light, [])


def test_a_flicker_is_no_step() -> None:
    assert told(times(cloth(), 0.7, 2048, 2400)) == ([], [])


def test_between_the_limits_nothing_changes() -> None:
    flickering = times(times(cloth(), 0.87, 1000), 1.05, 3000)  # 0.91 of the light: neither wrong nor well
    assert told(flickering) == ([True], [])


def test_out_of_focus_and_back() -> None:
    pixels = cloth().copy()
    pixels[2000:4000] = cv2.GaussianBlur(pixels[2000:4000], (0, 0), 0.7)
    assert told(pixels) == ([], [True, False])


def test_another_cloth_is_not_out_of_focus() -> None:
    assert told(np.concatenate([cloth()[:1280], cloth("satin8", 768, seed=9)]))[1] == []

"""The lamp and the lens, by what cloth looks like: its brightness, and how sharp its weave is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runtime.watch.look import LOOK_LINES, OTHER_CLOTH, Look

DRIFT, BACK = 0.10, 0.08
"""The light is told of beyond DRIFT of what it was, and is well again within BACK."""
BLUR_PX, SHARP_PX = 0.4, 0.3
"""The same for the lens: sigma of the blur that came to it."""
BLUR_EXPLAINS = 0.6
"""A look is out of focus, and not another cloth, where blurring the usual one leaves no more of its distance."""
SEEN_WEAVE = 1e-3
"""Power of a weave that can be seen, over the square of the level: a contrast of 3 %."""
FOR_MM = 100.0
"""For so much cloth it has to last."""


@dataclass
class _Watched:
    """Something that is well or not, and for how many looks it seemed the other."""

    wrong: bool = False
    doubt: int = 0

    def step(self, wrong: bool, mm: float) -> bool:
        """Take what the newest look of ``mm`` of cloth says; True where that changed."""
        self.doubt = self.doubt + 1 if wrong is not self.wrong else 0
        if (self.doubt - 1) * mm < FOR_MM:  # in the first look it may have begun with the last line
            return False
        self.wrong, self.doubt = wrong, 0
        return True


class LightWatch:
    """Compares looks with the usual one."""

    def __init__(self, mm_per_line: float) -> None:
        self._mm = LOOK_LINES * mm_per_line
        self._light = _Watched()
        self._focus = _Watched()

    def see(self, look: Look, usual: Look) -> tuple[bool | None, bool | None]:
        """What changed with this look, of the light and of the focus: True wrong, False well again, None nothing."""
        return self._see_light(look, usual), self._see_focus(look, usual)

    def _see_light(self, look: Look, usual: Look) -> bool | None:
        limit = math.log1p(BACK if self._light.wrong else DRIFT)
        return self._light.wrong if self._light.step(abs(drift(look, usual)) > limit, self._mm) else None

    def _see_focus(self, look: Look, usual: Look) -> bool | None:
        limit = SHARP_PX if self._focus.wrong else BLUR_PX
        blurred = look.defocus_px(usual) > limit and _is_blur(look, usual)
        return self._focus.wrong if self._focus.step(blurred, self._mm) else None


def drift(look: Look, usual: Look) -> float:
    """Logarithm of the light's ratio to the usual."""
    return math.log(max(look.level, 1.0) / usual.level)


def is_other_cloth(look: Look, usual: Look) -> bool:
    """Another cloth, and not this one out of focus. Cloth whose weave cannot be seen cannot be told from another."""
    if float(usual.across.sum()) < SEEN_WEAVE:
        return False
    return look.distance(usual) >= OTHER_CLOTH and not _is_blur(look, usual)


def _is_blur(look: Look, usual: Look) -> bool:
    left = look.distance(usual.blurred(look.defocus_px(usual)))
    return left < BLUR_EXPLAINS * look.distance(usual)

"""Small pictures of the defects that weigh most, for a report that can be mailed."""

from __future__ import annotations

import cv2

from runtime.rolls.graded import GradedRoll
from runtime.rolls.roll import Found

MOST_PICTURES = 96
SIDE_PX = 160
QUALITY = 85
LONGEST = 2.0
"""Of the picture of a line, its length in widths: squeezed any further, it would not be seen."""


def pictured(graded: GradedRoll) -> list[tuple[int, Found]]:
    """Numbers and defects that are shown, in the roll's order: those with most points, then the clearest."""
    with_crop = [(number, one) for number, one in enumerate(graded.defects, start=1) if one.crop]
    heaviest = sorted(with_crop, key=lambda one: (-graded.four.of.get(one[1].id, 0), -one[1].score / one[1].threshold))
    return sorted(heaviest[:MOST_PICTURES], key=lambda one: one[0])


def thumbnail(defect: Found) -> bytes | None:
    """A defect's crop as a small JPEG, or None where its file is gone or damaged.

    Small defects are enlarged; of a long one the middle is shown.
    """
    image = cv2.imread(str(defect.crop), cv2.IMREAD_UNCHANGED)
    if image is None:
        return None
    most = round(LONGEST * min(image.shape[:2]))
    top, left = (max(0, (side - most) // 2) for side in image.shape[:2])
    image = image[top : top + most, left : left + most]
    scale = SIDE_PX / max(image.shape[:2])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])

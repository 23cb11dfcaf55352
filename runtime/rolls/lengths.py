"""The trade's lengths and areas in metric ones."""

from __future__ import annotations

INCH_MM = 25.4
YARD_M = 0.9144
SQUARE_YARD_M2 = YARD_M**2

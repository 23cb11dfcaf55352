"""Where the cloth's edges are held to be, over all that lies on the cloth beside them.

One row of tiles cannot tell a hole at the edge from the edge. But cloth wanders by millimetres over metres, so a held
edge follows what is found by no more than STEEPEST. One that is found farther off than a wander reaches is
believed when it was found there for a while without a break: soon where more cloth is found than before, for nothing
is lost by looking at it; late where cloth would no longer be looked at.
"""

from __future__ import annotations

from runtime.types import Scale

STEEPEST = 1 / 32
"""Across per along: five times the steepest wander that is known, 5 mm to either side over 5 m."""
SUDDEN_MM = 8.0
"""An edge found farther than this from the held one is in doubt."""
WIDER_MM = 102.4
"""Millimetres of doubt after which cloth is believed that reaches farther out than before: two tiles at 0.2 mm."""
NARROWER_MM = 1000.0
"""... and that cloth is gone which was there: longer than all faults but those that run on."""
SLACK_PX = 24
"""Smaller moves leave the region as it is, so that tiles keep their places. Less than the inset that the cloth finder
leaves inside an edge (runtime/preprocess/cloth.py)."""
ROUNDING_MM = 1e-6


class HeldRegion:
    """Follows the cloth's columns from row of tiles to row of tiles."""

    def __init__(self, scale: Scale) -> None:
        """Of one camera."""
        self._scale = scale
        self._run: tuple[int, int] | None = None  # segment and width
        self._edges: tuple[_Edge, _Edge] | None = None

    def begin(self, segment: int, width: int) -> None:
        """Lines of a segment follow: a gap inside one changes nothing, another segment may see other cloth."""
        if (segment, width) != self._run:
            self._run, self._edges = (segment, width), None

    @property
    def columns(self) -> tuple[int, int] | None:
        """Columns [x0, x1) to look at; None where there was no cloth."""
        return self._edges and (self._edges[0].used, self._edges[1].used)

    def follow(self, found: tuple[int, int] | None, lines: int) -> None:
        """Take in what was found in the next row of tiles.

        Args:
            found: columns of cloth in a row of tiles; None: there is none, and what was held is forgotten.
            lines: how many that row is ahead of the one before.
        """
        if found is None:
            self._edges = None
            return
        if self._edges is None:
            self._edges = _Edge(found[0], self._scale), _Edge(found[1], self._scale)
        left, right = self._edges
        left.follow(found[0], lines, outwards=found[0] < left.place)
        right.follow(found[1], lines, outwards=found[1] > right.place)


class _Edge:
    """One edge: where it is held to be, and the column that is used for it."""

    def __init__(self, found: int, scale: Scale) -> None:
        self.used = found
        self.place = float(found)
        self._scale = scale
        self._doubted = found
        self._doubted_mm = 0.0

    def follow(self, found: int, lines: int, outwards: bool) -> None:
        along_mm = lines * self._scale.mm_per_line
        sudden_px = SUDDEN_MM / self._scale.mm_per_px
        away = found - self.place
        if abs(away) <= sudden_px:
            self._doubted_mm = 0.0
            reach = STEEPEST * along_mm / self._scale.mm_per_px
            self.place += min(max(away, -reach), reach)
        else:
            if abs(found - self._doubted) > sudden_px:
                self._doubted_mm = 0.0
            self._doubted = found
            self._doubted_mm += along_mm
            if self._doubted_mm < (WIDER_MM if outwards else NARROWER_MM) - ROUNDING_MM:
                return
            self.place, self._doubted_mm = float(found), 0.0
        if abs(self.place - self.used) > SLACK_PX:
            self.used = round(self.place)

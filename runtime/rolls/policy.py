"""What a house counts: the limits of the 4-point and the 10-point system, as a named policy.

The defaults follow the 4-point system as the trade uses it (in the style of ASTM D5430: inches, yards, points for
100 square yards); ``metric`` is its metric form. Houses differ in nearly every number, so every number is here, and
the report prints the policy it was made with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from runtime.errors import UserError
from runtime.rolls.lengths import INCH_MM, YARD_M
from runtime.yaml_files import FORMAT, Strict, read_yaml

Length = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Points = Annotated[int, Field(ge=0)]


class FourPoint(Strict):
    """The 4-point system: 1 to 4 points a defect, by its longer side."""

    bin: Literal["yard", "metre"] = Field(default="yard", description="length of cloth that is charged on its own")
    lengths_mm: tuple[Length, Length, Length] = Field(
        default=(76.2, 152.4, 228.6), description="3, 6 and 9 inches: up to these 1, 2, 3 points, above them 4"
    )
    hole_mm: Length = Field(
        default=INCH_MM, description="a hole up to this counts the first of hole_points, else the second"
    )
    hole_points: tuple[Points, Points] = (2, 4)
    ignore_below_mm: float = Field(
        default=0.0, ge=0, description="defects whose longer side is below this are not graded"
    )
    edge_mm: float = Field(
        default=INCH_MM, ge=0, description="defects wholly within this of either edge are not graded"
    )
    most_per_bin: Points = Field(default=4, description="a bin is never charged more")
    wide_mm: Length | None = Field(default=None, description="wider cloth may be charged more a bin, in proportion")
    limits_for: Literal["100yd2", "100m2"] = Field(default="100yd2", description="what the limits count points for")
    limits: dict[str, Length] = Field(
        default={"first quality": 40.0}, min_length=1, description="grades and the most points for each, best first"
    )
    worst: str = Field(default="second quality", description="the grade of a roll beyond the last limit")
    reject_running_m: Length | None = Field(
        default=10 * YARD_M, description="a defect that runs on longer rejects the roll"
    )
    most_running_percent: float | None = Field(
        default=None, gt=0, le=100, description="a larger share of running defects in the length gives the worst grade"
    )
    most_full_width: Points | None = Field(
        default=None, description="more defects across the full width reject the roll"
    )

    @model_validator(mode="after")
    def _rises(self) -> FourPoint:
        for name, values in (("lengths_mm", self.lengths_mm), ("limits", tuple(self.limits.values()))):
            if list(values) != sorted(set(values)):
                raise ValueError(f"{name} must rise")
        return self

    @property
    def bin_m(self) -> float:
        """Metres of a bin."""
        return YARD_M if self.bin == "yard" else 1.0


class TenPoint(Strict):
    """The 10-point system: warp and weft defects have tables of their own, counted by the yard."""

    lengths_mm: tuple[Length, Length] = Field(
        default=(INCH_MM, 5 * INCH_MM), description="up to these 1 and 3 points, in either direction"
    )
    warp_mm: Length = Field(default=10 * INCH_MM, description="a warp defect up to this counts 5, a longer one 10")
    weft_share: float = Field(
        default=0.5, gt=0, le=1, description="a weft defect up to this share of the width counts 5"
    )
    most_per_yard: Points = Field(default=10, description="a yard is never charged more")


class Policy(Strict):
    """A house's rules; what a file leaves out is as in ``inch``."""

    format: int = FORMAT
    name: str = "inch"
    most_uninspected_percent: float = Field(
        default=2.0, ge=0, le=100, description="with more cloth than this not looked at the roll has no grade"
    )
    four_point: FourPoint = FourPoint()
    ten_point: TenPoint = TenPoint()


POLICIES = {
    "inch": Policy(),
    "metric": Policy(
        name="metric",
        four_point=FourPoint(
            bin="metre", lengths_mm=(75, 150, 230), hole_mm=25, edge_mm=25, reject_running_m=10,
            limits_for="100m2", limits={"first quality": 47.8},  # 40 for 100 square yards
        ),
    ),
}  # fmt: skip


def find_policy(name_or_file: str) -> Policy:
    """A policy of the package by its name, else from a YAML file.

    Raises:
        UserError: neither, or the file says something it must not.
    """
    if name_or_file in POLICIES:
        return POLICIES[name_or_file]
    path = Path(name_or_file)
    if not path.exists():
        raise UserError(
            f"There is no policy '{name_or_file}': name {' or '.join(POLICIES)}, or a YAML file (docs/rolls.md)."
        )
    return read_yaml(path, Policy)

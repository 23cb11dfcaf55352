"""Grades by hand: the tables, the worked examples, the traps between yards and metres."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.rolls.grades import NO_GRADE, REJECTED, Cloth, Flaw, four_point, four_points_of, ten_point, ten_points_of
from runtime.rolls.lengths import INCH_MM, SQUARE_YARD_M2, YARD_M
from runtime.rolls.policy import POLICIES, FourPoint, Policy, TenPoint
from runtime.types import Kind

INCH, METRIC = POLICIES["inch"], POLICIES["metric"]
WIDTH_MM = 1168.4
"""46 inches."""


def cloth(metres: float = 100.0, width_mm: float = WIDTH_MM, inspected_m: float | None = None) -> Cloth:
    return Cloth(0.0, width_mm, metres, metres if inspected_m is None else inspected_m)


def flaw(
    across_mm: float = 1.0, along_mm: float = 1.0, at_m: float = 0.0, x0: float = 300.0, hole: bool = False,
    kind: Kind = Kind.LOCAL, name: str = "",
) -> Flaw:  # fmt: skip
    return Flaw(name or f"{at_m:g}-{x0:g}", kind, x0, x0 + across_mm, at_m, at_m + along_mm / 1000, hole)


def points(flaws: list[Flaw], policy: Policy = INCH, over: Cloth | None = None) -> int:
    return four_point(flaws, over or cloth(), policy).points


def rules(**changes: object) -> Policy:
    return Policy(four_point=FourPoint(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "length_mm", "expected"),
    [
        (INCH, 0.5, 1), (INCH, 76.2, 1), (INCH, 76.3, 2), (INCH, 152.4, 2), (INCH, 152.5, 3), (INCH, 228.6, 3),
        (INCH, 228.7, 4), (INCH, 5000, 4),
        (METRIC, 75, 1), (METRIC, 76, 2), (METRIC, 150, 2), (METRIC, 151, 3), (METRIC, 230, 3), (METRIC, 231, 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("along", [True, False])
def test_points_by_length_in_either_direction(policy: Policy, length_mm: float, expected: int, along: bool) -> None:
    one = flaw(1, length_mm) if along else flaw(length_mm, 1)
    assert four_points_of(one, policy.four_point) == expected


@pytest.mark.parametrize(
    ("policy", "side_mm", "expected"),
    [
        (INCH, 25.4, 2), (INCH, 25.5, 4), (METRIC, 25, 2), (METRIC, 25.2, 4),
        (rules(hole_points=(4, 4)), 2, 4), (rules(hole_mm=3.0), 4, 4),
    ],
)  # fmt: skip
def test_a_hole_has_a_table_of_its_own(policy: Policy, side_mm: float, expected: int) -> None:
    assert four_points_of(flaw(side_mm, 1, hole=True), policy.four_point) == expected


def test_the_worked_example_of_24_points() -> None:
    """4 x 1 + 3 x 2 + 2 x 3 + 1 x 4 + a hole of 4, on 120 yards of 46 inches: 24 x 3600 / (46 x 120) = 15.65."""
    sizes = [(2, 4, False), (5, 3, False), (8, 2, False), (12, 1, False), (1.5, 1, True)]
    flaws: list[Flaw] = []
    for inches, count, hole in sizes:
        flaws += [flaw(inches * INCH_MM, at_m=2.0 * (len(flaws) + n), hole=hole) for n in range(count)]
    grade = four_point(flaws, cloth(120 * YARD_M), INCH)
    assert grade.points == 24
    assert grade.per_100yd2 == pytest.approx(24 * 3600 / 5520)
    assert round(grade.per_100yd2 or 0, 2) == 15.65


def test_the_metric_formula() -> None:
    """Points x 100,000 / (metres x mm of width)."""
    grade = four_point([flaw(500, at_m=n) for n in range(7)], cloth(120, 1500), METRIC)
    assert grade.points == 28
    assert grade.per_100m2 == pytest.approx(28 * 100_000 / (120 * 1500))


@pytest.mark.parametrize(("per_yards", "per_metres"), [(28, 33.5), (20, 23.9), (1, 1.196)])
def test_points_for_square_yards_are_fewer_than_for_square_metres(per_yards: float, per_metres: float) -> None:
    area_m2 = 100 * SQUARE_YARD_M2 / per_yards
    grade = four_point([flaw()], cloth(area_m2, 1000), INCH)
    assert grade.per_100yd2 == pytest.approx(per_yards)
    assert grade.per_100m2 == pytest.approx(per_metres, rel=0.002)


def test_a_sum_is_the_sum_of_its_lines() -> None:
    """7 + 8 + 6 + 4 + 4 are 29: a page of the trade that prints 28 is not followed."""
    lines = [(1, 7), (2, 4), (3, 2), (4, 1), (4, 1)]
    lengths_mm = {1: 20, 2: 100, 3: 200, 4: 300}
    flaws: list[Flaw] = []
    for each, count in lines:
        flaws += [flaw(lengths_mm[each], at_m=2.0 * (len(flaws) + n)) for n in range(count)]
    assert points(flaws) == 7 + 8 + 6 + 4 + 4


def test_a_bin_is_never_charged_more_than_four() -> None:
    crowd = [flaw(100, at_m=0.2 + n / 100) for n in range(5)]
    assert points(crowd) == 4
    assert points([*crowd, flaw(at_m=5.0)]) == 5


@pytest.mark.parametrize(("policy", "expected"), [(INCH, 4 * 44), (METRIC, 4 * 40)])
def test_a_broken_end_of_40_metres_is_charged_in_every_bin(policy: Policy, expected: int) -> None:
    end = flaw(1, 40_000, at_m=0.0, kind=Kind.WARP)
    grade = four_point([end], cloth(), policy)
    assert grade.points == expected
    assert set(grade.bins.values()) == {4}
    assert grade.of[end.id] == expected


def test_yards_and_metres_give_other_totals() -> None:
    """Two defects in one metre, but in two yards."""
    two = [flaw(300, at_m=0.1), flaw(300, at_m=0.95)]
    assert (points(two, INCH), points(two, METRIC)) == (8, 4)


@pytest.mark.parametrize(
    ("at_m", "along_mm", "bins"),
    [
        (0.5, 900, [0]),  # not longer than a metre: the bin of its start, though it reaches the next
        (0.5, 1100, [0, 1]),
        (0.0, 2000, [0, 1]),  # ends where the third begins
        (3.0, 1, [3]),
        (2.9999999, 1, [3]),  # kept to the micrometre
        (0.9, 1200, [0, 1, 2]),
    ],
)
def test_the_bins_of_a_defect(at_m: float, along_mm: float, bins: list[int]) -> None:
    assert list(four_point([flaw(1, along_mm, at_m)], cloth(), METRIC).bins) == bins


@pytest.mark.parametrize(
    ("x0", "across", "charged"),
    [(0, 20, False), (0, 25.4, False), (0, 26, True), (WIDTH_MM - 20, 20, False), (WIDTH_MM - 30, 30, True)],
)
def test_what_lies_wholly_at_an_edge_is_not_graded(x0: float, across: float, charged: bool) -> None:
    assert (points([flaw(across, x0=x0)]) > 0) is charged
    assert points([flaw(across, x0=x0)], rules(edge_mm=0.0)) > 0
    assert points([flaw(across, x0=x0)], INCH, cloth(width_mm=0)) > 0, "where its edges are not known"


@pytest.mark.parametrize(
    ("changes", "flaws", "width_mm", "expected"),
    [
        ({}, [flaw(2), flaw(5)], WIDTH_MM, 2),
        ({"ignore_below_mm": 3.0}, [flaw(2), flaw(5)], WIDTH_MM, 1),
        ({"most_per_bin": 6}, [flaw(300), flaw(300, x0=800)], WIDTH_MM, 6),
        ({"wide_mm": 1650.0}, [flaw(300), flaw(300, x0=800)], 3300, 8),
        ({"wide_mm": 1650.0}, [flaw(300), flaw(300, x0=800)], 1600, 4),
        ({"lengths_mm": (10.0, 20.0, 30.0)}, [flaw(25)], WIDTH_MM, 3),
    ],
)  # fmt: skip
def test_house_rules_for_points(changes: dict[str, object], flaws: list[Flaw], width_mm: float, expected: int) -> None:
    assert points(flaws, rules(**changes), cloth(width_mm=width_mm)) == expected


TEN_RUNNING = [flaw(1, 1000, at_m=10.0 * n, name=str(n)) for n in range(10)]
"""10 m of 100 m."""


@pytest.mark.parametrize(
    ("changes", "flaws", "grade"),
    [
        ({}, [], "first quality"),
        ({}, [flaw(1, 9_100)], "first quality"),
        ({}, [flaw(1, 9_200)], REJECTED),
        ({"reject_running_m": None}, [flaw(1, 9_200)], "first quality"),
        ({}, [flaw(1168, at_m=n) for n in range(3)], "first quality"),
        ({"most_full_width": 2}, [flaw(1168, at_m=n, x0=0) for n in range(3)], REJECTED),
        ({"most_full_width": 3}, [flaw(1168, at_m=n, x0=0) for n in range(3)], "first quality"),
        ({"limits": {"A": 100.0}}, TEN_RUNNING, "A"),
        ({"limits": {"A": 100.0}, "most_running_percent": 5.0}, TEN_RUNNING, "second quality"),
        ({"limits": {"A": 100.0}, "most_running_percent": 5.0, "worst": "C"}, TEN_RUNNING, "C"),
        ({"limits": {"A": 1.0, "B": 5.0}}, [flaw(at_m=2)], "A"),
        ({"limits": {"A": 1.0, "B": 5.0}}, [flaw(300, at_m=2)], "B"),
        ({"limits": {"A": 1.0, "B": 2.0}, "worst": "C"}, [flaw(300, at_m=2)], "C"),
        ({"limits": {"A": 2.9}, "worst": "B"}, [flaw(300, at_m=2)], "A"),
        ({"limits": {"A": 2.9}, "worst": "B", "limits_for": "100m2"}, [flaw(300, at_m=2)], "B"),
    ],
)  # fmt: skip
def test_house_rules_for_grades(changes: dict[str, object], flaws: list[Flaw], grade: str) -> None:
    found = four_point(flaws, cloth(), rules(**changes))
    assert found.grade == grade
    assert found.reasons


def test_cloth_that_was_not_looked_at_does_not_dilute_the_points() -> None:
    whole = four_point([flaw()], cloth(100), Policy(most_uninspected_percent=60))
    half = four_point([flaw()], cloth(100, inspected_m=50), Policy(most_uninspected_percent=60))
    assert half.per_100m2 == pytest.approx(2 * (whole.per_100m2 or 0))


@pytest.mark.parametrize(("limit", "grade"), [(2.0, NO_GRADE), (5.0, "first quality")])
def test_a_roll_that_was_hardly_seen_has_no_grade(limit: float, grade: str) -> None:
    policy, seen = Policy(most_uninspected_percent=limit), cloth(100, inspected_m=96)
    assert four_point([], seen, policy).grade == grade
    assert ten_point([], seen, policy).grade == grade


@pytest.mark.parametrize("seen", [cloth(0), cloth(10, 0)])
def test_nothing_seen_has_no_grade(seen: Cloth) -> None:
    found = four_point([], seen, INCH)
    assert (found.grade, found.per_100yd2, found.per_100m2) == (NO_GRADE, None, None)


@pytest.mark.parametrize(
    ("kind", "across_in", "along_in", "expected"),
    [
        (Kind.WARP, 0.1, 1, 1), (Kind.WARP, 0.1, 1.1, 3), (Kind.WARP, 0.1, 5, 3), (Kind.WARP, 0.1, 5.1, 5),
        (Kind.WARP, 0.1, 10, 5), (Kind.WARP, 0.1, 10.1, 10), (Kind.WARP, 0.1, 36, 10),
        (Kind.WEFT, 1, 0.1, 1), (Kind.WEFT, 5, 0.1, 3), (Kind.WEFT, 5.1, 0.1, 5), (Kind.WEFT, 23, 0.1, 5),
        (Kind.WEFT, 23.1, 0.1, 10),
        (Kind.AREA, 12, 11, 5), (Kind.AREA, 11, 12, 10),
    ],
)  # fmt: skip
def test_ten_points_by_direction(kind: Kind, across_in: float, along_in: float, expected: int) -> None:
    one = flaw(across_in * INCH_MM, along_in * INCH_MM, kind=kind)
    assert ten_points_of(one, WIDTH_MM, TenPoint()) == expected


@pytest.mark.parametrize(
    ("changes", "one", "expected"),
    [
        ({"lengths_mm": (10.0, 20.0)}, flaw(1, 25, kind=Kind.WARP), 5),
        ({"warp_mm": 500.0}, flaw(1, 400, kind=Kind.WARP), 5),
        ({"weft_share": 0.25}, flaw(400, 1, kind=Kind.WEFT), 10),
        ({"most_per_yard": 3}, flaw(1, 400, kind=Kind.WARP), 3),
        ({}, flaw(hole=True), 10),
    ],
)  # fmt: skip
def test_house_rules_of_the_ten_point_system(changes: dict[str, object], one: Flaw, expected: int) -> None:
    policy = Policy(ten_point=TenPoint(**changes))  # type: ignore[arg-type]
    assert ten_point([one], cloth(), policy).points == expected


def test_ten_points_a_yard_at_most_and_first_quality_up_to_the_yards() -> None:
    ends = [flaw(1, 2000, x0=x, kind=Kind.WARP) for x in (300, 400)]
    grade = ten_point(ends, cloth(30 * YARD_M), INCH)
    assert (grade.points, grade.grade) == (30, "first quality")
    assert ten_point(ends, cloth(29 * YARD_M), INCH).grade == "second quality"


@given(
    st.lists(st.tuples(st.floats(0, 90), st.floats(0.001, 12), st.floats(0.5, 1200), st.booleans()), max_size=30),
    st.sampled_from([INCH, METRIC]),
)
def test_no_bin_above_its_limit_and_the_points_are_their_sum(
    some: list[tuple[float, float, float, bool]], policy: Policy
) -> None:
    flaws = [flaw(across, along * 1000, at, 0, hole, name=str(n)) for n, (at, along, across, hole) in enumerate(some)]
    for grade, most in ((four_point(flaws, cloth(), policy), 4), (ten_point(flaws, cloth(), policy), 10)):
        assert grade.points == sum(grade.bins.values())
        assert all(0 < value <= most for value in grade.bins.values())
        assert grade.points <= sum(grade.of.values())

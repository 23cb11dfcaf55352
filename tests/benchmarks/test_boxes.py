from __future__ import annotations

from benchmarks.boxes import Box, match


def test_boxes_that_only_touch_do_not_meet() -> None:
    box = Box(10, 20, 5, 8)
    assert box.meets(Box(19, 30, 7, 9))
    assert not box.meets(Box(20, 30, 5, 8))
    assert not box.meets(Box(10, 20, 8, 9))


def test_every_edge_must_be_near() -> None:
    base = [Box(100, 200, 50, 60)]
    assert match(base, [Box(108, 192, 58, 52)], edge_px=8) == [(0, 0)]
    for far in (Box(109, 200, 50, 60), Box(100, 191, 50, 60), Box(100, 200, 41, 60), Box(100, 200, 50, 69)):
        assert match(base, [far], edge_px=8) == []


def test_each_box_is_matched_once_and_the_nearest_first() -> None:
    a = [Box(0, 10, 0, 10), Box(4, 14, 0, 10)]
    b = [Box(5, 15, 0, 10)]
    assert match(a, b, edge_px=8) == [(1, 0)]
    assert sorted(match(a, [*b, Box(1, 11, 0, 10)], edge_px=8)) == [(0, 1), (1, 0)]


def test_moving_changes_lines_alone() -> None:
    assert Box(1, 2, 3, 4).moved(17) == Box(1, 2, 20, 21)

"""Policies: by name, from a file, and refused with one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.rolls.policy import POLICIES, find_policy
from runtime.yaml_files import write_yaml


@pytest.mark.parametrize("name", POLICIES)
def test_by_name(name: str) -> None:
    assert find_policy(name).name == name


@pytest.mark.parametrize("name", POLICIES)
def test_written_and_read_again(name: str, tmp_path: Path) -> None:
    write_yaml(tmp_path / "house.yaml", POLICIES[name])
    assert find_policy(str(tmp_path / "house.yaml")) == POLICIES[name]


def test_a_file_says_only_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "house.yaml"
    file.write_text("name: denim\nfour_point: {limits: {A: 28, B: 40}, hole_points: [4, 4]}\n")
    policy = find_policy(str(file))
    assert (policy.name, policy.four_point.limits, policy.four_point.hole_points) == (
        "denim",
        {"A": 28, "B": 40},
        (4, 4),
    )
    assert policy.four_point.lengths_mm == POLICIES["inch"].four_point.lengths_mm
    assert policy.ten_point == POLICIES["inch"].ten_point


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("four_point: {limits: {A: 40, B: 28}}", "limits must rise"),
        ("four_point: {lengths_mm: [75, 75, 230]}", "lengths_mm must rise"),
        ("four_point: {limits: {}}", "four_point.limits"),
        ("four_point: {bins: metre}", "four_point.bins"),
        ("ten_point: {weft_share: 2}", "ten_point.weft_share"),
        ("most_uninspected_percent: 101", "most_uninspected_percent"),
        ("format: 9", "format 9"),
    ],
)
def test_what_cannot_be_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        find_policy(str(tmp_path / "house.yaml"))


def test_neither_name_nor_file() -> None:
    with pytest.raises(UserError, match="There is no policy 'inhc': name inch or metric, or a YAML file"):
        find_policy("inhc")

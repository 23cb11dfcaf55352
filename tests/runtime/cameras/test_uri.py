"""Cloth by URI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.cameras.uri import open_source
from runtime.errors import UserError
from runtime.simulator.encoder import Encoder
from runtime.simulator.geometry import Geometry
from runtime.simulator.look import Look
from runtime.simulator.loom import Loom
from runtime.simulator.motion import Table, Weaving
from runtime.simulator.world import World
from tests.runtime.cameras.strips import texture, write_png


def test_sim_uri_is_the_loom_of_those_arguments() -> None:
    source = open_source("sim:twill22?width=512&seed=7&defects_per_100m=900&mm_per_px=0.25&margin_mm=5&stamp=1")
    same = Loom("twill22", 512, 7, mm_per_px=0.25, defects_per_100m=900, margin_mm=5, stamp=True)
    assert (source.width, source.channels, source.length) == (512, 1, None)
    assert np.array_equal(source.lines(100, 300), same.lines(100, 300))


MOVING = "sim:twill22?width=512&seed=7"
LOOM_STOPS = Weaving(ppi=60, seed=7).stopping_every(0.05)


@pytest.mark.parametrize(
    ("more", "world"),
    [
        ("motion=loom", World(Weaving(ppi=60, seed=7))),
        ("motion=loom&stop_every_m=0.05&trigger=motion", World(LOOM_STOPS, Encoder(trigger="motion"))),
        ("motion=table", World(Table(seed=7))),
        ("motion=table&stop_every_m=5", World(Table(stop_every_m=5, seed=7))),
        ("motion=table&counts_per_mm=5&jitter=0.05", World(Table(seed=7), Encoder(5.0, jitter=0.05))),
        ("wander_mm=4&width_change=0.01", World(geometry=Geometry(wander_mm=4, width_change=0.01))),
        ("skew=0.02&bow=0.01", World(geometry=Geometry(skew=0.02, bow=0.01))),
        ("bits=12", World(bits=12)),
    ],
)
def test_sim_uri_of_a_world_is_a_look_at_it(more: str, world: World) -> None:
    source = open_source(f"{MOVING}&{more}")
    assert isinstance(source, Look)
    same = Look(Loom("twill22", 512, 7), world)
    assert source.world == world
    assert np.array_equal(source.lines(300, 200), same.lines(300, 200))


def test_sim_uri_of_cached_cloth() -> None:
    source = open_source(f"{MOVING}&cached=1")
    assert isinstance(source, Loom)
    assert np.array_equal(source.lines(0, 100), Loom("twill22", 512, 7, cached=True).lines(0, 100))


def test_sim_uri_without_arguments() -> None:
    assert open_source("sim:plain").width == 4096


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("plain", "sim:STYLE or replay:PATH"),
        ("gige:10.0.0.1", "sim:STYLE or replay:PATH"),
        ("sim:", "nothing after 'sim:'"),
        ("sim:denim", "'denim'; there are: plain, twill21"),
        ("sim:plain?widht=3", "'widht'; there are: width, seed"),
        ("sim:plain?width=wide", "'wide' is no value for the parameter 'width'"),
        ("sim:plain?width=0", "'0' is no value"),
        ("sim:plain?width=10000000", "no value"),
        ("sim:plain?mm_per_px=nan", "'nan' is no value"),
        ("sim:plain?seed=", "'' is no value"),
        ("sim:plain?stamp=yes", "'yes' is no value"),
        ("sim:plain?seed=1&seed=2", "given twice"),
        ("sim:plain?motion=fast", "'fast' is no value"),
        ("sim:plain?trigger=down", "'down' is no value"),
        ("sim:plain?stop_every_m=5", "add motion=loom"),
        ("sim:plain?bits=9", "8, 10 or 12 bits"),
        ("sim:plain?cached=1&skew=0.01", "cached"),
        ("replay:/no/such/place", "/no/such/place"),
        ("replay:x?width=3", "'width'; there are: repeat"),
    ],
)
def test_bad_uri_is_said_in_a_sentence(uri: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        open_source(uri)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, height in enumerate((30, 5, 50)):
        write_png(tmp_path / f"{i}.png", texture(height, 64, seed=i))
    return tmp_path


def test_replay_uri_is_one_finite_cloth(folder: Path) -> None:
    source = open_source(f"replay:{folder}")
    cloth = np.vstack([texture(height, 64, seed=i) for i, height in enumerate((30, 5, 50))])[:, :, None]
    assert (source.width, source.length) == (64, 85)
    assert np.array_equal(source.lines(0, 85), cloth)
    assert np.array_equal(source.lines(28, 10), cloth[28:38])
    assert source.lines(85, 0).shape == (0, 64, 1)
    with pytest.raises(ValueError, match="85 lines"):
        source.lines(80, 6)


def test_repeated_replay_goes_on_for_ever(folder: Path) -> None:
    source = open_source(f"replay:{folder}?repeat=1")
    assert source.length is None
    once = source.lines(0, 85)
    assert np.array_equal(source.lines(85 * 1000 + 80, 20), np.vstack([once[80:], once[:15]]))


def test_replay_uri_of_several_widths_is_refused(folder: Path) -> None:
    write_png(folder / "wide.png", texture(4, 80))
    with pytest.raises(UserError, match="64 to 80 px wide"):
        open_source(f"replay:{folder}")


def test_replay_uri_of_a_damaged_file_is_refused(folder: Path) -> None:
    file = folder / "1.png"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"1\.png: cut short"):
        open_source(f"replay:{folder}")


def test_replay_uri_of_sixteen_bits_is_refused(folder: Path) -> None:
    write_png(folder / "9.png", texture(4, 64, dtype=np.uint16))
    with pytest.raises(UserError, match="16 bits"):
        open_source(f"replay:{folder}")

"""Two bundles that a stream can be told to exchange."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runtime.geometry import TileGeometry
from tests.runtime.bundles import make_bundle

COARSE = TileGeometry(tile=96, margin=8, blend=8, map_stride=8)
"""Of one of them: a strip's stride tells which of the two was at work."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("changes")
    make_bundle(folder / "fine")
    make_bundle(folder / "coarse", geometry=COARSE)
    return folder


@pytest.fixture
def bundles(made: Path, tmp_path: Path) -> Path:
    """A folder with both bundles, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "bundles"))

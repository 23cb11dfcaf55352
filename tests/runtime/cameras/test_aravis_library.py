"""Which series of Aravis is loaded: the newest that is installed and known."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from runtime.cameras import aravis_library
from runtime.errors import UserError


def install(monkeypatch: pytest.MonkeyPatch, *series: str) -> None:
    """A binding that finds these series and loads the one that is asked for."""
    gi: Any = ModuleType("gi")
    repository: Any = ModuleType("gi.repository")
    aravis: Any = ModuleType("gi.repository.Aravis")

    def require_version(namespace: str, version: str) -> None:
        if version not in series:
            raise ValueError(f"Namespace {namespace} not available for version {version}")
        aravis._version = version

    gi.require_version = require_version
    for module in (gi, repository, aravis):
        monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.mark.parametrize(
    ("series", "loaded"), [(("0.8",), "0.8"), (("0.10",), "0.10"), (("0.8", "0.10"), "0.10"), (("0.12", "0.8"), "0.8")]
)
def test_the_newest_known_series_is_loaded_and_its_own_library_with_it(
    monkeypatch: pytest.MonkeyPatch, series: tuple[str, ...], loaded: str
) -> None:
    install(monkeypatch, *series)
    assert aravis_library.load("loom")._version == loaded
    opened: list[str] = []

    class Library:
        class arv_buffer_get_data:
            restype = argtypes = None

        def __init__(self, name: str) -> None:
            opened.append(name)

    monkeypatch.setattr(aravis_library.ctypes, "CDLL", Library)
    monkeypatch.setattr(aravis_library, "_library", aravis_library._library.__wrapped__)
    assert aravis_library.version() == loaded
    assert opened == [f"libaravis-{loaded}.so.0"]


@pytest.mark.parametrize("series", [(), ("0.6",)])
def test_without_a_series_that_is_known_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, series: tuple[str, ...]
) -> None:
    install(monkeypatch, *series)
    with pytest.raises(UserError, match=r"needs Aravis, which .*version 0\.8\): apt install gir1\.2-aravis-0\.8"):
        aravis_library.load("loom")

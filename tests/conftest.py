"""Shared by all tests: those marked ``net`` run in a network namespace of their own (see tests/net.py)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import net  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    # Simulated cameras are processes of their own; they import this tree too.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    if net.inside():
        net.bring_up_loopback()
        config.pluginmanager.register(net.InsideNamespace(config))
    else:
        config.pluginmanager.register(net.NetTests())

"""Runs the tests marked ``net`` in a network namespace of their own, in which only the loopback exists.

A camera client may look for cameras by broadcast, and a test must never do that on the network it happens
to run in. So the session's ``net`` tests are run once, together, by a second pytest inside a namespace;
its reports are handed on as if they had been made here. Where no namespace can be made, they are skipped.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

REPORTS = "WEFTWATCH_NET_REPORTS"
"""Set inside the namespace: the file that takes the reports, one JSON object a line."""
_WAYS = (["unshare", "--map-root-user", "--net"], ["unshare", "--net"])
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def inside() -> bool:
    """Is this the second pytest?"""
    return REPORTS in os.environ


def bring_up_loopback() -> None:
    """What ``ip link set lo up`` does; a new namespace has its loopback down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0))
        (flags,) = struct.unpack_from("H", request, 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _way_in() -> list[str] | None:
    """The command that makes a namespace here, or None."""
    if shutil.which("unshare") is None:
        return None
    for way in _WAYS:
        if subprocess.run([*way, "true"], capture_output=True, check=False).returncode == 0:
            return way
    return None


class NetTests:
    """pytest plugin of the outer session."""

    def __init__(self) -> None:
        self._reports: dict[str, list[dict[str, Any]]] = {}
        self._trouble = ""
        self._skip = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # Last, because pytest keeps a module set up between two tests of its own that follow each other.
        items.sort(key=lambda item: item.get_closest_marker("net") is not None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        items = [item.nodeid for item in session.items if item.get_closest_marker("net")]
        if not items or session.config.option.collectonly:
            return
        way = _way_in()
        if way is None:
            self._skip = "no network namespace can be made here (unshare --net is refused or missing)"
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "reports.jsonl"
            path.touch()
            command = [*way, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *items]
            done = subprocess.run(
                command,
                cwd=session.config.rootpath,
                env={**os.environ, REPORTS: str(path)},
                capture_output=True,
                text=True,
                check=False,
            )
            for line in path.read_text().splitlines():
                report = json.loads(line)
                self._reports.setdefault(report["nodeid"], []).append(report)
        self._trouble = f"the tests in the namespace ended with status {done.returncode}:\n{done.stdout[-4000:]}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        if item.get_closest_marker("net") is None:
            return None
        if self._skip:
            item.add_marker(pytest.mark.skip(reason=self._skip))
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for data in self._reports.get(item.nodeid, []):
            report = item.config.hook.pytest_report_from_serializable(config=item.config, data=data)
            if isinstance(report.longrepr, list):  # JSON has no tuples, and pytest wants one of a skipped test
                report.longrepr = tuple(report.longrepr)
            item.ihook.pytest_runtest_logreport(report=report)
        if item.nodeid not in self._reports:
            missing = pytest.TestReport(item.nodeid, item.location, {}, "failed", self._trouble, "call")
            item.ihook.pytest_runtest_logreport(report=missing)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


class InsideNamespace:
    """pytest plugin of the second session: writes its reports down."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        with open(os.environ[REPORTS], "a", encoding="utf-8") as file:
            file.write(json.dumps(data, default=str) + "\n")

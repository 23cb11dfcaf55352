"""``test`` as somebody runs it who has no privilege on a system as it is installed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.runtime.cameras.gige_clients import CLIENTS
from tests.runtime.cameras.stock_socket import RMEM_MAX, run
from tests.runtime.fake_gige.process import CameraProcess

pytestmark = pytest.mark.net
WIDEN = "sysctl -w net.core.rmem_max=8388608"


@pytest.mark.parametrize("client", CLIENTS)
def test_the_small_socket_is_warned_of_and_every_lost_line_is_counted(client: str, tmp_path: Path) -> None:
    entry = f"{{backend: gige, ip: 127.0.0.1, client: {client}, packet_bytes: 1500, block_lines: 256, resend: false}}"
    (tmp_path / "cameras.yaml").write_text(f"loom: {entry}")
    with CameraProcess("--line-rate", "10000", source="4096"):
        command = [sys.executable, "-m", "runtime.camera", "test", "loom", "--seconds", "3"]
        tested = run([*command, "--cameras", str(tmp_path / "cameras.yaml")], tmp_path)
    assert tested.returncode == 1
    assert re.search(r"the system holds only [\d,]+ bytes of received lines, \d+ ms at this line rate", tested.stderr)
    assert WIDEN in tested.stderr
    (held,) = numbers(r"socket    holds ([\d,]+) bytes", tested.stdout)
    lines, received, missing = numbers(r"lines     in ([\d,]+) = received ([\d,]+) \+ missing ([\d,]+)", tested.stdout)
    (dropped,) = numbers(r"dropped by this system ([\d,]+)", tested.stdout)
    assert held == RMEM_MAX
    assert lines == received + missing
    assert received > 0
    faults = [line for line in tested.stdout.splitlines() if line.startswith("FAULT")]
    assert any("the system holds only 212,992 bytes" in fault and WIDEN in fault for fault in faults)
    if missing and dropped:
        assert any(f"{missing:,} lines are missing and this system dropped" in fault for fault in faults)


def numbers(pattern: str, text: str) -> list[int]:
    """The numbers that the pattern's groups match."""
    found = re.search(pattern, text)
    assert found is not None, text
    return [int(number.replace(",", "")) for number in found.groups()]

"""What happens to the lines of a simulated GigE Vision camera on their way, case by case, each client alike."""

from __future__ import annotations

import math
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from runtime.cameras.gige import GigeCamera
from runtime.cameras.gige_simulated import SimulatedGige
from runtime.fake_gige.stamped import NUMBER_BYTES, Stamped, numbers
from runtime.types import LineBlock, NotInspected, Scale

ADDRESS = "127.0.0.1"
COUNTS_PER_LINE = 5.0
STALLS, STALL_S, ABSENCE_S = 2, 1.5, 4.0


@dataclass(frozen=True)
class Case:
    """One thing that can happen.

    Attributes:
        options: of the simulated camera.
        kept_s: seconds of lines that it keeps for packets to be asked for again.
        faults: (seconds from the start, what is asked of it); "die" is kill -9, and it returns ABSENCE_S later.
        resend: ask for lost packets again.
        stalls: the reader stands still for STALL_S, STALLS times.
    """

    options: tuple[str, ...] = ()
    kept_s: float = 0.05
    faults: tuple[tuple[float, str], ...] = ()
    resend: bool = True
    stalls: bool = False


THRICE = (1.0, 2.5, 4.0)
CASES = {
    "no loss": Case(),
    "0.1 % loss, resend": Case(("--loss=0.001",), kept_s=0.2),
    "0.1 % loss, no resend": Case(("--loss=0.001",), resend=False),
    "stop in mid-buffer": Case(("--live", "--line-timeout=9"), faults=tuple((at, "stop 1.0") for at in THRICE)),
    "short buffers": Case(faults=tuple((at, "stop 0.7") for at in THRICE)),
    "block id wrap": Case(("--first-block=65500",)),
    "slow consumer": Case(stalls=True),
    "death and rebirth": Case(faults=((2.0, "die"),)),
    "frozen 1.5 s": Case(faults=((2.0, "freeze 1.5"),)),
}


@dataclass(frozen=True)
class Link:
    """What is measured with.

    Attributes:
        client: see runtime.cameras.gige_link.
        width: px a line; block_lines: lines a buffer.
        packet_bytes: of an IP packet.
        packet_socket: see runtime.cameras.gige_link.GigeSettings.
        seconds: of streaming.
    """

    client: Literal["aravis", "telegenic"]
    width: int = 2048
    block_lines: int = 32
    line_rate_hz: float = 3000.0
    packet_bytes: int = 1500
    packet_socket: bool = True
    seconds: float = 6.0


@dataclass
class Told:
    """What came out of a camera, against what the cloth itself says.

    Attributes:
        torn: rows that are not the line of cloth whose number they carry; each byte of each row is looked at.
        misnumbered: rows whose number here is not as far from the cloth's as that of the first row.
        checking_s: processor time that looking took.
    """

    link: Link
    torn: int = 0
    misnumbered: int = 0
    unnumbered: int = 0
    checking_s: float = 0.0
    _cloth: Stamped = field(init=False)
    _offset: int | None = None
    _arrivals: list[tuple[int, int]] = field(default_factory=list)
    _seen: list[np.ndarray] = field(default_factory=list)
    _named: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._cloth = Stamped(self.link.width)

    def add(self, item: LineBlock | NotInspected) -> None:
        """Look at one item."""
        started = time.thread_time()
        if isinstance(item, NotInspected):
            if item.first_line is None or item.end_line is None:
                self.unnumbered += 1
            else:
                self._named.append(np.arange(item.first_line, item.end_line))
        else:
            self._check(item)
        self.checking_s += time.thread_time() - started

    def _check(self, block: LineBlock) -> None:
        stamps = numbers(block.pixels)
        if self._offset is None:
            self._offset = int(stamps[0]) - block.first_line
        self.misnumbered += int((stamps != np.arange(block.first_line, block.end_line) + self._offset).sum())
        cloth = self._cloth.pattern(int(stamps[0]), block.rows)
        wrong = (block.pixels[:, NUMBER_BYTES:] != cloth[:, NUMBER_BYTES:]).any(axis=(1, 2))
        self.torn += int((wrong | (stamps != np.arange(stamps[0], stamps[0] + block.rows))).sum())
        self._seen.append(stamps)
        self._arrivals.append((int(stamps[-1]), block.received_ns))

    def account(self) -> dict[str, int]:
        """Lines of the cloth from the first to the last that was seen: how many, lost, named, and named wrongly."""
        seen = np.unique(np.concatenate(self._seen))
        lost = np.setdiff1d(np.arange(seen[0], seen[-1] + 1), seen)
        named = np.concatenate([*self._named, np.zeros(0, np.int64)]) + (self._offset or 0)
        named = named[named <= seen[-1]]
        return {
            "lines": int(seen[-1] - seen[0] + 1),
            "lost": len(lost),
            "named": len(named),
            "not_named": len(np.setdiff1d(lost, named)),
            "named_wrongly": len(np.setdiff1d(named, lost)),
            "torn": self.torn,
            "misnumbered": self.misnumbered,
            "gaps_without_number": self.unnumbered,
        }

    def lines_per_s(self) -> float:
        """Lines of the cloth a second from the first block to the last: what the camera made of the rate asked for."""
        (first, began_ns), (last, ended_ns) = self._arrivals[0], self._arrivals[-1]
        return (last - first) * 1e9 / (ended_ns - began_ns) if ended_ns > began_ns else 0.0


def measure(link: Link, case: Case) -> dict[str, Any]:
    """Stream one case through one client.

    Returns:
        ``Told.account``; ``lines_per_s``; what the client counted of packets, and the socket it had; ``cpu``: this
        process's share of one core, looking at the lines left out.

    Raises:
        UserError: the client is not installed, or the camera could not be started.
    """
    options = {
        "source": link.width,
        "ip": ADDRESS,
        "line-rate": link.line_rate_hz,
        "height": link.block_lines,
        "counts-per-line": COUNTS_PER_LINE,
        "kept-frames": math.ceil(case.kept_s * link.line_rate_hz / link.block_lines),
    }
    client = GigeCamera(
        "link",
        ADDRESS,
        Scale(1.0, 1.0, counts_per_mm=COUNTS_PER_LINE),
        block_lines=link.block_lines,
        client=link.client,
        packet_bytes=link.packet_bytes,
        packet_socket=link.packet_socket,
        resend=case.resend,
    )
    arguments = [*(f"--{name}={value}" for name, value in options.items()), *case.options]
    camera = SimulatedGige(client, "link", arguments, module="runtime.fake_gige.stamped")
    told, reborn = Told(link), Rebirth()
    try:
        camera.open()
        timers = [threading.Timer(at, _fault(camera, fault, reborn)) for at, fault in case.faults]
        timers.append(threading.Timer(link.seconds + (ABSENCE_S if reborn_in(case) else 0), client.close))
        for timer in timers:
            timer.start()
        started, cpu = time.monotonic(), time.process_time()
        _read(client, told, case, started)
        share = (time.process_time() - cpu - told.checking_s) / (time.monotonic() - started)
    finally:
        reborn.end()
        camera.close()
    health = client.health()
    assert health is not None, "both clients count packets"
    return {
        **told.account(),
        "lines_per_s": round(told.lines_per_s(), 1),
        "packets": health.packets,
        "resent_packets": health.resent_packets,
        "missing_packets": health.missing_packets,
        "buffers_dropped": health.buffers_dropped,
        "socket_drops": health.socket_drops,
        "socket": "packet" if health.packet_socket else f"plain, {health.socket_held} bytes",
        "cpu": round(share, 3),
    }


def reborn_in(case: Case) -> bool:
    """Does the camera die, and come back?"""
    return any(fault == "die" for _, fault in case.faults)


def _read(client: GigeCamera, told: Told, case: Case, started: float) -> None:
    stalled = 0
    for item in client.items():
        told.add(item)
        if case.stalls and stalled < STALLS and time.monotonic() - started > 2.0 * (stalled + 1):
            stalled += 1
            time.sleep(STALL_S)


class Rebirth:
    """A camera that was killed, started again by hand, as somebody at the loom would."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _fault(camera: SimulatedGige, fault: str, reborn: Rebirth) -> Callable[[], None]:
    def die() -> None:
        assert camera.pid is not None
        os.kill(camera.pid, signal.SIGKILL)
        time.sleep(ABSENCE_S)
        reborn.begin(shlex.split(camera.restart_command))

    return die if fault == "die" else lambda: camera.ask(fault)

"""``test``: read a camera for some seconds and say whether its lines arrive, and how."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import numpy as np

from runtime.account import Account
from runtime.camera_command.verdict import Arrival, findings, interface_of
from runtime.cameras.base import Camera, CameraInfo
from runtime.cameras.config import AnyCamera, make_camera
from runtime.cameras.gige_simulated import SimulatedGige
from runtime.cameras.linked import LinkedCamera
from runtime.cameras.overspeed import Overspeed
from runtime.types import LineBlock


def link_test(name_or_uri: str, cameras: Mapping[str, AnyCamera], seconds: float) -> int:
    """Print what was measured, the faults with their remedies, and the verdict.

    Returns:
        Exit status: 0 if no fault was found, else 1.

    Raises:
        UserError: no such camera, or it cannot be opened.
    """
    camera = make_camera(name_or_uri, cameras)
    try:
        info = camera.open()
        print(f"testing {info.name} ({info.description}) for {seconds:g} s", flush=True)
        arrival = measure(camera, info, seconds)
    finally:
        camera.close()
    for line in measured(arrival):
        print(line)
    found = findings(arrival)
    for sentence in found:
        print(f"FAULT {sentence}")
    print("verdict: " + ("lines arrive as they should" if not found else f"{len(found)} fault(s), see above"))
    return 1 if found else 0


def measure(camera: Camera, info: CameraInfo, seconds: float) -> Arrival:
    """Read an opened camera until the time is up; closes it."""
    account, arrivals, rows, size = Account(), [], [], 0
    overspeed, too_fast = Overspeed(info.scale), False
    closing = threading.Timer(seconds, camera.close)
    started, cpu = time.monotonic(), time.process_time()
    closing.start()
    try:
        for item in camera.items():
            account.received(item)
            if isinstance(item, LineBlock):
                account.looked_at(item.first_line, item.end_line)
                arrivals.append(item.received_ns)
                rows.append(item.rows)
                size += item.pixels.nbytes
                too_fast = overspeed.see(item) is True or too_fast
            else:
                account.given_up(item)
    finally:
        closing.cancel()
        closing.join()
    took, cpu = time.monotonic() - started, time.process_time() - cpu
    health = camera.health() if isinstance(camera, (LinkedCamera, SimulatedGige)) else None
    pauses = np.diff(np.array(arrivals, np.int64)) / 1e9
    return Arrival(
        seconds=took,
        line_rate_hz=info.line_rate_hz,
        lines_in=account.lines_in,
        lines_received=account.inspected,
        missing={reason.value: lines for reason, lines in account.not_inspected.items()},
        unnumbered=account.unnumbered_spans,
        bytes=size,
        block_rows=int(np.median(rows)) if rows else 0,
        pause_s=float(np.median(pauses)) if len(pauses) else 0.0,
        pause_p99_s=float(np.quantile(pauses, 0.99)) if len(pauses) else 0.0,
        longest_pause_s=float(pauses.max()) if len(pauses) else took,
        cpu_share=cpu / took,
        too_fast=overspeed.sentence if too_fast else "",
        health=health,
        interface=interface_of(health.local_ip) if health else None,
    )


def measured(arrival: Arrival) -> list[str]:
    """The figures, one subject a line."""
    rate = arrival.lines_received / arrival.seconds
    asked = f", set to {arrival.line_rate_hz:g}" if arrival.line_rate_hz else ""
    reasons = "".join(f", {reason} {lines:,}" for reason, lines in arrival.missing.items())
    gaps = f", {arrival.unnumbered} gap(s) of unknown length" if arrival.unnumbered else ""
    lines = [
        f"lines     in {arrival.lines_in:,} = received {arrival.lines_received:,} + "
        f"missing {sum(arrival.missing.values()):,}{reasons}{gaps}",
        f"rate      {rate:,.0f} lines/s{asked}; {arrival.bytes / arrival.seconds / 1e6:.1f} MB/s",
        f"blocks    of {arrival.block_rows} lines every {arrival.pause_s * 1e3:.1f} ms, 99 % within "
        f"{arrival.pause_p99_s * 1e3:.1f} ms, longest pause {arrival.longest_pause_s * 1e3:.1f} ms",
        f"processor {arrival.cpu_share:.0%} of one core",
    ]
    health = arrival.health
    if health is None:
        return [
            *lines,
            "network   none to tell of: the lines are made or read in this process, or the library counts no packets",
        ]
    card = f"{arrival.interface.name}, MTU {arrival.interface.mtu}" if arrival.interface else "not known"
    return [
        *lines,
        f"packets   {health.packets:,} of {health.packet_bytes} bytes; asked for again and come "
        f"{health.resent_packets:,}, never come {health.missing_packets:,}; dropped by this system "
        f"{health.socket_drops:,}",
        "socket    the network card's ring (a packet socket)"
        if health.packet_socket
        else f"socket    holds {health.socket_held:,} bytes of {health.socket_asked:,} asked for",
        f"interface {card}",
    ]

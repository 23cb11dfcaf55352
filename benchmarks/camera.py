"""What each GigE Vision client loses, and whether every lost line is named, when link and loom misbehave.

    python -m benchmarks.camera --json camera.json

A simulated camera on the loopback address, opened by its address, shows cloth whose every row carries its own number:
what is lost, and what passes for another line, is counted from the rows themselves. Losing lines is no failure where
the case forces it; a lost line that is not named, or a row that is not the line it is said to be, is. Loopback hands
packets over faster and more evenly than a network card: the figures say nothing of a card, a switch or a cable.

Exit status 1 where a lost line was not named, or a row was not the line it was said to be.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from benchmarks.camera_cases import CASES, Link, measure
from benchmarks.host import cpu_name, write_report
from runtime.cameras import aravis_library
from runtime.command import parser, positive, run

CLIENTS = ("aravis", "telegenic")
COLUMNS = ("lines_per_s", "lines", "lost", "named", "not_named", "named_wrongly", "torn", "misnumbered")


def table(rows: list[dict[str, Any]]) -> str:
    """One line a client and case."""
    wide = max(len(name) for name in CASES)
    head = f"{'client':10} {'case':{wide}} " + " ".join(f"{name.replace('_', ' '):>13}" for name in COLUMNS)
    lines = [f"{head} {'CPU':>5}"]
    for row in rows:
        figures = " ".join(f"{row[name]:13,.0f}" for name in COLUMNS)
        lines.append(f"{row['client']:10} {row['case']:{wide}} {figures} {row['cpu']:5.0%}")
    return "\n".join(lines)


def failed(rows: list[dict[str, Any]]) -> bool:
    """Was a lost line not named, or a row not the line that it was said to be?"""
    return any(row["not_named"] or row["torn"] or row["misnumbered"] for row in rows)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit status."""
    made = parser("benchmarks.camera", __doc__)
    made.add_argument("--client", choices=CLIENTS, action="append", help="default: all that are installed")
    made.add_argument("--case", choices=list(CASES), action="append", help="default: all")
    made.add_argument("--seconds", type=positive(float), default=Link.seconds, help="of each case (%(default)g)")
    made.add_argument("--line-rate", type=positive(float), default=Link.line_rate_hz, help="lines/s (%(default)g)")
    made.add_argument("--width", type=positive(int), default=Link.width, help="px a line (%(default)d)")
    made.add_argument("--block-lines", type=positive(int), default=Link.block_lines, help="a buffer (%(default)d)")
    made.add_argument("--packet-bytes", type=positive(int), default=Link.packet_bytes, help="(%(default)d)")
    made.add_argument("--plain-socket", action="store_true", help="no packet socket, though it be allowed")
    made.add_argument("--json", type=Path, help="write the report here")
    options = made.parse_args(arguments)
    clients = options.client or [name for name in CLIENTS if name != "aravis" or aravis_library.installed()]
    rows: list[dict[str, Any]] = []
    for client in clients:
        link = Link(
            client,
            options.width,
            options.block_lines,
            options.line_rate,
            options.packet_bytes,
            not options.plain_socket,
            options.seconds,
        )
        for case in options.case or CASES:
            rows.append({"client": client, "case": case, **measure(link, CASES[case])})
            print(table(rows).splitlines()[-1] if len(rows) > 1 else table(rows), flush=True)
    if options.json:
        settings = {key: value for key, value in dataclasses.asdict(link).items() if key != "client"}
        write_report(options.json, {"report": "camera", "cpu": cpu_name(), "settings": settings, "rows": rows})
    return 1 if failed(rows) else 0


if __name__ == "__main__":
    run(main)

"""What the system lets the thread that receives packets do: a raw socket, a high priority, a large buffer."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

_THREAD_NAME = "arv_gv_stream"
_PRIORITY = 10
_RMEM_MAX = Path("/proc/sys/net/core/rmem_max")
_UDP_TABLE = Path("/proc/net/udp")


def packet_socket_allowed() -> bool:
    """May packets be taken from the network card's ring (CAP_NET_RAW) instead of through a socket's buffer?"""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError:
        return False
    return True


def raise_priority() -> None:
    """Let this process's receiving threads run before others where that is allowed (RLIMIT_RTPRIO, CAP_SYS_NICE)."""
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # not allowed, or the thread has ended
            if (task / "comm").read_text().strip() == _THREAD_NAME:
                os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(_PRIORITY))


def largest_socket() -> int:
    """Bytes that a socket may be given to hold; Linux cuts to it without an error."""
    return int(_RMEM_MAX.read_text())


def socket_drops(port: int) -> int:
    """Packets that came to this UDP port and that the system had no room for."""
    for line in _UDP_TABLE.read_text().splitlines()[1:]:
        columns = line.split()
        if int(columns[1].rpartition(":")[2], 16) == port:
            return int(columns[-1])
    return 0

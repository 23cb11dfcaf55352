"""Who is there? GigE Vision discovery: one address asked without taking control, or all by broadcast.

A discovery command may be sent to one camera's address as well as to all; it is answered even while another
program controls the camera (GigE Vision 1.2, 14.2.1 DISCOVERY). The answer repeats the first bootstrap registers.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.cameras.gige_control import client, errors
from runtime.errors import UserError

_PORT = 3956
_COMMAND = struct.pack(">BBHHH", 0x42, 0x01, 0x0002, 0, 1)
_ACK, _HEADER_BYTES = 0x0003, 8
_IP, _VENDOR, _MODEL, _VERSION, _SERIAL, _USER_NAME, _END = 0x24, 0x48, 0x68, 0x88, 0xD8, 0xE8, 0xF8
_TRIES, _TIMEOUT_S = 3, 0.3


@dataclass(frozen=True)
class Found:
    """A camera that answered."""

    ip: str
    vendor: str
    model: str
    serial: str
    user_name: str


def ask(ip: str, tries: int = _TRIES) -> Found | None:
    """The camera at an IPv4 address, or None if nobody answers there; each try waits for 0.3 s."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        try:
            link.connect((ip, _PORT))
        except OSError:  # no route
            return None
        for _ in range(tries):
            started = time.monotonic()
            try:
                link.settimeout(_TIMEOUT_S)
                link.send(_COMMAND)
                found = _parsed(link.recv(2048))
            except OSError:  # silence, or a machine without a camera that says so at once
                time.sleep(max(0.0, _TIMEOUT_S - (time.monotonic() - started)))
                continue
            if found is not None:
                return found
    return None


def discover() -> list[Found]:
    """All cameras that answer a broadcast on this machine's networks, by address; takes a second.

    Raises:
        UserError: there is no network to broadcast on.
    """
    try:
        devices = client("any").discover()
    except errors() as error:
        raise UserError(
            f"Cameras cannot be searched for here ({error}): bring up the network interface that they hang on."
        ) from error
    found = [
        Found(device.ip, device.manufacturer, device.model, device.serial, device.user_defined_name)
        for device in devices
    ]
    return sorted(found, key=lambda one: socket.inet_aton(one.ip))


def find(name: str, serial: str | None, user_name: str | None) -> Found:
    """The camera of that serial number or user-defined name, searched for by broadcast.

    Raises:
        UserError: none or several of that name answer, or there is no network to search.
    """
    return chosen(name, discover(), serial, user_name)


def chosen(name: str, found: Sequence[Found], serial: str | None, user_name: str | None) -> Found:
    """As ``find``, among cameras that were found."""
    wanted = f"serial {serial}" if serial is not None else f"called '{user_name}'"
    fitting = [one for one in found if (one.serial == serial if serial is not None else one.user_name == user_name)]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(f"{one.ip} serial {one.serial} '{one.user_name}'" for one in fitting or found) or "none"
    raise UserError(
        f"camera '{name}': {len(fitting)} cameras {wanted} answer a search, and one must (they are: {there}); check "
        "power, link and the entry in cameras.yaml, or name the camera by its 'ip'"
    )


def _parsed(answer: bytes) -> Found | None:
    """What a discovery acknowledge says, or None for anything else."""
    if len(answer) < _HEADER_BYTES + _END:
        return None
    status, acknowledged, _, _ = struct.unpack_from(">HHHH", answer)
    if (status, acknowledged) != (0, _ACK):
        return None
    data = answer[_HEADER_BYTES:]

    def text(start: int, end: int) -> str:
        return data[start:end].split(b"\0")[0].decode("utf-8", "replace")

    return Found(
        ip=socket.inet_ntoa(data[_IP : _IP + 4]),
        vendor=text(_VENDOR, _MODEL),
        model=text(_MODEL, _VERSION),
        serial=text(_SERIAL, _USER_NAME),
        user_name=text(_USER_NAME, _END),
    )

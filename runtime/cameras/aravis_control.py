"""A GigE Vision camera taken over through Aravis, and its features by name."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from runtime.cameras import aravis_library, gige_probe, own_flat_field
from runtime.cameras.base import Device
from runtime.cameras.gige_control import CONTROL_WAIT_S
from runtime.errors import UserError

_GVCP_PORT = 3956
_HEARTBEAT_REGISTER, _CONTROL_REGISTER, _CONTROL_BITS = 0x0938, 0x0A00, 0x3
ALIVE_TRIES = 8
"""2.4 s: a camera that is busy for a second or two is not dead."""


class AravisFeatures:
    """See sfnc.Features.

    Args:
        camera: an Aravis.Camera.
    """

    def __init__(self, camera: Any) -> None:
        self._camera = camera
        self.get_integer, self.get_float = camera.get_integer, camera.get_float
        self.get_boolean, self.get_enum = camera.get_boolean, camera.get_string
        self.set_integer, self.set_float = camera.set_integer, camera.set_float
        self.set_boolean, self.set_enum = camera.set_boolean, camera.set_string
        self.integer_bounds, self.float_bounds = camera.get_integer_bounds, camera.get_float_bounds
        self.integer_increment = camera.get_integer_increment
        self.enum_entries: Any = camera.dup_available_enumerations_as_strings

    def has_feature(self, name: str) -> bool:
        return bool(self._camera.is_feature_available(name))

    def invalidate_caches(self) -> None:
        """Aravis reads each value from the camera."""


def take_control(name: str, ip: str) -> Any:
    """An Aravis.Camera at an address; waits for a while if somebody else has it. It is never searched for.

    Raises:
        UserError: Aravis is not installed, no address, nobody answers there, or somebody else controls the camera.
    """
    aravis = aravis_library.load(name)
    try:
        socket.inet_aton(ip)
    except OSError as error:
        raise UserError(f"camera '{name}': '{ip}' is no IPv4 address; write it like 192.168.0.10") from error
    trouble = "no answer" if gige_probe.ask(ip) is None else ""
    deadline = time.monotonic() + CONTROL_WAIT_S
    while not trouble:
        try:
            device = _device(aravis, ip)
        except aravis_library.errors() as error:
            trouble = str(error)
            break
        if device.is_controller():
            return aravis.Camera.new_with_device(device)
        if time.monotonic() > deadline:
            trouble = "somebody else controls it"
        del device
        time.sleep(0.2)
    raise UserError(
        f"camera '{name}': no GigE Vision camera could be taken over at {ip} ({trouble}); check that it has power and "
        "link, that this machine has an address in its subnet, that UDP port 3956 is not blocked, and that no other "
        "program controls it"
    )


def release(camera: Any) -> None:
    """Give the camera back now, not when Python forgets it; a dead camera is no error."""
    with contextlib.suppress(*aravis_library.errors()):
        camera.get_device().leave_control()


def farewell(camera: Any, stream: Any, memory: object) -> threading.Thread:
    """The thread, to be started once all else has let go of them, that lets go of a dead camera and its stream.

    Aravis then waits for answers that will not come: for seconds, and with Python's lock held if Python were the
    last to let go.

    Args:
        stream: of the camera, or None.
        memory: what the stream writes to until it is gone.
    """
    let_go = [aravis_library.kept(one) for one in (stream, camera.get_device()) if one is not None]

    def run(_: object) -> None:
        for one in let_go:
            one()

    return threading.Thread(target=run, args=(memory,), name="farewell camera", daemon=True)


def alive(camera: Any, ip: str) -> bool:
    """Does it answer within ``ALIVE_TRIES``, and is it still ours? A camera reborn meanwhile is nobody's."""
    if gige_probe.ask(ip, ALIVE_TRIES) is None:
        return False
    device = camera.get_device()
    try:
        heartbeat = device.read_register(_HEARTBEAT_REGISTER)
        device.write_register(_HEARTBEAT_REGISTER, heartbeat)  # refused to all but its owner
        return bool(device.is_controller() and device.read_register(_CONTROL_REGISTER) & _CONTROL_BITS)
    except aravis_library.errors():
        return False


def about(features: AravisFeatures) -> Device:
    """What a connected camera says of itself and of how it is set."""

    def got(kind: str, name: str) -> Any:
        with contextlib.suppress(*aravis_library.errors()):
            return getattr(features, f"get_{kind}")(name) if features.has_feature(name) else None
        return None

    def text(name: str) -> str:
        return got("enum", name) or ""

    return Device(
        vendor=text("DeviceVendorName"),
        model=text("DeviceModelName"),
        serial=text("DeviceSerialNumber"),
        version=text("DeviceVersion"),
        pixel_format=text("PixelFormat"),
        exposure_us=got("float", "ExposureTime"),
        gain_db=got("float", "Gain"),
        own_flat_field=own_flat_field.switched_on(features, aravis_library.errors()),
    )


def local_ip(ip: str) -> str:
    """This machine's address on the way to another one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect((ip, _GVCP_PORT))
        address: Sequence[Any] = link.getsockname()
    return str(address[0])


def _device(aravis: Any, ip: str) -> Any:
    """By both ends' addresses: whoever asks Aravis for a camera by name makes it search every network first."""
    gio = aravis_library.binding("gi.repository.Gio")
    here, there = (gio.InetAddress.new_from_string(address) for address in (local_ip(ip), ip))
    return aravis.GvDevice.new(here, there)

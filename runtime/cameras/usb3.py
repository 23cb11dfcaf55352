"""USB3 Vision line-scan cameras, through Aravis (runtime/cameras/aravis_library.py).

Aravis looks on the interface of these cameras alone: nothing is broadcast, and no other camera is touched. A buffer
that the bus did not bring whole is given up whole, since nothing tells which of its bytes came.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from runtime.cameras import aravis_control, aravis_library, node_map
from runtime.cameras.aravis_control import AravisFeatures
from runtime.cameras.aravis_nodes import AravisNodes
from runtime.cameras.aravis_slots import Slots
from runtime.cameras.link import BUFFERS, Buffer, LineSettings, the_one, which
from runtime.cameras.linked import LinkedCamera
from runtime.cameras.ring import Ring
from runtime.cameras.sfnc import Feature, Setup
from runtime.errors import UserError
from runtime.types import Scale

INTERFACE = "USB3Vision"
"""As Aravis calls it."""


class Usb3Camera(LinkedCamera):
    """See LinkedCamera; it sends no encoder counts.

    Args:
        serial: which camera; None: whichever there is, if it is the only one.
    """

    def __init__(self, name: str, serial: str | None, scale: Scale, settings: LineSettings) -> None:
        super().__init__(name, which(serial, None), scale, settings, lambda: Usb3Link(name, serial, settings))


class Usb3Link:
    """See link.Link.

    Args:
        interface: of Aravis, on which the camera is looked for.

    Raises:
        UserError: Aravis is not installed, no such camera, somebody else has it, or it refuses a setting.
    """

    def __init__(self, name: str, serial: str | None, settings: LineSettings, interface: str = INTERFACE) -> None:
        self._where = _where(name, serial)
        aravis = aravis_library.load(name)
        self.errors = aravis_library.errors()
        self._stream: Any = None
        self._camera: Any = _taken(name, serial, interface)
        self.features = AravisFeatures(self._camera)
        try:
            try:
                self._open(aravis, settings)
            except self.errors as error:
                raise UserError(f"{self._where} could not be started: {error}") from error
        except BaseException:
            self.close()
            raise

    def _open(self, aravis: Any, settings: LineSettings) -> None:
        self.width, self.line_rate_hz = Setup(self.features, self.errors, self._where).configure(settings)
        size = self._camera.get_payload()
        self._ring = Ring(BUFFERS, size, size)
        self._slots = Slots(aravis, self._ring)
        self._stream = self._camera.create_stream(None, None)
        self._slots.give(self._stream)
        self._camera.start_acquisition()
        self.device = aravis_control.about(self.features)
        self.client = f"Aravis {aravis_library.version()}"

    def buffer(self, timeout_s: float) -> Buffer | None:
        assert self._stream is not None, "the link is closed"
        self._slots.give(self._stream)
        popped = self._stream.timeout_pop_buffer(int(timeout_s * 1e6))
        if popped is None:
            return None
        slot, block_id = self._slots.back(popped), popped.get_frame_id()
        if not self._slots.is_whole(popped):
            self._ring.drop(slot)
            return Buffer.given_up(block_id)
        return Buffer(block_id, popped.get_timestamp(), self._slots.lines_of(popped, slot, self._where))

    def alive(self) -> bool:
        try:
            self._camera.get_integer("Width")
        except self.errors:
            return False
        return True

    def health(self) -> None:
        return None

    def close(self) -> None:
        if self._camera is None:
            return
        with contextlib.suppress(*self.errors):
            self._camera.stop_acquisition()
        self._stream = None  # the last to let go: from here on nobody writes to the ring
        self._camera = None


@dataclass(frozen=True)
class _Seen:
    """A camera that Aravis sees; ``id`` opens it."""

    id: str
    vendor: str
    model: str
    serial: str

    def __str__(self) -> str:
        return f"{self.vendor} {self.model} serial {self.serial}"


def find(name: str, serial: str | None, interface: str = INTERFACE) -> str:
    """Vendor, model and serial number of a camera, which is not opened.

    Raises:
        UserError: as Usb3Link.
    """
    return str(_seen(aravis_library.load(name), name, serial, interface))


def features(name: str, serial: str | None, interface: str = INTERFACE) -> list[Feature]:
    """Every feature of a camera, without a change to it.

    Raises:
        UserError: as Usb3Link.
    """
    nodes = AravisNodes(aravis_library.load(name), _taken(name, serial, interface))
    return node_map.features(nodes, aravis_library.errors())


def _taken(name: str, serial: str | None, interface: str) -> Any:
    """An Aravis.Camera, nothing changed in it; it is given back when Python forgets it."""
    aravis = aravis_library.load(name)
    seen = _seen(aravis, name, serial, interface)
    try:
        return aravis.Camera.new(seen.id)
    except aravis_library.errors() as error:
        raise UserError(f"{_where(name, serial)} ({seen}) could not be taken over: {error}") from error


def _seen(aravis: Any, name: str, serial: str | None, interface: str) -> _Seen:
    """The camera that is meant.

    Raises:
        UserError: none or several fit.
    """
    for number in range(aravis.get_n_interfaces()):
        aravis.disable_interface(aravis.get_interface_id(number))
    aravis.enable_interface(interface)
    aravis.update_device_list()
    told = (aravis.get_device_id, aravis.get_device_vendor, aravis.get_device_model, aravis.get_device_serial_nbr)
    there = [_Seen(*(one(number) or "" for one in told)) for number in range(aravis.get_n_devices())]
    return the_one(
        _where(name, serial),
        "Aravis",
        there,
        lambda one: serial in (None, one.serial),
        str,
        "Say 'serial' as it is listed, and check cable, power and the right to use the device (Aravis' udev rules) if "
        "it is not",
    )


def _where(name: str, serial: str | None) -> str:
    return f"camera '{name}' {which(serial, None)}"

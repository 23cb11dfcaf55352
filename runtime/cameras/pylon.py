"""Basler cameras through pylon, Basler's own library, which pip brings along (pypylon).

pylon does not say which packets of a damaged buffer came: it is given up whole. A buffer that is cut short at a stop
of the loom (BslLineTimeoutEnable) is taken with the lines it has.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from runtime.cameras import node_map, own_flat_field
from runtime.cameras.base import Device
from runtime.cameras.link import BUFFERS, Buffer, LineSettings, the_one, which
from runtime.cameras.linked import LinkedCamera
from runtime.cameras.node_map import Interface, Node
from runtime.cameras.sfnc import Feature, Setup
from runtime.errors import MissingExtra, UserError
from runtime.types import Scale

_UNNUMBERED = 2**64 - 1
"""BlockID of a buffer of which pylon does not know it."""


class PylonCamera(LinkedCamera):
    """See LinkedCamera; it sends no encoder counts.

    Args:
        serial, user_name: which camera; None: whichever there is, if it is the only one.
    """

    def __init__(
        self, name: str, serial: str | None, user_name: str | None, scale: Scale, settings: LineSettings
    ) -> None:
        super().__init__(
            name,
            which(serial, user_name),
            scale,
            settings,
            lambda: PylonLink(name, serial, user_name, settings),
        )


class PylonLink:
    """See link.Link.

    Raises:
        MissingExtra: pypylon is not installed.
        UserError: no such camera, somebody else has it, or it refuses a setting.
    """

    def __init__(self, name: str, serial: str | None, user_name: str | None, settings: LineSettings) -> None:
        self._pylon, self.errors = _pylon(name)
        where = f"camera '{name}' {which(serial, user_name)}"
        self._camera, about = _taken(name, serial, user_name)
        self.features = PylonFeatures(self._camera.GetNodeMap())
        try:
            try:
                self._start(where, about, settings)
            except self.errors as error:
                raise UserError(f"{where} could not be started: {error}") from error
        except BaseException:
            self.close()
            raise

    def _start(self, where: str, about: Any, settings: LineSettings) -> None:
        features = self.features
        self.width, self.line_rate_hz = Setup(features, self.errors, where).configure(settings)
        self.device = Device(
            vendor=about.GetVendorName(),
            model=about.GetModelName(),
            serial=about.GetSerialNumber(),
            version=about.GetDeviceVersion(),
            pixel_format=features.get("PixelFormat"),
            exposure_us=features.get("ExposureTime") if features.has_feature("ExposureTime") else None,
            gain_db=features.get("Gain") if features.has_feature("Gain") else None,
            own_flat_field=own_flat_field.switched_on(features, self.errors),
        )
        self.client = f"pypylon {version('pypylon')}"
        self._camera.MaxNumBuffer.Value = BUFFERS
        self._camera.StartGrabbing(self._pylon.GrabStrategy_OneByOne)

    def buffer(self, timeout_s: float) -> Buffer | None:
        with contextlib.suppress(*self.errors):  # a camera that is gone: ``alive`` tells
            result = self._camera.RetrieveResult(int(1000 * timeout_s), self._pylon.TimeoutHandling_Return)
            if result.IsValid():
                try:
                    return _received(result)
                finally:
                    result.Release()
        return None

    def alive(self) -> bool:
        return not self._camera.IsCameraDeviceRemoved()

    def health(self) -> None:
        return None

    def close(self) -> None:
        if self._camera is not None:
            with contextlib.suppress(*self.errors):
                self._camera.StopGrabbing()
                self._camera.Close()
            self._camera = None


class PylonFeatures:
    """See sfnc.Features.

    Args:
        nodes: a node map of pypylon.
    """

    def __init__(self, nodes: Any) -> None:
        self._nodes = nodes

    def has_feature(self, name: str) -> bool:
        return bool(self._nodes.GetNode(name).IsValid())

    def get(self, name: str) -> Any:
        return self._nodes.GetNode(name).GetValue()

    def set(self, name: str, value: Any) -> None:
        self._nodes.GetNode(name).SetValue(value)

    get_integer = get_float = get_boolean = get_enum = get
    set_integer = set_float = set_boolean = set_enum = set

    def bounds(self, name: str) -> tuple[Any, Any]:
        node = self._nodes.GetNode(name)
        return node.GetMin(), node.GetMax()

    integer_bounds = float_bounds = bounds

    def integer_increment(self, name: str) -> Any:
        return self._nodes.GetNode(name).GetInc()

    def enum_entries(self, name: str) -> Sequence[str]:
        return tuple(self._nodes.GetNode(name).Symbolics)

    def invalidate_caches(self) -> None:
        self._nodes.InvalidateNodes()

    def nodes(self) -> Iterator[Node]:
        yield from _held(self._nodes.GetNode("Root"))


def find(name: str, serial: str | None, user_name: str | None) -> str:
    """Vendor, model and serial number of a camera, which is not opened.

    Raises:
        MissingExtra, UserError: as PylonLink.
    """
    pylon, _ = _pylon(name)
    where = f"camera '{name}' {which(serial, user_name)}"
    about = _the_one(where, pylon.TlFactory.GetInstance().EnumerateDevices(), serial, user_name)
    return f"{about.GetVendorName()} {about.GetModelName()} serial {about.GetSerialNumber()}"


def features(name: str, serial: str | None, user_name: str | None) -> list[Feature]:
    """Every feature of a camera, without a change to it.

    Raises:
        MissingExtra, UserError: as PylonLink.
    """
    _, errors = _pylon(name)
    camera, _ = _taken(name, serial, user_name)
    try:
        return node_map.features(PylonFeatures(camera.GetNodeMap()), errors)
    finally:
        camera.Close()


def _pylon(name: str) -> tuple[Any, tuple[type[Exception], ...]]:
    """The library, and what it raises where a camera is at fault.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        from pypylon import genicam, pylon
    except ImportError as error:
        raise MissingExtra("pypylon", "pylon", f"Camera '{name}' (backend pylon)") from error
    return pylon, (genicam.GenericException,)


def _taken(name: str, serial: str | None, user_name: str | None) -> tuple[Any, Any]:
    """A camera that is opened, nothing changed in it, and what pylon found out about it.

    Raises:
        MissingExtra, UserError: as PylonLink.
    """
    pylon, errors = _pylon(name)
    where = f"camera '{name}' {which(serial, user_name)}"
    try:
        factory = pylon.TlFactory.GetInstance()
        about = _the_one(where, factory.EnumerateDevices(), serial, user_name)
        camera = pylon.InstantCamera(factory.CreateDevice(about))
        # Else pylon switches all triggers off when it opens a camera, and the encoder's with them.
        camera.RegisterConfiguration(None, pylon.RegistrationMode_ReplaceAll, pylon.Cleanup_None)
        camera.Open()
    except errors as error:
        raise UserError(f"{where} could not be taken over: {error}") from error
    return camera, about


def _held(category: Any) -> Iterator[Node]:
    for feature in category.GetFeatures():
        interface = feature.Node.GetPrincipalInterfaceType()
        if interface == Interface.CATEGORY:
            yield from _held(feature)
        else:
            yield Node(feature.Node.Name, interface, feature.GetAccessMode())


def _received(result: Any) -> Buffer | None:
    """A grab result's bytes, copied: pylon takes its memory back when the result is released.

    Its clock is left unsaid: pylon counts ticks, whose length differs from camera to camera.
    """
    if not result.GrabSucceeded():
        # Between the packets that came lie older rows, and nothing tells the ones from the others.
        return None if result.BlockID == _UNNUMBERED else Buffer.given_up(result.BlockID)
    return Buffer(result.BlockID, 0, np.frombuffer(result.GetBuffer(), np.uint8)[: result.ImageSize])


def _the_one(where: str, found: Sequence[Any], serial: str | None, user_name: str | None) -> Any:
    """The camera that is meant.

    Raises:
        UserError: none or several fit.
    """
    return the_one(
        where,
        "pylon",
        found,
        lambda one: serial in (None, one.GetSerialNumber()) and user_name in (None, one.GetUserDefinedName()),
        lambda one: f"{one.GetModelName()} serial {one.GetSerialNumber()}",
        "Say 'serial' or 'user_name' as it is listed, and check power and link if it is not",
    )

"""The control channel of a GigE Vision camera through telegenic: taken over, its features read, given back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runtime.cameras import own_flat_field
from runtime.cameras.base import Device
from runtime.cameras.sfnc import Feature
from runtime.errors import UserError

if TYPE_CHECKING:
    import telegenic

GVCP_TIMEOUT_S, GVCP_RETRIES = 0.3, 3
CONTROL_WAIT_S = 4.0
"""A program that was killed keeps the camera until its heartbeat is missed, 3 s by the standard's default."""


def client(name: str) -> Any:
    """The module telegenic.

    Raises:
        UserError: it is not installed.
    """
    try:
        import telegenic
    except ImportError as error:
        raise UserError(
            f"camera '{name}' (backend gige) needs the Python package 'telegenicam', which is not installed: "
            "pip install telegenicam"
        ) from error
    return telegenic


def errors() -> tuple[type[Exception], ...]:
    """What telegenic raises where a camera or the way to it is at fault."""
    import telegenic

    return telegenic.CameraError, telegenic.GenicamError


def take_control(name: str, ip: str) -> telegenic.Camera:
    """Connect to the camera at an address; waits for a while if somebody else has it.

    Raises:
        UserError: no address, nobody answers there, or somebody else controls the camera.
    """
    module = client(name)
    try:
        camera: telegenic.Camera = module.Camera(ip, gvcp_timeout=GVCP_TIMEOUT_S, retries=GVCP_RETRIES)
    except ValueError as error:
        raise UserError(f"camera '{name}': '{ip}' is no IPv4 address; write it like 192.168.0.10") from error
    deadline = time.monotonic() + CONTROL_WAIT_S
    while True:
        try:
            camera.connect()
            return camera
        except errors() as error:
            if "access denied" in str(error) and time.monotonic() < deadline:
                time.sleep(0.2)
                continue
            raise UserError(
                f"camera '{name}': no GigE Vision camera could be taken over at {ip} ({error}); check "
                "that it has power and link, that this machine has an address in its subnet, that UDP port 3956 "
                "is not blocked, and that no other program controls it"
            ) from error


def release(camera: telegenic.Camera) -> None:
    """Give the camera back. Safe to call twice; a dead camera is no error."""
    with contextlib.suppress(ValueError, *errors()):
        camera.disconnect()


def device(camera: telegenic.Camera) -> Device:
    """What a connected camera says of itself and of how it is set."""
    info = camera.device_info()
    pixel_format = _got(camera, "enum", "PixelFormat") or ""
    exposure, gain = (_got(camera, "float", feature) for feature in ("ExposureTime", "Gain"))
    return Device(
        vendor=info.manufacturer,
        model=info.model,
        serial=info.serial,
        version=info.device_version,
        pixel_format=pixel_format,
        exposure_us=exposure,
        gain_db=gain,
        own_flat_field=own_flat_field.switched_on(camera, errors()),
    )


def features(camera: telegenic.Camera) -> Iterator[Feature]:
    """Every feature of a connected camera, in the order of its description.

    The description also names registers and folders. A number that is a feature answers as an integer and
    as a float, a register as one of them only.
    """
    for name in camera.feature_names():
        with contextlib.suppress(*errors()):
            access = str(camera.access_mode(name)).rpartition(".")[2]
            if access == "WO":
                if _got(camera, "integer_bounds", name) is None:
                    yield Feature(name, "", access, "")
                continue
            value = _value(camera, name)
            if value is not None:
                yield Feature(name, value[0], access, value[1] if access == "RW" else "")


def _value(camera: telegenic.Camera, name: str) -> tuple[str, str] | None:
    """Value and what may be written, of any type; None for what is no feature."""
    entries = _got(camera, "entries", name)
    if entries:
        return _got(camera, "enum", name) or "", ", ".join(entries)
    integer, number = _got(camera, "integer", name), _got(camera, "float", name)
    if integer is not None and number is not None:
        bounds = _got(camera, "integer_bounds", name) or _got(camera, "float_bounds", name)
        return f"{number:.12g}", f"{bounds[0]:.12g} to {bounds[1]:.12g}" if bounds else ""
    text = _got(camera, "string", name)
    if text is not None:
        return text, ""
    switch = _got(camera, "boolean", name)
    if switch is not None and number is None and _got(camera, "integer_bounds", name) is None:
        return str(switch).lower(), "true, false"
    return None


_GETTERS = {"entries": "enum_entries", "integer_bounds": "integer_bounds", "float_bounds": "float_bounds"}


def _got(camera: telegenic.Camera, kind: str, name: str) -> Any:
    """A feature read as that kind, or None where it is not of it."""
    with contextlib.suppress(*errors()):
        return getattr(camera, _GETTERS.get(kind, f"get_{kind}"))(name)
    return None

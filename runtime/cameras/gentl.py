"""Cameras of any maker through its GenTL producer (EMVA GenTL 1.6), a library that comes with the maker's software.

harvesters loads the producer. It throws away buffers with holes: their lines are found missing from the buffers'
numbers. A value for each line, such as an encoder's count, it cannot read.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from runtime.cameras.base import Device
from runtime.cameras.link import BUFFERS, Buffer, LineSettings, which
from runtime.cameras.linked import LinkedCamera
from runtime.cameras.pixel_formats import PIXEL_FORMATS
from runtime.cameras.sfnc import Setup
from runtime.errors import MissingExtra, UserError
from runtime.types import Scale, UInt8

PRODUCERS = "GENICAM_GENTL64_PATH"
"""Environment variable that the makers' installers set: folders with producers (GenTL 1.6, 6.1)."""
_TRY_S = 0.02


@dataclass(frozen=True)
class Wanted:
    """Which camera of which producer; None: whichever there is, if it is the only one.

    Attributes:
        producer: path of a .cti file; None: those in the folders of GENICAM_GENTL64_PATH.
        serial, user_name: the camera's serial number, its user-defined name.
    """

    producer: str | None = None
    serial: str | None = None
    user_name: str | None = None


class GentlCamera(LinkedCamera):
    """See LinkedCamera; it sends no encoder counts."""

    def __init__(self, name: str, wanted: Wanted, scale: Scale, settings: LineSettings) -> None:
        place = which(wanted.serial, wanted.user_name)
        super().__init__(name, place, scale, settings, lambda: GentlLink(name, wanted, settings))


class GentlLink:
    """See link.Link.

    Raises:
        MissingExtra: harvesters is not installed.
        UserError: no producer, no such camera, or it refuses a setting.
    """

    def __init__(self, name: str, wanted: Wanted, settings: LineSettings) -> None:
        self._core, self._errors = _harvesters(name)
        self._harvester = self._core.Harvester()
        self._acquirer: Any = None
        self._line_bytes = 0
        where = f"camera '{name}' {which(wanted.serial, wanted.user_name)}"
        try:
            try:
                self._open(where, wanted, settings)
            except self._errors as error:
                raise UserError(f"{where} could not be started: {error}") from error
        except BaseException:
            self.close()
            raise

    def _open(self, where: str, wanted: Wanted, settings: LineSettings) -> None:
        files = _producers(where, wanted.producer)
        for file in files:
            self._harvester.add_file(str(file), check_existence=True)
        self._harvester.update()
        found = self._harvester.device_info_list
        self._acquirer = self._harvester.create(_the_one(where, wanted, found, self._errors, files))
        features = GentlFeatures(self._acquirer.remote_device.node_map)
        self.width, self.line_rate_hz = Setup(features, self._errors, where).configure(settings)
        self._line_bytes = PIXEL_FORMATS[settings.pixel_format].line_bytes(self.width)
        self.device = self._about(features)
        self.client = f"GenTL ({', '.join(file.name for file in files)}, harvesters {version('harvesters')})"
        self._acquirer.num_buffers = BUFFERS
        self._acquirer.start()

    def _about(self, features: GentlFeatures) -> Device:
        """What producer and camera say of the camera, as it is set now."""
        module = self._acquirer.device.module

        def number(name: str) -> float | None:
            with contextlib.suppress(*self._errors):
                return float(features.get(name)) if features.has_feature(name) else None
            return None

        return Device(
            vendor=self._got(module, "vendor", ""),
            model=self._got(module, "model", ""),
            serial=self._got(module, "serial_number", ""),
            version=self._got(module, "version", ""),
            pixel_format=features.get("PixelFormat"),
            exposure_us=number("ExposureTime"),
            gain_db=number("Gain"),
        )

    def buffer(self, timeout_s: float) -> Buffer | None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with contextlib.suppress(*self._errors):  # a camera that is gone: ``alive`` tells
                raw = self._acquirer.try_fetch(timeout=_TRY_S, is_raw=True)
                if raw is not None:
                    return self._received(raw)
        return None

    def _received(self, raw: Any) -> Buffer:
        """A buffer's image, copied, so that the producer has its memory back at once."""
        try:
            first = self._got(raw, "image_offset", 0)
            rows = self._got(raw, "delivered_image_height", 0) or self._got(raw, "height", 0)
            end = min(first + rows * self._line_bytes, self._got(raw, "size_filled", 0) or raw.size)
            data: UInt8 = np.frombuffer(raw.raw_buffer, np.uint8)[first:end].copy()
            return Buffer(raw.frame_id, self._got(raw, "timestamp_ns", 0), data)
        finally:
            raw.parent.queue_buffer(raw)

    def _got(self, module: Any, info: str, otherwise: Any) -> Any:
        """What a producer says of a buffer, of which it may leave most unsaid."""
        with contextlib.suppress(AttributeError, *self._errors):
            return getattr(module, info)
        return otherwise

    def alive(self) -> bool:
        try:
            asked, not_from_cache = False, True
            width = self._acquirer.remote_device.node_map.Width.get_value(asked, not_from_cache)
            return bool(width == self.width)
        except self._errors:
            return False

    def health(self) -> None:
        return None

    def close(self) -> None:
        if self._acquirer is not None:
            with contextlib.suppress(*self._errors):
                self._acquirer.stop()
                self._acquirer.destroy()
            self._acquirer = None
        with contextlib.suppress(*self._errors):
            self._harvester.reset()


class GentlFeatures:
    """See sfnc.Features.

    Args:
        nodes: a node map of genicam.
    """

    def __init__(self, nodes: Any) -> None:
        self._nodes = nodes

    def has_feature(self, name: str) -> bool:
        return bool(self._nodes.has_node(name))

    def get(self, name: str) -> Any:
        return self._nodes.get_node(name).value

    def set(self, name: str, value: Any) -> None:
        self._nodes.get_node(name).value = value

    get_integer = get_float = get_boolean = get_enum = get
    set_integer = set_float = set_boolean = set_enum = set

    def bounds(self, name: str) -> tuple[Any, Any]:
        node = self._nodes.get_node(name)
        return node.min, node.max

    integer_bounds = float_bounds = bounds

    def integer_increment(self, name: str) -> Any:
        return self._nodes.get_node(name).inc

    def enum_entries(self, name: str) -> Sequence[str]:
        return tuple(self._nodes.get_node(name).symbolics)

    def invalidate_caches(self) -> None:
        """GenApi knows by itself which nodes a written one makes stale."""


def _harvesters(name: str) -> tuple[Any, tuple[type[Exception], ...]]:
    """harvesters.core, and what it raises where a camera or its producer is at fault.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        from genicam import genapi, gentl
        from harvesters import core
    except ImportError as error:
        raise MissingExtra("harvesters", "gentl", f"Camera '{name}' (backend gentl)") from error
    return core, (gentl.GenericException, genapi.GenericException)


def _producers(where: str, producer: str | None) -> list[Path]:
    """The .cti files to load.

    Raises:
        UserError: there is none.
    """
    if producer is not None:
        found = [Path(producer)] if Path(producer).is_file() else []
    else:
        folders = os.environ.get(PRODUCERS, "").split(os.pathsep)
        found = sorted(file for folder in folders if folder for file in Path(folder).glob("*.cti"))
    if not found:
        looked = f"'{producer}' is not there" if producer else f"there is none in the folders of {PRODUCERS}"
        raise UserError(
            f"{where} needs the GenTL producer of its maker, and {looked}: install the maker's software, or name the "
            ".cti file with 'producer'"
        )
    return found


def _the_one(
    where: str, wanted: Wanted, found: Sequence[Any], errors: tuple[type[Exception], ...], files: Sequence[Path]
) -> Any:
    """The device that is meant.

    Raises:
        UserError: none or several fit.
    """

    def told(device: Any, info: str) -> str:
        with contextlib.suppress(*errors):
            return str(getattr(device, info) or "")
        return ""

    asked = {"serial_number": wanted.serial, "user_defined_name": wanted.user_name}
    fitting = [
        device for device in found if all(value is None or told(device, info) == value for info, value in asked.items())
    ]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(f"{told(one, 'model')} serial {told(one, 'serial_number')}" for one in fitting or found) or "none"
    raise UserError(
        f"{where}: {len(fitting)} cameras fit, and one must; {', '.join(file.name for file in files)} finds: {there}. "
        "Say 'serial' or 'user_name' as it is listed, and close the program that has the camera if it is not"
    )

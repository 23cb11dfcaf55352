"""Cameras of any maker through its GenTL producer (runtime/cameras/gentl_device.py).

harvesters throws away buffers with holes: their lines are found missing from the buffers' numbers. A value for each
line, such as an encoder's count, it cannot read.
"""

from __future__ import annotations

import contextlib
import time
from importlib.metadata import version
from typing import Any

import numpy as np

from runtime.cameras import own_flat_field
from runtime.cameras.base import Device
from runtime.cameras.gentl_device import GentlFeatures, TakenCamera, Wanted
from runtime.cameras.link import BUFFERS, Buffer, LineSettings, which
from runtime.cameras.linked import LinkedCamera
from runtime.cameras.parts import gentl_images, image_of
from runtime.cameras.pixel_formats import PIXEL_FORMATS
from runtime.cameras.sfnc import Setup
from runtime.errors import UserError
from runtime.types import Scale, UInt8

_TRY_S = 0.02


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
        self._taken = taken = TakenCamera(name, wanted)
        self.features, self.errors, self._acquirer = taken.features, taken.errors, taken.acquirer
        try:
            self.width, self.line_rate_hz = Setup(taken.features, taken.errors, taken.where).configure(settings)
            self._line_bytes = PIXEL_FORMATS[settings.pixel_format].line_bytes(self.width)
            self.device = self._about(taken.features)
            self.client = f"GenTL ({taken.producers}, harvesters {version('harvesters')})"
            self._acquirer.num_buffers = BUFFERS
            self._acquirer.start()
        except self.errors as error:
            self.close()
            raise UserError(f"{taken.where} could not be started: {error}") from error
        except BaseException:
            self.close()
            raise

    def _about(self, features: GentlFeatures) -> Device:
        """What producer and camera say of the camera, as it is set now."""
        module = self._acquirer.device.module

        def number(name: str) -> float | None:
            with contextlib.suppress(*self.errors):
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
            own_flat_field=own_flat_field.switched_on(features, self.errors),
        )

    def buffer(self, timeout_s: float) -> Buffer | None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with contextlib.suppress(*self.errors):  # a camera that is gone: ``alive`` tells
                raw = self._acquirer.try_fetch(timeout=_TRY_S, is_raw=True)
                if raw is not None:
                    return self._received(raw)
        return None

    def _received(self, raw: Any) -> Buffer:
        """A buffer's image, copied, so that the producer has its memory back at once."""
        try:
            images = gentl_images(raw, self.errors)
            if images is not None:
                found: UInt8 = image_of(images, self._taken.where).copy()
                return Buffer(raw.frame_id, self._got(raw, "timestamp_ns", 0), found)
            first = self._got(raw, "image_offset", 0)
            rows = self._got(raw, "delivered_image_height", 0) or self._got(raw, "height", 0)
            end = min(first + rows * self._line_bytes, self._got(raw, "size_filled", 0) or raw.size)
            data: UInt8 = np.frombuffer(raw.raw_buffer, np.uint8)[first:end].copy()
            return Buffer(raw.frame_id, self._got(raw, "timestamp_ns", 0), data)
        finally:
            raw.parent.queue_buffer(raw)

    def _got(self, module: Any, info: str, otherwise: Any) -> Any:
        """What a producer says of a buffer, of which it may leave most unsaid."""
        with contextlib.suppress(AttributeError, *self.errors):
            return getattr(module, info)
        return otherwise

    def alive(self) -> bool:
        try:
            asked, not_from_cache = False, True
            width = self._acquirer.remote_device.node_map.Width.get_value(asked, not_from_cache)
            return bool(width == self.width)
        except self.errors:
            return False

    def health(self) -> None:
        return None

    def close(self) -> None:
        self._taken.release()

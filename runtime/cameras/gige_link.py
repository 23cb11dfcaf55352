"""One connection to a GigE Vision camera through telegenic: features set and read back, buffers, chunks."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.cameras import gige_control
from runtime.cameras.gige_health import LinkHealth, socket_bytes
from runtime.errors import UserError

if TYPE_CHECKING:
    import telegenic

LEAST_SOCKET_S = 0.03
"""A socket that holds less than this many seconds of lines overflows when the machine is busy elsewhere."""
WIDEN_SOCKET = "sysctl -w net.core.rmem_max=8388608"
BUFFERS = 64
"""At least 0.3 s of 128-line buffers at the rate of a full Gigabit link."""
READ_BACK_TOLERANCE = 0.02
"""Cameras round times and rates to the steps of their clock."""
PIXEL_FORMATS = {
    "Mono8": (1, "u1", 8),
    "Mono10": (1, "<u2", 10),
    "Mono12": (1, "<u2", 12),
    "Mono16": (1, "<u2", 16),
    "RGB8": (3, "u1", 8),
}
"""Name -> channels, numpy type on the wire, significant bits."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GigeSettings:
    """What is set in the camera; None leaves the camera's own value.

    Attributes:
        block_lines: lines a buffer (Height).
        width: px a line (Width).
        pixel_format: a key of PIXEL_FORMATS.
        line_rate_hz, exposure_us, gain_db: AcquisitionLineRate, ExposureTime, Gain.
        encoder: ask for the encoder's count of each line (chunk EncoderValue).
    """

    block_lines: int = 128
    width: int | None = None
    pixel_format: str = "Mono8"
    line_rate_hz: float | None = None
    exposure_us: float | None = None
    gain_db: float | None = None
    encoder: bool = False


class GigeLink:
    """A camera that is connected, configured and streaming, from construction to ``close``.

    Args:
        name, ip: the camera's name and address; it is never searched for.
        settings: what to set.

    Attributes:
        width, line_rate_hz: as read back; the rate is None where the camera has none.
        device: what the camera says of itself, as it is set now.

    Raises:
        UserError: nobody answers, somebody else controls the camera, or it refuses a setting.
    """

    def __init__(self, name: str, ip: str, settings: GigeSettings) -> None:
        self._camera = gige_control.take_control(name, ip)
        self._errors = gige_control.errors()
        self._name, self._ip = name, ip
        self._acquisition: telegenic.Acquisition | None = None
        try:
            self._open(settings)
        except BaseException:
            self.close()
            raise

    def frame(self, timeout_s: float) -> telegenic.Frame | None:
        """The next buffer, complete or not, or None if there is none within ``timeout_s``."""
        assert self._acquisition is not None, "the link is closed"
        return self._acquisition.wait_for(timeout_s)

    def alive(self) -> bool:
        """Does the camera still answer, and is it still ours? A loom that stands sends nothing either."""
        if not self._camera.is_connected():
            return False
        try:
            self._camera.invalidate_caches()
            self._camera.get_integer("Height")
        except self._errors:
            return False
        return True

    def health(self) -> LinkHealth:
        """How the stream arrives, counted from its start."""
        assert self._acquisition is not None, "the link is closed"
        return LinkHealth.of(self._acquisition)

    def close(self) -> None:
        """Stop the stream and release the camera. Safe to call twice; a dead camera is no error."""
        if self._acquisition is not None:
            with contextlib.suppress(*self._errors):
                self._acquisition.stop()
            self._acquisition = None
        gige_control.release(self._camera)

    def _open(self, settings: GigeSettings) -> None:
        try:
            self._configure(settings)
            self._acquisition = self._camera.start_acquisition(n_buffers=BUFFERS)
        except self._errors as error:
            raise UserError(f"camera '{self._name}' at {self._ip} could not be started: {error}") from error
        self._warn_of_small_socket(settings)
        self.device = gige_control.device(self._camera)

    def _warn_of_small_socket(self, settings: GigeSettings) -> None:
        """Linux cuts a receive buffer to net.core.rmem_max without an error."""
        assert self._acquisition is not None
        channels, wire_type, _ = PIXEL_FORMATS[settings.pixel_format]
        rate = (self.line_rate_hz or 0.0) * self.width * channels * int(wire_type[-1])
        asked, held = socket_bytes(self._acquisition)
        if held < min(asked, LEAST_SOCKET_S * rate):
            _log.warning(
                "camera '%s': the system holds only %d bytes of received lines, %.0f ms at this line rate, and "
                "lines may be lost: %s",
                self._name,
                held,
                1000 * held / rate,
                WIDEN_SOCKET,
            )

    def _configure(self, settings: GigeSettings) -> None:
        if settings.width is not None:
            self._set("Width", "integer", settings.width)
        self._set("Height", "integer", settings.block_lines)
        self._set("PixelFormat", "enum", settings.pixel_format)
        self._set("AcquisitionMode", "enum", "Continuous")
        floats = {"ExposureTime": settings.exposure_us, "Gain": settings.gain_db}
        for feature, value in floats.items():
            if value is not None:
                self._set(feature, "float", value)
        if settings.line_rate_hz is not None:
            if self._camera.has_feature("AcquisitionLineRateEnable"):
                self._set("AcquisitionLineRateEnable", "boolean", True)
            self._set("AcquisitionLineRate", "float", settings.line_rate_hz)
        if settings.encoder:
            self._enable_encoder_chunk()
        self.width = self._camera.get_integer("Width")
        has_rate = self._camera.has_feature("AcquisitionLineRate")
        self.line_rate_hz = self._camera.get_float("AcquisitionLineRate") if has_rate else None

    def _enable_encoder_chunk(self) -> None:
        """The encoder's chunk and no other: the one with a value for each line is then known for what it is."""
        self._set("ChunkModeActive", "boolean", True)
        for entry in self._camera.enum_entries("ChunkSelector"):
            if entry not in ("Image", "EncoderValue"):
                with contextlib.suppress(*self._errors):  # some chunks cannot be switched off
                    self._camera.set_enum("ChunkSelector", entry)
                    self._camera.set_boolean("ChunkEnable", False)
        self._set("ChunkSelector", "enum", "EncoderValue")
        self._set("ChunkEnable", "boolean", True)

    def _set(self, feature: str, kind: str, value: Any) -> None:
        """Write an SFNC feature and read it back.

        Raises:
            UserError: the camera lacks it, refuses the value or keeps another one.
        """
        where = f"camera '{self._name}' at {self._ip}"
        if not self._camera.has_feature(feature):
            raise UserError(f"{where} has no feature {feature}: take its setting out of cameras.yaml")
        try:
            getattr(self._camera, f"set_{kind}")(feature, value)
            self._camera.invalidate_caches()
            got = getattr(self._camera, f"get_{kind}")(feature)
        except self._errors as error:
            raise UserError(f"{where} refuses {feature} = {value}{self._bounds(feature, kind)}: {error}") from error
        same = abs(got - value) <= READ_BACK_TOLERANCE * abs(value) if kind == "float" else got == value
        if not same:
            raise UserError(f"{where} keeps {feature} at {got} instead of {value}{self._bounds(feature, kind)}")

    def _bounds(self, feature: str, kind: str) -> str:
        with contextlib.suppress(*self._errors):
            if kind in ("integer", "float"):
                low, high = getattr(self._camera, f"{kind}_bounds")(feature)
                step = f" in steps of {self._camera.integer_increment(feature)}" if kind == "integer" else ""
                return f" (it takes {low:g} to {high:g}{step})"
            if kind == "enum":
                return f" (it takes {', '.join(self._camera.enum_entries(feature))})"
        return ""

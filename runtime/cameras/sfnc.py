"""A camera set up by its SFNC features, each written and read back; the same for every client.

Names and meanings are those of the GenICam Standard Features Naming Convention (SFNC 2.7).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runtime.cameras import own_flat_field
from runtime.cameras.link import FeatureValue, LineSettings
from runtime.errors import UserError

UNSTAMPED = "say 'stamped: false' for the encoder in cameras.yaml if it triggers the lines, or leave it out"
READ_BACK_TOLERANCE = 0.02
"""Cameras round times and rates to the steps of their clock."""


@dataclass(frozen=True)
class Feature:
    """A GenICam feature as a camera has it now.

    Attributes:
        value: as text; empty where it cannot be read now, and for commands.
        access: RO, WO or RW.
        takes: what may be written: bounds, or the entries of an enumeration; else empty.
    """

    name: str
    value: str
    access: str
    takes: str


class Features(Protocol):
    """A connected camera's features by name, as telegenic.Camera has them; each call may raise the client's errors."""

    def has_feature(self, name: str) -> bool: ...
    def get_integer(self, name: str) -> int: ...
    def get_float(self, name: str) -> float: ...
    def get_boolean(self, name: str) -> bool: ...
    def get_enum(self, name: str) -> str: ...
    def set_enum(self, name: str, value: str) -> None: ...
    def set_boolean(self, name: str, value: bool) -> None: ...
    def integer_increment(self, name: str) -> Any: ...
    def enum_entries(self, name: str) -> Sequence[str]: ...
    def invalidate_caches(self) -> Any: ...


class Setup:
    """Writes settings into one camera.

    Args:
        camera: its features.
        errors: what the client raises where a camera refuses.
        where: the camera and its address, for messages.
    """

    def __init__(self, camera: Features, errors: tuple[type[Exception], ...], where: str) -> None:
        self._camera, self._errors, self._where = camera, errors, where

    def configure(self, settings: LineSettings) -> tuple[int, float | None]:
        """Write all settings.

        Returns:
            The width in px and the line rate in Hz as the camera has them then; no rate where it has none.

        Raises:
            UserError: the camera lacks a feature, refuses a value or keeps another one.
        """
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
        if settings.encoder_value and not self._camera.has_feature("EncoderValue"):
            raise UserError(f"{self._where} has no feature EncoderValue: leave 'encoder' out of cameras.yaml")
        if settings.encoder:
            self._enable_encoder_chunk()
        else:
            self._disable_chunks()
        for feature, chosen in settings.features.items():
            self._set(feature, _kind(chosen), chosen)
        if settings.own_flat_field:
            self._correct_columns()
        width = self._camera.get_integer("Width")
        has_rate = self._camera.has_feature("AcquisitionLineRate")
        return width, self._camera.get_float("AcquisitionLineRate") if has_rate else None

    def _correct_columns(self) -> None:
        """Switch the camera's own flat field on."""
        switch = own_flat_field.find(self._camera, self._errors)
        if switch is None:
            raise UserError(
                f"{self._where} has no flat field correction of its own that is known here: take references with "
                "python -m runtime.flatfield and name their file as flat_field, or leave flat_field out and name the "
                "camera's switch under features"
            )
        feature, value = switch
        self._set(feature, _kind(value), value)

    def _disable_chunks(self) -> None:
        """Somebody else may have left them on; behind the lines they would be no whole lines."""
        with contextlib.suppress(*self._errors):  # a camera that keeps them on may still say where the image ends
            if self._camera.has_feature("ChunkModeActive"):
                self._camera.set_boolean("ChunkModeActive", False)

    def _enable_encoder_chunk(self) -> None:
        """The encoder's chunk and no other: the one with a value for each line is then known for what it is."""
        if not self._camera.has_feature("ChunkModeActive"):
            raise UserError(f"{self._where} sends no chunk data, so no count of each line: {UNSTAMPED}")
        self._set("ChunkModeActive", "boolean", True)
        for entry in self._camera.enum_entries("ChunkSelector"):
            if entry not in ("Image", "EncoderValue"):
                with contextlib.suppress(*self._errors):  # some chunks cannot be switched off
                    self._camera.set_enum("ChunkSelector", entry)
                    self._camera.set_boolean("ChunkEnable", False)
        self._set("ChunkSelector", "enum", "EncoderValue")
        self._set("ChunkEnable", "boolean", True)

    def _set(self, feature: str, kind: str, value: Any) -> None:
        """Write a feature and read it back."""
        if not self._camera.has_feature(feature):
            raise UserError(f"{self._where} has no feature {feature}: take its setting out of cameras.yaml")
        refusal: Exception | None = None
        try:
            getattr(self._camera, f"set_{kind}")(feature, value)
        except self._errors as error:  # some refuse to be written even what they have already
            refusal = error
        try:
            self._camera.invalidate_caches()
            got = getattr(self._camera, f"get_{kind}")(feature)
        except self._errors as error:
            raise UserError(f"{self._where} does not let {feature} be read back: {error}") from error
        same = abs(got - value) <= READ_BACK_TOLERANCE * abs(value) if kind == "float" else got == value
        if not same and refusal is not None:
            raise UserError(
                f"{self._where} refuses {feature} = {value}{self._bounds(feature, kind)}: {refusal}"
            ) from refusal
        if not same:
            raise UserError(f"{self._where} keeps {feature} at {got} instead of {value}{self._bounds(feature, kind)}")

    def _bounds(self, feature: str, kind: str) -> str:
        with contextlib.suppress(*self._errors):
            if kind in ("integer", "float"):
                low, high = getattr(self._camera, f"{kind}_bounds")(feature)
                step = f" in steps of {self._camera.integer_increment(feature)}" if kind == "integer" else ""
                return f" (it takes {low:g} to {high:g}{step})"
            if kind == "enum":
                return f" (it takes {', '.join(self._camera.enum_entries(feature))})"
        return ""


def _kind(value: FeatureValue) -> str:
    """Which kind of feature takes it; YAML says 2 for an integer and 2.0 for a float."""
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "float" if isinstance(value, float) else "enum"

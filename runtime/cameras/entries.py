"""The entries of cameras.yaml: what can be said of a camera, by backend."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from runtime.cameras import gige_probe
from runtime.cameras.gentl_device import Wanted
from runtime.cameras.gige_link import Client
from runtime.cameras.link import FeatureValue, LineSettings
from runtime.cameras.pixel_formats import PIXEL_FORMATS
from runtime.types import Scale

Positive = Annotated[float, Field(gt=0)]
OWN = "camera"
"""As ``flat_field``: the camera corrects its columns itself."""


class Section(BaseModel):
    """A section of cameras.yaml: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EncoderConfig(Section):
    """The encoder of the cloth, connected to the camera."""

    counts_per_mm: Positive = Field(description="encoder counts per millimetre of cloth")
    direction: Literal[1, -1] = Field(1, description="-1 where the count falls while cloth is made")
    stamped: bool = Field(
        True, description="its count comes with each line; false: it triggers the lines, and its count can be asked for"
    )


class SimulatedGigeConfig(Section):
    """Makes a gige camera a simulated one: a process of its own at the camera's address."""

    source: str = Field(description="the cloth it looks at, a URI such as sim:twill22?width=2048")
    loss: float = Field(0.0, ge=0, le=1, description="share of packets lost")
    seed: int = Field(1, ge=0, description="of the lost packets")


class CameraConfig(Section):
    """What every camera has."""

    mm_per_px: Positive = Field(0.2, description="cloth millimetres across one pixel (weft direction)")
    mm_per_line: Positive | None = Field(None, description="the same along one line (warp); none: as mm_per_px")
    x_offset_mm: float = Field(0.0, description="where the camera's column 0 lies on the loom")
    block_lines: int = Field(128, ge=1, le=4096, description="lines a buffer")
    line_rate_hz: Positive | None = Field(None, description="lines a second; none: the camera's own, or no pace")
    flat_field: str | None = Field(
        None, description="stored references (.npz) to correct the columns with; camera: it corrects them itself"
    )
    running_gain: bool = Field(False, description="correct the flat field by the slope that metres of cloth show")
    cloth: Literal["find", "all"] = Field("find", description="find the cloth's columns, or take all for cloth")

    @model_validator(mode="after")
    def _has_what_is_corrected(self) -> CameraConfig:
        if self.flat_field == OWN and not isinstance(self, RealCameraConfig):
            raise ValueError("flat_field: camera is for a real camera, whose lines come corrected: leave it out")
        if self.running_gain and self.references() is None:
            raise ValueError("running_gain corrects stored references: name their file with flat_field")
        return self

    def references(self) -> Path | None:
        """The file of references that the lines are corrected with here; None: none, or the camera corrects them."""
        return None if self.flat_field in (None, OWN) else Path(self.flat_field)

    def scale(self) -> Scale:
        """Pixels and lines to loom millimetres."""
        return Scale(self.mm_per_px, self.mm_per_line or self.mm_per_px, self.x_offset_mm)


def _pixel_format(name: str) -> str:
    if name not in PIXEL_FORMATS:
        raise ValueError(f"'{name}' is not known here; known are {', '.join(PIXEL_FORMATS)}")
    return name


class RealCameraConfig(CameraConfig):
    """What can be set in a camera, whichever library speaks to it."""

    exposure_us: Positive | None = Field(None, description="ExposureTime; none: the camera's own")
    gain_db: float | None = Field(None, description="Gain; none: the camera's own")
    width: int | None = Field(None, ge=16, description="Width in px; none: the camera's own")
    pixel_format: Annotated[str, AfterValidator(_pixel_format)] = Field("Mono8", description="PixelFormat")
    features: dict[str, FeatureValue] = Field(
        default_factory=dict, description="any others, by their names, written after these and in this order"
    )
    encoder: EncoderConfig | None = Field(None, description="none: lines are numbered, and no count is known")

    @model_validator(mode="after")
    def _keeps_cells_whole(self) -> RealCameraConfig:
        if self.block_lines % PIXEL_FORMATS[self.pixel_format].cell_lines:
            raise ValueError(f"block_lines must be even for {self.pixel_format}, whose lines belong together by two")
        return self

    def scale(self) -> Scale:
        """Pixels, lines and encoder counts to loom millimetres."""
        encoder = self.encoder
        counts = None if encoder is None else encoder.counts_per_mm * encoder.direction
        return replace(super().scale(), counts_per_mm=counts)

    def settings(self) -> LineSettings:
        """What is set in the camera."""
        return LineSettings(
            block_lines=self.block_lines,
            width=self.width,
            pixel_format=self.pixel_format,
            line_rate_hz=self.line_rate_hz,
            exposure_us=self.exposure_us,
            gain_db=self.gain_db,
            encoder=self.encoder is not None and self.encoder.stamped,
            encoder_value=self.encoder is not None and not self.encoder.stamped,
            features=self.features,
            own_flat_field=self.flat_field == OWN,
        )


class GigeConfig(RealCameraConfig):
    """A GigE Vision line-scan camera."""

    backend: Literal["gige"]
    ip: str | None = Field(None, description="the camera's IPv4 address: it is not searched for")
    serial: str | None = Field(None, description="in place of ip: its serial number, searched for by broadcast")
    user_name: str | None = Field(None, description="in place of ip: its user-defined name (DeviceUserID), likewise")
    client: Client = Field("auto", description="aravis or telegenic; auto: Aravis where it is installed")
    packet_bytes: int | None = Field(None, ge=576, le=65535, description="of a packet; none: what comes through")
    resend: bool = Field(True, description="ask for lost packets again")
    packet_socket: bool = Field(True, description="take packets from the card's ring where that is allowed")
    simulated: SimulatedGigeConfig | None = Field(None, description="none: a real camera")

    @field_validator("ip")
    @classmethod
    def _is_ipv4(cls, value: str | None) -> str | None:
        if value is not None:
            ipaddress.IPv4Address(value)
        return value

    @model_validator(mode="after")
    def _is_named_once(self) -> GigeConfig:
        named = [key for key in ("ip", "serial", "user_name") if getattr(self, key) is not None]
        if len(named) != 1:
            raise ValueError(f"one of ip, serial and user_name must say which camera it is, not {len(named)}")
        if self.simulated is not None and self.ip is None:
            raise ValueError("a simulated camera needs an ip")
        return self

    def address(self, name: str) -> str:
        """The camera's IPv4 address, searched for where the entry does not say it.

        Raises:
            UserError: it was searched for and not found.
        """
        return self.ip or gige_probe.find(name, self.serial, self.user_name).ip


class LibraryCameraConfig(RealCameraConfig):
    """A camera through a library that reads no values of each line."""

    @field_validator("encoder")
    @classmethod
    def _is_not_stamped(cls, value: EncoderConfig | None) -> EncoderConfig | None:
        if value is not None and value.stamped:
            raise ValueError(
                "this backend reads no count of each line: let the encoder trigger them, and say stamped: false"
            )
        return value


class GentlConfig(LibraryCameraConfig):
    """A camera of any maker, through its GenTL producer."""

    backend: Literal["gentl"]
    producer: str | None = Field(None, description="path of a .cti file; none: those of GENICAM_GENTL64_PATH")
    serial: str | None = Field(None, description="its serial number; none: the only camera there is")
    user_name: str | None = Field(None, description="its user-defined name; likewise")

    def wanted(self) -> Wanted:
        """Which camera of which producer."""
        return Wanted(self.producer, self.serial, self.user_name)


class PylonConfig(LibraryCameraConfig):
    """A Basler camera, through pylon."""

    backend: Literal["pylon"]
    serial: str | None = Field(None, description="its serial number; none: the only camera there is")
    user_name: str | None = Field(None, description="its user-defined name; likewise")


class Usb3Config(LibraryCameraConfig):
    """A USB3 Vision camera, through Aravis."""

    backend: Literal["usb3"]
    serial: str | None = Field(None, description="its serial number; none: the only camera there is")


class ReplayConfig(CameraConfig):
    """Files of lines, or a recorded roll, played as a camera."""

    backend: Literal["replay"]
    path: str = Field(description="a strip, a folder of strips or a recording")
    channels: Annotated[Literal[1, 3], BeforeValidator(int)] = 1  # a URI's values are text
    from_line: int | None = Field(None, ge=0, description="of a recording: the first line, as the camera numbered it")
    from_m: float | None = Field(None, ge=0, description="of a recording: the same in metres from its first line")
    lines: int | None = Field(None, ge=1, description="of a recording: how many lines; none: to its end")
    metres: Positive | None = Field(None, description="of a recording: the same in metres")


class SimulatedConfig(CameraConfig):
    """Simulated cloth, drawn in this process."""

    backend: Literal["simulated"]
    source: str = Field(description="the cloth, a URI such as sim:twill22?width=2048")
    lines: int | None = Field(None, ge=1, description="how many; none: without end")

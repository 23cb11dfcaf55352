"""GigE Vision line-scan cameras, opened by IP address."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.cameras.gige_link import Client, GigeSettings, connect
from runtime.cameras.link import FeatureValue
from runtime.cameras.linked import LinkedCamera
from runtime.types import Scale


class GigeCamera(LinkedCamera):
    """See LinkedCamera.

    Args:
        name: as in cameras.yaml.
        ip: its IPv4 address; cameras are never searched for.
        scale: with ``counts_per_mm`` where the camera stamps each line with an encoder's count.
        client: the library that speaks to the camera.
        block_lines, line_rate_hz, exposure_us, gain_db, width, pixel_format, packet_bytes, resend, features: as
            GigeSettings.
    """

    def __init__(
        self,
        name: str,
        ip: str,
        scale: Scale,
        *,
        block_lines: int = 128,
        line_rate_hz: float | None = None,
        exposure_us: float | None = None,
        gain_db: float | None = None,
        width: int | None = None,
        pixel_format: str = "Mono8",
        client: Client = "auto",
        packet_bytes: int | None = None,
        resend: bool = True,
        features: Mapping[str, FeatureValue] | None = None,
    ) -> None:
        settings = GigeSettings(
            block_lines=block_lines,
            width=width,
            pixel_format=pixel_format,
            line_rate_hz=line_rate_hz,
            exposure_us=exposure_us,
            gain_db=gain_db,
            encoder=scale.counts_per_mm is not None,
            features=features or {},
            packet_bytes=packet_bytes,
            resend=resend,
        )
        super().__init__(name, f"at {ip}", scale, settings, lambda: connect(name, ip, settings, client))

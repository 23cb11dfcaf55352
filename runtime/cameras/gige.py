"""GigE Vision line-scan cameras, opened by IP address, through one of two clients.

Aravis (runtime/cameras/aravis_link.py) is an apt package, telegenic (runtime/cameras/telegenic_link.py) a pip package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from runtime.cameras.gige_link import Client, GigeLink, GigeSettings
from runtime.cameras.link import FeatureValue
from runtime.cameras.linked import LinkedCamera
from runtime.types import Scale


class GigeCamera(LinkedCamera):
    """See LinkedCamera.

    Args:
        name: as in cameras.yaml.
        ip: its IPv4 address; cameras are never searched for.
        scale: with ``counts_per_mm`` where there is an encoder.
        stamped: the camera stamps each line with its count; else it triggers the lines, and is asked for it.
        client: the library that speaks to the camera.
        block_lines, line_rate_hz, exposure_us, gain_db, width, pixel_format, packet_bytes, resend, packet_socket,
            features, own_flat_field: as GigeSettings.
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
        packet_socket: bool = True,
        stamped: bool = True,
        features: Mapping[str, FeatureValue] | None = None,
        own_flat_field: bool = False,
    ) -> None:
        settings = GigeSettings(
            block_lines=block_lines,
            width=width,
            pixel_format=pixel_format,
            line_rate_hz=line_rate_hz,
            exposure_us=exposure_us,
            gain_db=gain_db,
            encoder=scale.counts_per_mm is not None and stamped,
            encoder_value=scale.counts_per_mm is not None and not stamped,
            features=features or {},
            own_flat_field=own_flat_field,
            packet_bytes=packet_bytes,
            resend=resend,
            packet_socket=packet_socket,
        )
        super().__init__(name, f"at {ip}", scale, settings, lambda: connect(name, ip, settings, client))


def chosen(client: Client) -> Literal["aravis", "telegenic"]:
    """The client that is meant: ``auto`` is Aravis where it is installed, else telegenic."""
    if client != "auto":
        return client
    from runtime.cameras import aravis_library

    return "aravis" if aravis_library.installed() else "telegenic"


def connect(name: str, ip: str, settings: GigeSettings, client: Client) -> GigeLink:
    """Take the camera over, set it up and start its stream.

    Raises:
        UserError: nobody answers, somebody else controls the camera, it refuses a setting, or the client that is
            asked for is not installed.
    """
    if chosen(client) == "aravis":
        from runtime.cameras.aravis_link import AravisLink

        return AravisLink(name, ip, settings)
    from runtime.cameras.telegenic_link import TelegenicLink

    return TelegenicLink(name, ip, settings)

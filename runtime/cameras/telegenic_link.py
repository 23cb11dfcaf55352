"""One connection to a GigE Vision camera through telegenic, the client that pip installs.

It has no setting for how long it waits for an open buffer: a loom that stops inside one for a second loses it. It
does not tell which packets of a damaged buffer came, so that is given up whole.
"""

from __future__ import annotations

import contextlib
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from runtime.cameras import gige_control
from runtime.cameras.gige_health import LinkHealth
from runtime.cameras.gige_link import GigeSettings, warn_of_small_socket
from runtime.cameras.link import BUFFERS, Buffer
from runtime.cameras.sfnc import Setup
from runtime.errors import UserError

if TYPE_CHECKING:
    import telegenic


class TelegenicLink:
    """See gige_link.GigeLink.

    Args:
        name, ip: the camera's name and address; it is never searched for.
        settings: what to set.

    Raises:
        UserError: nobody answers, somebody else controls the camera, or it refuses a setting.
    """

    def __init__(self, name: str, ip: str, settings: GigeSettings) -> None:
        self.features = self._camera = gige_control.take_control(name, ip)
        self.errors = gige_control.errors()
        self._acquisition: telegenic.Acquisition | None = None
        where = f"camera '{name}' at {ip}"
        try:
            try:
                self.width, self.line_rate_hz = Setup(self._camera, self.errors, where).configure(settings)
                self._acquisition = self._camera.start_acquisition(
                    n_buffers=BUFFERS, packet_size=settings.packet_bytes, resend=settings.resend
                )
            except self.errors as error:
                raise UserError(f"{where} could not be started: {error}") from error
            self.device = gige_control.device(self._camera)
            self.client = f"telegenic {version('telegenicam')}"
            warn_of_small_socket(name, self, settings)
        except BaseException:
            self.close()
            raise

    def buffer(self, timeout_s: float) -> Buffer | None:
        assert self._acquisition is not None, "the link is closed"
        frame = self._acquisition.wait_for(timeout_s)
        if frame is None:
            return None
        if not frame.is_complete:
            # Between the packets that came lie older rows, and nothing tells the ones from the others.
            return Buffer.given_up(frame.frame_id)
        return Buffer(frame.frame_id, frame.timestamp_ns, np.frombuffer(frame.data(), np.uint8))

    def alive(self) -> bool:
        if not self._camera.is_connected():
            return False
        try:
            self._camera.invalidate_caches()
            self._camera.get_integer("Height")
        except self.errors:
            return False
        return True

    def health(self) -> LinkHealth:
        assert self._acquisition is not None, "the link is closed"
        stats = self._acquisition.stats()
        asked, held = _socket_bytes(self._acquisition)
        return LinkHealth(
            packets=stats.packets,
            bytes=stats.bytes,
            missing_packets=stats.missing_packets,
            resent_packets=stats.resent_packets,
            socket_drops=stats.socket_drops,
            buffers_dropped=stats.frames_dropped + stats.underruns,
            packet_bytes=self._acquisition.packet_size(),
            socket_asked=asked,
            socket_held=held,
            packet_socket=False,
            local_ip=self._acquisition.local_addr().rpartition(":")[0],
        )

    def close(self) -> None:
        if self._acquisition is not None:
            with contextlib.suppress(*self.errors):
                self._acquisition.stop()
            self._acquisition = None
        gige_control.release(self._camera)


def _socket_bytes(acquisition: telegenic.Acquisition) -> tuple[int, int]:
    """Bytes of receive buffer asked for and held."""
    report = acquisition.tuning_report()["socket"]
    options = [*report["applied"], *(cut["option"] for cut in report["adjusted"])]
    asked = max((option["value"] for option in options if option["kind"] == "recv_buffer"), default=0)
    cuts = [cut["effective"]["value"] for cut in report["adjusted"] if cut["option"]["kind"] == "recv_buffer"]
    held = min((value for value in cuts if isinstance(value, int)), default=asked)
    return asked, held

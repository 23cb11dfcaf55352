"""One connection to a GigE Vision camera through Aravis.

Packets go straight into our own ring. An open buffer is kept for a minute, so that a loom that stops inside one loses
nothing; but a packet that can never come would then hold up all that follow, so while packets come and no buffer does,
the oldest is let go. Of a buffer with holes the ring tells which bytes came.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from runtime.cameras import aravis_control, aravis_library, aravis_thread, gige_probe
from runtime.cameras.aravis_control import AravisFeatures
from runtime.cameras.aravis_slots import Slots
from runtime.cameras.gige_health import LinkHealth
from runtime.cameras.gige_link import GigeSettings, warn_of_small_socket
from runtime.cameras.link import BUFFERS, Buffer
from runtime.cameras.ring import Ring
from runtime.cameras.sfnc import Setup
from runtime.errors import UserError

GVSP_OVERHEAD = 20 + 8 + 8
"""IP, UDP and GVSP headers of a packet with a 16-bit block id."""
SOCKET_BYTES = 8 << 20
KEPT_OPEN_US, LET_GO_US = 60_000_000, 20_000
STALLED_S, STALLED_BUFFERS = 0.15, 3.0
"""So long without a buffer while packets for so many come: one lacks a packet that the camera has no more."""
POLL_S = 0.01
SETTLE_S = 0.03
"""By then the system has handed over what came before a packet socket was filtered."""
_RESEND_SHARE = 1.0
"""Packets of a buffer that may be asked for again, as a share of all: a burst may take most of them."""


class AravisLink:
    """See gige_link.GigeLink.

    Args:
        name, ip: the camera's name and address; it is never searched for.
        settings: what to set.

    Raises:
        UserError: Aravis is not installed, nobody answers, somebody else controls the camera, or it refuses a setting.
    """

    def __init__(self, name: str, ip: str, settings: GigeSettings) -> None:
        self._where, self._ip = f"camera '{name}' at {ip}", ip
        self._camera: Any = aravis_control.take_control(name, ip)
        self.features, self.errors = AravisFeatures(self._camera), aravis_library.errors()
        self._stream: Any = None
        self._watch: _Watch | None = None
        self._ring = Ring(0, 1, 1)
        self._slots: Slots | None = None
        self._missing = 0
        self._dead = False
        self._local_ip = aravis_control.local_ip(ip)
        try:
            try:
                self._open(aravis_library.load(name), settings)
            except self.errors as error:
                raise UserError(f"{self._where} could not be started: {error}") from error
            warn_of_small_socket(name, self, settings)
        except BaseException:
            self.close()
            raise

    def buffer(self, timeout_s: float) -> Buffer | None:
        assert self._watch is not None, "the link is closed"
        assert self._slots is not None
        deadline = time.monotonic() + timeout_s
        while True:
            self._slots.give(self._stream)
            popped = self._stream.timeout_pop_buffer(int(POLL_S * 1e6))
            if popped is not None:
                self._watch.buffer_came()
                buffer = self._received(popped, self._slots)
                if buffer is not None:
                    return buffer
            else:
                self._watch.nothing_came()
            if time.monotonic() > deadline:
                return None

    def alive(self) -> bool:
        self._dead = not aravis_control.alive(self._camera, self._ip)
        return not self._dead

    def health(self) -> LinkHealth:
        count = self._stream.get_info_uint64_by_name
        drops = 0 if self._packet_socket else aravis_thread.socket_drops(self._stream.get_port())
        return LinkHealth(
            packets=count("n_received_packets"),
            bytes=count("n_transferred_bytes"),
            missing_packets=self._missing,
            resent_packets=count("n_resent_packets"),
            socket_drops=drops,
            buffers_dropped=-(-count("n_underruns") // self._packets),  # Aravis counts their packets
            packet_bytes=self._packet_bytes,
            socket_asked=SOCKET_BYTES,
            socket_held=SOCKET_BYTES if self._packet_socket else min(SOCKET_BYTES, aravis_thread.largest_socket()),
            packet_socket=self._packet_socket,
            local_ip=self._local_ip,
        )

    def close(self) -> None:
        if self._camera is None:
            return
        self._dead = self._dead or gige_probe.ask(self._ip) is None
        if self._stream is not None and not self._dead:
            with contextlib.suppress(*self.errors):
                self._camera.stop_acquisition()
        if self._dead:
            farewell = aravis_control.farewell(self._camera, self._stream, self._ring)
            self._stream = self._watch = self._camera = None
            farewell.start()
        else:
            self._stream = self._watch = None  # the last to let go: from here on nobody writes to the ring
            aravis_control.release(self._camera)
            self._camera = None
        self._slots = None

    def _open(self, aravis: Any, settings: GigeSettings) -> None:
        features = self.features
        if features.has_feature("GevGVSPExtendedIDMode"):
            features.set_enum("GevGVSPExtendedIDMode", "Off")  # the places of packets depend on it
        self.width, self.line_rate_hz = Setup(features, self.errors, self._where).configure(settings)
        self._packet_bytes = self._agree_on_packets(aravis, settings.packet_bytes)
        size = self._camera.get_payload()
        self._ring = Ring(BUFFERS, size, self._packet_bytes - GVSP_OVERHEAD)
        self._slots = Slots(aravis, self._ring)
        self._make_stream(aravis, settings.packet_socket)
        resend = aravis.GvStreamPacketResend
        for option, value in {
            "socket-buffer": aravis.GvStreamSocketBuffer.FIXED,
            "socket-buffer-size": SOCKET_BYTES,
            "packet-resend": resend.ALWAYS if settings.resend else resend.NEVER,
            "packet-request-ratio": _RESEND_SHARE,
            "frame-retention": KEPT_OPEN_US,
        }.items():
            self._stream.set_property(option, value)
        self._packets = -(-size // (self._packet_bytes - GVSP_OVERHEAD)) + 2
        self._watch = _Watch(self._stream, self._packets)
        aravis_thread.raise_priority()
        self._slots.give(self._stream)
        self._camera.start_acquisition()
        self.device = aravis_control.about(features)
        self.client = f"Aravis {aravis_library.version()}"

    def _make_stream(self, aravis: Any, packet_socket: bool) -> None:
        """Over a packet socket where that is wanted, allowed and clean, else over a plain one.

        Aravis opens a packet socket first and filters it then. What another camera sent in between counts as this
        one's, and our first buffers would be thrown away for late ones.
        """
        if packet_socket and aravis_thread.packet_socket_allowed():
            self._camera.gv_set_stream_options(aravis.GvStreamOption.NONE)
            self._stream = self._camera.create_stream(None, None)
            time.sleep(SETTLE_S)
            self._packet_socket = self._stream.get_info_uint64_by_name("n_received_packets") == 0
            if self._packet_socket:
                return
            self._stream = None
        self._packet_socket = False
        self._camera.gv_set_stream_options(aravis.GvStreamOption.PACKET_SOCKET_DISABLED)
        self._stream = self._camera.create_stream(None, None)

    def _agree_on_packets(self, aravis: Any, asked: int | None) -> int:
        """Bytes of an IP packet: as asked for, or the largest that comes through.

        Raises:
            UserError: the camera keeps another size.
        """
        self._camera.gv_set_packet_size_adjustment(aravis.GvPacketSizeAdjustment.NEVER)
        if asked is None:
            self._camera.gv_auto_packet_size()
        else:
            self._camera.gv_set_packet_size(asked)
        agreed = int(self._camera.gv_get_packet_size())
        if asked is not None and agreed != asked:
            raise UserError(f"{self._where} keeps packets of {agreed} bytes instead of packet_bytes {asked}")
        return agreed

    def _received(self, popped: Any, slots: Slots) -> Buffer | None:
        """A buffer that Aravis has done with; None where its leader never came, so that nothing says which it is."""
        slot = slots.back(popped)
        if slots.is_whole(popped):
            return Buffer(popped.get_frame_id(), popped.get_timestamp(), slots.lines_of(popped, slot, self._where))
        if slots.in_parts(popped):  # nobody says where in them a packet's bytes lie
            self._ring.drop(slot)
            return Buffer.given_up(popped.get_frame_id())
        holes = self._ring.holes(slot)
        payload = self._packet_bytes - GVSP_OVERHEAD
        self._missing += sum(-(-(end - first) // payload) for first, end in holes)
        block_id = popped.get_frame_id()
        if block_id == 0:
            self._ring.drop(slot)
            return None
        return Buffer(block_id, popped.get_timestamp(), self._ring.take(slot, self._ring.size), holes)


class _Watch:
    """Lets go of an open buffer only while packets come and no buffer does; a silent camera keeps its own.

    Args:
        stream: an Aravis stream.
        packets: of a full buffer, with leader and trailer.
    """

    def __init__(self, stream: Any, packets: int) -> None:
        self._stream, self._enough = stream, STALLED_BUFFERS * packets
        self._letting_go = False
        self.buffer_came()

    def buffer_came(self) -> None:
        self._since, self._packets = time.monotonic(), self._received()
        if self._letting_go:
            self._letting_go = False
            self._stream.set_property("frame-retention", KEPT_OPEN_US)

    def nothing_came(self) -> None:
        stalled = time.monotonic() - self._since > STALLED_S
        if stalled and not self._letting_go and self._received() - self._packets > self._enough:
            self._letting_go = True
            self._stream.set_property("frame-retention", LET_GO_US)

    def _received(self) -> int:
        return int(self._stream.get_info_uint64_by_name("n_received_packets"))

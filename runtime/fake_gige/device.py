"""The camera's register memory, and what a write to it means."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

from runtime.fake_gige.features import (
    CHUNK_ENCODER,
    FLOAT_BOUNDS,
    INTEGER_BOUNDS,
    LEAST_PACKET_BYTES,
    TICKS_PER_SECOND,
    WIDTH_STEP,
    XML_ADDRESS,
    Reg,
    description,
)
from runtime.fake_gige.loom import Loom
from runtime.fake_gige.packets import IP_UDP_BYTES, Status
from runtime.fake_gige.pixels import WireFormat, format_of, formats_of

MEMORY = 0x1_0100
FIRE_TEST_PACKET = 0x8000_0000
_LOCKED_WHILE_STREAMING = {Reg.WIDTH, Reg.HEIGHT, Reg.PIXEL_FORMAT, Reg.CHUNK_MODE, Reg.CHUNK_ENABLE}
_READ_ONLY = {Reg.WIDTH_MAX, Reg.HEIGHT_MAX, Reg.SCAN_TYPE, Reg.ENCODER_VALUE}
_WRITABLE_BOOTSTRAP = {
    Reg.HEARTBEAT_MS,
    Reg.CONTROL_PRIVILEGE,
    Reg.STREAM_PORT,
    Reg.PACKET_SIZE,
    Reg.PACKET_DELAY,
    Reg.STREAM_ADDRESS,
}


@dataclass(frozen=True)
class StreamFormat:
    """What the registers say a stream shall be."""

    width: int
    height: int
    pixels: WireFormat
    packet_size: int
    chunks: bool
    encoder_chunk: bool
    flat_field: bool
    destination: tuple[str, int]


class Device:
    """Registers of one camera.

    Args:
        ip: the camera's own address.
        serial: at most 15 characters.
        width, channels: of the lines it looks at.
        height: lines per buffer until the client says otherwise.
        keeps_frames: packets can be asked for again.
        loom: whose line rate and encoder the registers show.
        counts_per_line: encoder counts a line, signed.
        chunks: it can stamp lines with the encoder's count.
        flat_field: it can correct its columns.

    Attributes:
        streaming: set between AcquisitionStart and AcquisitionStop.
        on_start: called at AcquisitionStart, before ``streaming`` is set.
        on_test_packet: called with (bytes of UDP data, destination).
    """

    def __init__(
        self,
        ip: str,
        serial: str,
        width: int,
        channels: int,
        height: int,
        keeps_frames: bool,
        loom: Loom,
        counts_per_line: float,
        chunks: bool = True,
        flat_field: bool = False,
    ) -> None:
        self.streaming = threading.Event()
        self.on_start: Callable[[], None] = lambda: None
        self.on_test_packet: Callable[[int, tuple[str, int]], None] = lambda size, to: None
        self._channels = channels
        self._loom = loom
        self._counts_per_line = counts_per_line
        self._memory = bytearray(MEMORY)
        self._xml = description(channels, chunks, flat_field)
        self._identify(ip, serial, keeps_frames)
        values = {
            Reg.WIDTH: width // WIDTH_STEP * WIDTH_STEP,
            Reg.WIDTH_MAX: width // WIDTH_STEP * WIDTH_STEP,
            Reg.HEIGHT: height,
            Reg.HEIGHT_MAX: INTEGER_BOUNDS[Reg.HEIGHT][1],
            Reg.PIXEL_FORMAT: next(iter(formats_of(channels).values())).code,
            Reg.SCAN_TYPE: 1,
            Reg.CHUNK_SELECTOR: CHUNK_ENCODER,
        }
        for register, value in values.items():
            self._set_u32(register, value)
        floats = {Reg.LINE_RATE: loom.line_rate_hz, Reg.EXPOSURE_TIME: 20.0, Reg.GAIN: 0.0}
        for register, number in floats.items():
            struct.pack_into(">d", self._memory, register, number)

    def _identify(self, ip: str, serial: str, keeps_frames: bool) -> None:
        address = socket.inet_aton(ip)
        mac = b"\x02\x00" + address
        values = {
            Reg.VERSION: 0x0001_0002,
            Reg.DEVICE_MODE: 0x8000_0001,
            Reg.MAC_HIGH: int.from_bytes(mac[:2], "big"),
            Reg.MAC_LOW: int.from_bytes(mac[2:], "big"),
            Reg.IP_OPTIONS: 0x7,
            Reg.IP_CONFIG: 0x6,
            Reg.IP_ADDRESS: int.from_bytes(address, "big"),
            Reg.SUBNET_MASK: 0xFF00_0000,
            Reg.INTERFACES: 1,
            Reg.STREAM_CHANNELS: 1,
            Reg.GVCP_CAPABILITY: 0x7 if keeps_frames else 0x3,
            Reg.HEARTBEAT_MS: 3000,
            Reg.TICK_FREQUENCY_LOW: TICKS_PER_SECOND,
            Reg.PACKET_SIZE: 1500,
        }
        for register, value in values.items():
            self._set_u32(register, value)
        texts = {
            Reg.VENDOR: "weftwatch",
            Reg.MODEL: "Simulated LoomLine",
            Reg.DEVICE_VERSION: "1",
            Reg.VENDOR_INFO: "simulated line-scan camera",
            Reg.SERIAL: serial[:15],
            Reg.FIRST_URL: f"Local:loomline.xml;{XML_ADDRESS:x};{len(self._xml):x}",
        }
        for register, text in texts.items():
            self._memory[register : register + len(text)] = text.encode()

    def u32(self, register: int) -> int:
        """A register's value."""
        return int(struct.unpack_from(">I", self._memory, register)[0])

    def read(self, address: int, count: int) -> bytes | None:
        """``count`` bytes at ``address``, or None if there is no such memory."""
        if XML_ADDRESS <= address < XML_ADDRESS + len(self._xml):
            data = self._xml[address - XML_ADDRESS : address - XML_ADDRESS + count]
            return data.ljust(count, b"\0")
        if address + count > MEMORY:
            return None
        if Reg.ENCODER_VALUE <= address < Reg.ENCODER_VALUE + 8:
            value = round(self._loom.woven() * self._counts_per_line)
            struct.pack_into(">q", self._memory, Reg.ENCODER_VALUE, value)
        return bytes(self._memory[address : address + count])

    def write(self, address: int, data: bytes) -> Status:
        """Write 4 or 8 bytes to the register at ``address``; refuses what a camera would refuse."""
        if address not in Reg._value2member_map_:
            return Status.INVALID_ADDRESS
        register = Reg(address)
        if register in _READ_ONLY or (register < Reg.WIDTH and register not in _WRITABLE_BOOTSTRAP):
            return Status.WRITE_PROTECT
        if register in _LOCKED_WHILE_STREAMING and self.u32(Reg.PARAMS_LOCKED):
            return Status.ACCESS_DENIED
        if register in FLOAT_BOUNDS:
            return self._write_float(register, data)
        if len(data) != 4:
            return Status.INVALID_PARAMETER
        return self._write_integer(register, int.from_bytes(data, "big"))

    def _write_float(self, register: Reg, data: bytes) -> Status:
        low, high = FLOAT_BOUNDS[register]
        if len(data) != 8:
            return Status.INVALID_PARAMETER
        value = float(struct.unpack(">d", data)[0])
        if not low <= value <= high:
            return Status.INVALID_PARAMETER
        self._memory[register : register + 8] = data
        if register is Reg.LINE_RATE:
            self._loom.line_rate_hz = value
        return Status.SUCCESS

    def _write_integer(self, register: Reg, value: int) -> Status:
        if register is Reg.ACQUISITION_START:
            self.on_start()
            self.streaming.set()
        elif register is Reg.ACQUISITION_STOP:
            self.streaming.clear()
        elif register is Reg.PACKET_SIZE:
            if value & 0xFFFF < LEAST_PACKET_BYTES:
                return Status.INVALID_PARAMETER
            self._set_u32(register, value & ~FIRE_TEST_PACKET)
            if value & FIRE_TEST_PACKET:
                self.on_test_packet((value & 0xFFFF) - IP_UDP_BYTES, self._destination())
        elif not self._fits(register, value):
            return Status.INVALID_PARAMETER
        else:
            self._set_u32(register, value)
        return Status.SUCCESS

    def _fits(self, register: Reg, value: int) -> bool:
        if register is Reg.PIXEL_FORMAT:
            return value in [format.code for format in formats_of(self._channels).values()]
        if register is Reg.WIDTH and (value > self.u32(Reg.WIDTH_MAX) or value % WIDTH_STEP):
            return False
        low, high = INTEGER_BOUNDS.get(register, (0, 2**32 - 1))
        return low <= value <= high

    def release(self) -> None:
        """What happens when the controlling client goes or is given up."""
        self.streaming.clear()
        self._set_u32(Reg.CONTROL_PRIVILEGE, 0)
        self._set_u32(Reg.PARAMS_LOCKED, 0)

    def stream_format(self) -> StreamFormat:
        """The stream as it is set up now."""
        chunks = bool(self.u32(Reg.CHUNK_MODE))
        return StreamFormat(
            width=self.u32(Reg.WIDTH),
            height=self.u32(Reg.HEIGHT),
            pixels=format_of(self.u32(Reg.PIXEL_FORMAT)),
            packet_size=self.u32(Reg.PACKET_SIZE) & 0xFFFF,
            chunks=chunks,
            encoder_chunk=chunks and bool(self.u32(Reg.CHUNK_ENABLE)),
            flat_field=bool(self.u32(Reg.FLAT_FIELD)),
            destination=self._destination(),
        )

    def _destination(self) -> tuple[str, int]:
        address = self.u32(Reg.STREAM_ADDRESS).to_bytes(4, "big")
        return socket.inet_ntoa(address), self.u32(Reg.STREAM_PORT) & 0xFFFF

    def _set_u32(self, register: int, value: int) -> None:
        struct.pack_into(">I", self._memory, register, value)

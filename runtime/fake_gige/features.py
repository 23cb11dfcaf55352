"""The camera's registers and the SFNC description (GenICam XML) that names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from xml.sax.saxutils import escape

from runtime.fake_gige.pixels import formats_of

XML_ADDRESS = 0x0040_0000
CHUNK_IMAGE, CHUNK_ENCODER = 0x0001, 0x0E00
TICKS_PER_SECOND = 1_000_000_000


class Reg(IntEnum):
    """Addresses: the bootstrap registers of GigE Vision, then the camera's own."""

    VERSION = 0x0000
    DEVICE_MODE = 0x0004
    MAC_HIGH = 0x0008
    MAC_LOW = 0x000C
    IP_OPTIONS = 0x0010
    IP_CONFIG = 0x0014
    IP_ADDRESS = 0x0024
    SUBNET_MASK = 0x0034
    VENDOR = 0x0048
    MODEL = 0x0068
    DEVICE_VERSION = 0x0088
    VENDOR_INFO = 0x00A8
    SERIAL = 0x00D8
    USER_NAME = 0x00E8
    FIRST_URL = 0x0200
    INTERFACES = 0x0600
    STREAM_CHANNELS = 0x0904
    GVCP_CAPABILITY = 0x0934
    HEARTBEAT_MS = 0x0938
    TICK_FREQUENCY_HIGH = 0x093C
    TICK_FREQUENCY_LOW = 0x0940
    CONTROL_PRIVILEGE = 0x0A00
    STREAM_PORT = 0x0D00
    PACKET_SIZE = 0x0D04
    PACKET_DELAY = 0x0D08
    STREAM_ADDRESS = 0x0D18

    WIDTH = 0x1_0000
    HEIGHT = 0x1_0004
    PIXEL_FORMAT = 0x1_0008
    WIDTH_MAX = 0x1_000C
    HEIGHT_MAX = 0x1_0010
    SCAN_TYPE = 0x1_0014
    ACQUISITION_MODE = 0x1_0020
    ACQUISITION_START = 0x1_0024
    ACQUISITION_STOP = 0x1_0028
    LINE_RATE = 0x1_0030
    EXPOSURE_TIME = 0x1_0038
    GAIN = 0x1_0040
    FLAT_FIELD = 0x1_0048
    TRIGGER_SELECTOR = 0x1_0050
    TRIGGER_MODE = 0x1_0054
    TRIGGER_SOURCE = 0x1_0058
    ENCODER_SELECTOR = 0x1_0060
    ENCODER_VALUE = 0x1_0068
    CHUNK_MODE = 0x1_0070
    CHUNK_SELECTOR = 0x1_0074
    CHUNK_ENABLE = 0x1_0078
    PARAMS_LOCKED = 0x1_0080


INTEGER_BOUNDS = {Reg.WIDTH: (16, 16384), Reg.HEIGHT: (1, 4096)}
FLOAT_BOUNDS = {Reg.LINE_RATE: (1.0, 200_000.0), Reg.EXPOSURE_TIME: (1.0, 100_000.0), Reg.GAIN: (0.0, 24.0)}
WIDTH_STEP = 16
LEAST_PACKET_BYTES = 576
"""Every IPv4 host takes so long a packet (RFC 791)."""

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<RegisterDescription ModelName="LoomLine" VendorName="weftwatch" StandardNameSpace="GEV"'
    ' SchemaMajorVersion="1" SchemaMinorVersion="1" SchemaSubMinorVersion="0" MajorVersion="1"'
    ' MinorVersion="0" SubMinorVersion="0" ToolTip="Simulated line-scan camera"'
    ' ProductGuid="0a1d6a55-53d0-4f0e-8f2e-6d8a5f6b0001" VersionGuid="0a1d6a55-53d0-4f0e-8f2e-6d8a5f6b0002"'
    ' xmlns="http://www.genicam.org/GenApi/Version_1_1"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.genicam.org/GenApi/Version_1_1 GenApiSchema_Version_1_1.xsd">\n'
)


def _node(tag: str, name: str, children: Iterable[tuple[str, object]], standard: bool = True) -> str:
    space = ' NameSpace="Standard"' if standard else ""
    body = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in children)
    return f'<{tag} Name="{name}"{space}>{body}</{tag}>\n'


def _register(tag: str, name: str, at: int, length: int, access: str = "RW", *more: tuple[str, object]) -> str:
    place = [("Address", hex(at)), ("Length", length), ("AccessMode", access), ("pPort", "Device")]
    cache = [("Cachable", "NoCache")] if access == "RO" else []
    return _node(tag, name, [*place, *cache, *more, ("Endianess", "BigEndian")], standard=False)


def _integer(name: str, at: int, low: int, high: int | str, step: int = 1, access: str = "RW", length: int = 4) -> str:
    top = ("pMax", high) if isinstance(high, str) else ("Max", high)
    value = [("pValue", f"{name}Reg"), ("Min", low), top, ("Inc", step)]
    sign = ("Sign", "Signed" if low < 0 else "Unsigned")
    return _node("Integer", name, value) + _register("IntReg", f"{name}Reg", at, length, access, sign)


def _float(name: str, at: Reg, unit: str) -> str:
    low, high = FLOAT_BOUNDS[at]
    value = [("pValue", f"{name}Reg"), ("Min", low), ("Max", high), ("Unit", unit)]
    return _node("Float", name, value) + _register("FloatReg", f"{name}Reg", at, 8)


def _enumeration(name: str, at: int, entries: Mapping[str, int], access: str = "RW") -> str:
    body = "".join(_node("EnumEntry", entry, [("Value", value)]) for entry, value in entries.items())
    return (
        f'<Enumeration Name="{name}" NameSpace="Standard">{body}<pValue>{name}Reg</pValue></Enumeration>\n'
        + _register("IntReg", f"{name}Reg", at, 4, access, ("Sign", "Unsigned"))
    )


def _boolean(name: str, at: int) -> str:
    value = [("pValue", f"{name}Reg"), ("OnValue", 1), ("OffValue", 0)]
    return _node("Boolean", name, value) + _register("IntReg", f"{name}Reg", at, 4, "RW", ("Sign", "Unsigned"))


def _command(name: str, at: int) -> str:
    value = [("pValue", f"{name}Reg"), ("CommandValue", 1)]
    return _node("Command", name, value) + _register("IntReg", f"{name}Reg", at, 4, "WO", ("Sign", "Unsigned"))


def _string(name: str, at: int, length: int) -> str:
    return _register("StringReg", name, at, length, "RO")


def _packet_size() -> str:
    value = [("pValue", "GevSCPSPacketSizeReg"), ("Min", LEAST_PACKET_BYTES), ("Max", 16000), ("Inc", 4)]
    bits = (("LSB", 31), ("MSB", 16), ("Sign", "Unsigned"))
    return _node("Integer", "GevSCPSPacketSize", value) + _register(
        "MaskedIntReg", "GevSCPSPacketSizeReg", Reg.PACKET_SIZE, 4, "RW", *bits
    )


def _packet_bit(name: str, bit: int) -> str:
    """A switch beside the packet size, in the same register; bit 0 is its highest."""
    value = [("pValue", f"{name}Reg"), ("OnValue", 1), ("OffValue", 0)]
    bits = (("LSB", bit), ("MSB", bit), ("Sign", "Unsigned"))
    return _node("Boolean", name, value) + _register(
        "MaskedIntReg", f"{name}Reg", Reg.PACKET_SIZE, 4, "RW", ("Cachable", "NoCache"), *bits
    )


def _payload_size(chunks: bool) -> str:
    """Image, and when chunk mode is on: the image's tag, one int64 a line, and that chunk's tag."""
    variables = [("W", "Width"), ("H", "Height"), ("FORMAT", "PixelFormatReg")]
    formula = "W*H*((FORMAT>>16)&0xFF)/8"
    if chunks:
        variables += [("MODE", "ChunkModeActiveReg"), ("ENABLED", "ChunkEnableReg")]
        formula += " + MODE*(8 + ENABLED*(8*H+8))"
    names = "".join(f'<pVariable Name="{n}">{feature}</pVariable>' for n, feature in variables)
    formula = escape(formula)
    return (
        f'<IntSwissKnife Name="PayloadSize" NameSpace="Standard">{names}<Formula>{formula}</Formula></IntSwissKnife>\n'
    )


def _groups(channels: int, chunks: bool) -> dict[str, dict[str, str]]:
    """Category -> feature -> XML."""
    formats = {name: format.code for name, format in formats_of(channels).items()}
    height = INTEGER_BOUNDS[Reg.HEIGHT]
    return {
        "DeviceControl": {
            "DeviceVendorName": _string("DeviceVendorName", Reg.VENDOR, 32),
            "DeviceModelName": _string("DeviceModelName", Reg.MODEL, 32),
            "DeviceVersion": _string("DeviceVersion", Reg.DEVICE_VERSION, 32),
            "DeviceSerialNumber": _string("DeviceSerialNumber", Reg.SERIAL, 16),
            "DeviceScanType": _enumeration("DeviceScanType", Reg.SCAN_TYPE, {"Linescan": 1}, "RO"),
        },
        "ImageFormatControl": {
            "WidthMax": _integer("WidthMax", Reg.WIDTH_MAX, *INTEGER_BOUNDS[Reg.WIDTH], access="RO"),
            "HeightMax": _integer("HeightMax", Reg.HEIGHT_MAX, *height, access="RO"),
            "Width": _integer("Width", Reg.WIDTH, INTEGER_BOUNDS[Reg.WIDTH][0], "WidthMax", WIDTH_STEP),
            "Height": _integer("Height", Reg.HEIGHT, height[0], "HeightMax"),
            "PixelFormat": _enumeration("PixelFormat", Reg.PIXEL_FORMAT, formats),
        },
        "AcquisitionControl": {
            "AcquisitionMode": _enumeration("AcquisitionMode", Reg.ACQUISITION_MODE, {"Continuous": 0}),
            "AcquisitionStart": _command("AcquisitionStart", Reg.ACQUISITION_START),
            "AcquisitionStop": _command("AcquisitionStop", Reg.ACQUISITION_STOP),
            "AcquisitionLineRate": _float("AcquisitionLineRate", Reg.LINE_RATE, "Hz"),
            "ExposureTime": _float("ExposureTime", Reg.EXPOSURE_TIME, "us"),
            "TriggerSelector": _enumeration("TriggerSelector", Reg.TRIGGER_SELECTOR, {"LineStart": 0}),
            "TriggerMode": _enumeration("TriggerMode", Reg.TRIGGER_MODE, {"Off": 0, "On": 1}),
            "TriggerSource": _enumeration("TriggerSource", Reg.TRIGGER_SOURCE, {"Encoder0": 0}),
        },
        "AnalogControl": {"Gain": _float("Gain", Reg.GAIN, "dB")},
        "EncoderControl": {
            "EncoderSelector": _enumeration("EncoderSelector", Reg.ENCODER_SELECTOR, {"Encoder0": 0}),
            "EncoderValue": _integer("EncoderValue", Reg.ENCODER_VALUE, -(2**62), 2**62, access="RO", length=8),
        },
        "ChunkDataControl": {
            "ChunkModeActive": _boolean("ChunkModeActive", Reg.CHUNK_MODE),
            "ChunkSelector": _enumeration("ChunkSelector", Reg.CHUNK_SELECTOR, {"EncoderValue": CHUNK_ENCODER}),
            "ChunkEnable": _boolean("ChunkEnable", Reg.CHUNK_ENABLE),
        },
        "TransportLayerControl": {
            "PayloadSize": _payload_size(chunks),
            "TLParamsLocked": _integer("TLParamsLocked", Reg.PARAMS_LOCKED, 0, 1),
            "GevSCPSPacketSize": _packet_size(),
            "GevSCPSFireTestPacket": _packet_bit("GevSCPSFireTestPacket", 0),
            "GevSCPSDoNotFragment": _packet_bit("GevSCPSDoNotFragment", 1),
        },
    }


def description(channels: int, chunks: bool = True, flat_field: bool = False) -> bytes:
    """The GenICam XML of a camera whose lines have 1 or 3 channels, with or without chunk data and a flat field."""
    groups = _groups(channels, chunks)
    if flat_field:
        name = "FlatFieldCorrectionEnable"
        groups["AnalogControl"][name] = _boolean(name, Reg.FLAT_FIELD)
    if not chunks:
        del groups["ChunkDataControl"]
    parts = [_HEAD, _node("Category", "Root", [("pFeature", group) for group in groups])]
    for group, nodes in groups.items():
        parts += [_node("Category", group, [("pFeature", name) for name in nodes]), *nodes.values()]
    return "".join([*parts, '<Port Name="Device"/>\n</RegisterDescription>\n']).encode()

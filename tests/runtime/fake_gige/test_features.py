"""The SFNC description, and what the registers behind it take."""

from __future__ import annotations

import struct
from xml.etree import ElementTree

import pytest

from runtime.fake_gige.device import Device
from runtime.fake_gige.features import Reg, description
from runtime.fake_gige.loom import Loom
from runtime.fake_gige.packets import Status

SPACE = "{http://www.genicam.org/GenApi/Version_1_1}"


@pytest.mark.parametrize("channels", [1, 3])
def test_every_node_that_is_referred_to_exists(channels: int) -> None:
    root = ElementTree.fromstring(description(channels))
    names = {node.get("Name") for node in root.iter() if node.get("Name")}
    referring = [f"{SPACE}{tag}" for tag in ("pFeature", "pValue", "pMax", "pPort", "pVariable")]
    referred = {node.text for tag in referring for node in root.iter(tag)}
    assert referred <= names
    assert {"AcquisitionLineRate", "DeviceScanType", "EncoderValue", "ChunkModeActive", "PayloadSize"} <= names


def test_without_chunk_data_no_node_speaks_of_it() -> None:
    xml = description(1, chunks=False).decode()
    assert "Chunk" not in xml
    assert "EncoderValue" in xml


def test_no_two_registers_overlap() -> None:
    root = ElementTree.fromstring(description(1))
    taken: dict[int, str] = {}
    for node in root.iter():
        address, length = node.find(f"{SPACE}Address"), node.find(f"{SPACE}Length")
        if address is None or length is None:
            continue
        first, last = (int(node.findtext(f"{SPACE}{end}") or -1) for end in ("MSB", "LSB"))
        bits = range(first, last + 1) if last >= 0 else range(8 * int(length.text or ""))
        for bit in (8 * int(address.text or "", 16) + bit for bit in bits):
            assert bit not in taken, f"{node.get('Name')} and {taken[bit]} share {bit // 8:#x}"
            taken[bit] = node.get("Name") or ""


@pytest.fixture
def device() -> Device:
    return Device("127.0.0.1", "S1", 512, 1, 128, True, Loom(1000.0), 5.0)


@pytest.mark.parametrize(
    ("register", "data", "status"),
    [
        (Reg.WIDTH, struct.pack(">I", 256), Status.SUCCESS),
        (Reg.WIDTH, struct.pack(">I", 528), Status.INVALID_PARAMETER),
        (Reg.WIDTH, struct.pack(">I", 250), Status.INVALID_PARAMETER),
        (Reg.HEIGHT, struct.pack(">I", 0), Status.INVALID_PARAMETER),
        (Reg.EXPOSURE_TIME, struct.pack(">d", 40.0), Status.SUCCESS),
        (Reg.EXPOSURE_TIME, struct.pack(">d", 0.5), Status.INVALID_PARAMETER),
        (Reg.EXPOSURE_TIME, struct.pack(">I", 40), Status.INVALID_PARAMETER),
        (Reg.ENCODER_VALUE, struct.pack(">q", 1), Status.WRITE_PROTECT),
        (Reg.VENDOR, struct.pack(">I", 1), Status.WRITE_PROTECT),
        (0x5000, struct.pack(">I", 1), Status.INVALID_ADDRESS),
    ],
)
def test_writes(device: Device, register: int, data: bytes, status: Status) -> None:
    before = device.read(register, len(data))
    assert device.write(register, data) is status
    assert device.read(register, len(data)) == (data if status is Status.SUCCESS else before)


def test_the_format_is_locked_while_streaming(device: Device) -> None:
    device.write(Reg.PARAMS_LOCKED, struct.pack(">I", 1))
    assert device.write(Reg.HEIGHT, struct.pack(">I", 64)) is Status.ACCESS_DENIED
    device.release()
    assert device.write(Reg.HEIGHT, struct.pack(">I", 64)) is Status.SUCCESS

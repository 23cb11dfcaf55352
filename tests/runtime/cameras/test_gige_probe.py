"""Asking who is there, and reading features, against a simulated camera."""

from __future__ import annotations

import socket
import threading

import pytest

from runtime.cameras import gige_control
from runtime.cameras.config import make_camera
from runtime.cameras.entries import GigeConfig
from runtime.cameras.gige import GigeCamera
from runtime.cameras.gige_probe import Found, ask, chosen, discover
from runtime.cameras.sfnc import Feature
from runtime.errors import UserError
from runtime.types import Scale
from tests.runtime.fake_gige.process import CameraProcess

pytestmark = pytest.mark.net


def test_a_camera_answers_also_while_somebody_else_controls_it() -> None:
    with CameraProcess("--serial", "S-77"):
        holder = GigeCamera("loom", "127.0.0.1", Scale(1, 1))
        holder.open()
        assert ask("127.0.0.1") == Found("127.0.0.1", "weftwatch", "Simulated LoomLine", "S-77", "")
        holder.close()


def test_nobody_at_an_address_is_none_and_so_is_what_is_no_camera() -> None:
    assert ask("127.0.0.9") is None
    assert ask("10.1.2.3") is None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.8", 3956))

        def answer() -> None:
            _, client = other.recvfrom(100)
            other.sendto(b"hello" * 100, client)

        threading.Thread(target=answer, daemon=True).start()
        assert ask("127.0.0.8") is None


def test_where_there_is_no_network_a_search_says_so() -> None:
    with pytest.raises(UserError, match=r"Cameras cannot be searched for here .*bring up the network interface"):
        discover()


FOUND = [Found("10.0.0.5", "v", "m", "S5", "left"), Found("10.0.0.6", "v", "m", "S6", "right")]


@pytest.mark.parametrize(("serial", "user_name", "ip"), [("S5", None, "10.0.0.5"), (None, "right", "10.0.0.6")])
def test_a_camera_is_known_by_its_serial_or_its_name(serial: str | None, user_name: str | None, ip: str) -> None:
    assert chosen("loom", FOUND, serial, user_name).ip == ip


def test_none_and_two_of_a_name_are_told() -> None:
    with pytest.raises(UserError, match=r"'loom': 0 cameras serial S7 .*10\.0\.0\.5 serial S5 'left', 10\.0\.0\.6"):
        chosen("loom", FOUND, "S7", None)
    twins = [*FOUND, Found("10.0.0.7", "v", "m", "S7", "left")]
    with pytest.raises(UserError, match=r"2 cameras called 'left' .*10\.0\.0\.5 .*10\.0\.0\.7"):
        chosen("loom", twins, None, "left")


def test_a_camera_without_an_address_is_searched_for_when_it_is_made() -> None:
    config = {"loom": GigeConfig(backend="gige", serial="S5")}
    with pytest.raises(UserError, match="Cameras cannot be searched for here"):  # there is only a loopback
        make_camera("loom", config)


def test_features_have_value_access_and_what_they_take_and_no_register_is_among_them() -> None:
    with CameraProcess(source="2048"):
        control = gige_control.take_control("loom", "127.0.0.1")
        found = {feature.name: feature for feature in gige_control.features(control)}
        gige_control.release(control)
        gige_control.release(control)
    assert found["Width"] == Feature("Width", "2048", "RW", "16 to 2048")
    assert found["ExposureTime"] == Feature("ExposureTime", "20", "RW", "1 to 100000")
    assert found["TriggerMode"] == Feature("TriggerMode", "Off", "RW", "Off, On")
    assert found["ChunkModeActive"] == Feature("ChunkModeActive", "false", "RW", "true, false")
    assert found["DeviceSerialNumber"] == Feature("DeviceSerialNumber", "LOOM0001", "RO", "")
    assert found["AcquisitionStart"] == Feature("AcquisitionStart", "", "WO", "")
    assert found["PayloadSize"].value == str(2048 * 128)
    assert not [name for name in found if name.endswith(("Reg", "Control")) or name in ("Root", "Device")]


def test_an_opened_camera_says_what_it_is_and_how_it_is_set() -> None:
    with CameraProcess("--serial", "S-77"):
        camera = GigeCamera("loom", "127.0.0.1", Scale(1, 1), exposure_us=55.0, gain_db=3.0)
        device = camera.open().device
        camera.close()
    assert device is not None
    assert (device.serial, device.model, device.pixel_format) == ("S-77", "Simulated LoomLine", "Mono8")
    assert (device.exposure_us, device.gain_db) == (55.0, 3.0)


def test_the_link_is_counted_and_the_counts_outlive_it() -> None:
    # So slow, and kept so long, that a busy machine can ask before the camera has let go of them.
    with CameraProcess("--line-rate", "1000", "--loss", "0.005", "--kept-frames", "100", source="2048"):
        camera = GigeCamera("loom", "127.0.0.1", Scale(1, 1), packet_bytes=1500)
        assert camera.health() is None
        camera.open()
        stream = camera.items()
        for _ in range(20):
            next(stream)
        during = camera.health()
        camera.close()
        after = camera.health()
    assert during is not None
    assert after is not None
    assert after.packets >= during.packets > 1000
    assert after.bytes > 20 * 128 * 2048
    assert after.resent_packets > 0
    assert (after.missing_packets, after.local_ip) == (0, "127.0.0.1")
    assert 0 < after.socket_held <= after.socket_asked
    assert after.packet_bytes > 1400

"""What a link test says of what it measured."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from runtime.camera_command.verdict import Arrival, Interface, findings, interface_of
from runtime.cameras.gige_health import LinkHealth

HEALTH = LinkHealth(
    packets=30_000,
    bytes=80_000_000,
    missing_packets=0,
    resent_packets=0,
    socket_drops=0,
    buffers_dropped=0,
    packet_bytes=9000,
    socket_asked=8 << 20,
    socket_held=8 << 20,
    packet_socket=False,
    local_ip="192.168.0.1",
)
GOOD = Arrival(
    seconds=10.0,
    line_rate_hz=2000.0,
    lines_in=20_000,
    lines_received=20_000,
    missing={},
    unnumbered=0,
    bytes=80_000_000,
    block_rows=128,
    pause_s=0.064,
    pause_p99_s=0.066,
    longest_pause_s=0.07,
    cpu_share=0.05,
    health=HEALTH,
    interface=Interface("eth1", 9000),
)
LOST = replace(GOOD, lines_received=19_872, missing={"packet_loss": 128})


def test_a_stream_that_arrives_has_no_fault() -> None:
    assert findings(GOOD) == []
    assert findings(replace(GOOD, health=None, interface=None)) == []


@pytest.mark.parametrize(
    ("arrival", "sentences"),
    [
        (replace(GOOD, lines_in=0, lines_received=0), ["no line came: if the encoder triggers .* TriggerMode is Off"]),
        (LOST, ["128 lines are missing and no packet was dropped here: check cable.*ethtool -G"]),
        (
            replace(LOST, health=replace(HEALTH, socket_drops=7)),
            [r"128 lines are missing and this system dropped 7 packets .*sysctl -w net\.core\.rmem_max=8388608"],
        ),
        (replace(LOST, health=replace(HEALTH, buffers_dropped=3)), ["this program was too slow for 3 buffers"]),
        (replace(GOOD, unnumbered=2), [r"the camera was gone 2 time\(s\): check its power supply"]),
        (replace(GOOD, lines_in=17_000), [r"1,700 lines/s came and 2,000 are set: the exposure may be longer"]),
        (replace(GOOD, longest_pause_s=0.9), [r"the lines paused for 0\.90 s: the loom stood"]),
        (replace(GOOD, cpu_share=0.9), ["receiving takes 90% of a core: use larger packets"]),
        (
            replace(GOOD, health=replace(HEALTH, socket_held=212_992)),
            [r"holds only 212,992 bytes of received packets, 27 ms of this stream: sysctl"],
        ),
        (
            replace(GOOD, health=replace(HEALTH, packets=300_000, packet_bytes=1500)),
            ["30,000 packets/s of 1500 bytes: .*'ip link set eth1 mtu 9000'"],
        ),
        (replace(GOOD, health=replace(HEALTH, bytes=1_180_000_000)), ["118 MB/s fill a Gigabit link"]),
        (
            replace(GOOD, health=replace(HEALTH, resent_packets=5)),
            ["5 packets had to be asked for again, though none is missing: check cable"],
        ),
        (
            replace(GOOD, health=replace(HEALTH, resent_packets=5, socket_drops=5)),
            ["5 packets had to be .*: this system dropped 5 that had come: sysctl -w"],
        ),
        (
            replace(LOST, unnumbered=1, cpu_share=0.95),
            ["128 lines are missing", "the camera was gone", "receiving takes 95%"],
        ),
    ],
)
def test_each_fault_is_a_sentence_with_its_remedy(arrival: Arrival, sentences: list[str]) -> None:
    found = findings(arrival)
    assert len(found) == len(sentences), found
    for said, wanted in zip(found, sentences, strict=True):
        assert re.search(wanted, said), said


def test_an_address_leads_to_its_interface() -> None:
    found = interface_of("127.0.0.1")
    assert found is not None
    assert found.name == "lo"
    assert found.mtu > 1500
    assert interface_of("203.0.113.7") is None

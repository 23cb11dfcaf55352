"""The ring: marks tell which packets came, and a slot is written to again only when nobody looks at it."""

from __future__ import annotations

import ctypes
import gc

import numpy as np
import pytest

from runtime.cameras.ring import Ring
from runtime.types import UInt8

PACKET, SIZE = 100, 730


def write(ring: Ring, slot: int, packets: range | list[int], value: int = 7) -> None:
    """What a client does with the packets that come: a byte at a time, as it would arrive."""
    memory = slot_memory(ring, slot)
    for packet in packets:
        memory[packet * PACKET : (packet + 1) * PACKET] = value


def slot_memory(ring: Ring, slot: int) -> UInt8:
    return np.frombuffer((ctypes.c_uint8 * SIZE).from_address(ring.address(slot)), np.uint8)


@pytest.mark.parametrize(
    ("came", "holes"),
    [
        (range(8), ()),
        ([], ((0, SIZE),)),
        ([0, 1, 2, 3, 4, 5, 6], ((700, SIZE),)),
        ([1, 2, 5, 6, 7], ((0, 100), (300, 500))),
        ([0, 7], ((100, 700),)),
    ],
)
def test_the_packets_that_never_came(came: range | list[int], holes: tuple[tuple[int, int], ...]) -> None:
    ring = Ring(2, SIZE, PACKET)
    slot = next(ring.armed())
    write(ring, slot, came)
    assert ring.holes(slot) == holes


def test_marks_are_laid_anew() -> None:
    ring = Ring(1, SIZE, PACKET)
    (slot,) = ring.armed()
    write(ring, slot, range(8))
    ring.drop(slot)
    (again,) = ring.armed()
    assert ring.holes(again) == ((0, SIZE),)


def test_a_slot_is_not_given_again_while_an_array_made_from_it_lives() -> None:
    ring = Ring(4, SIZE, PACKET)
    slots = list(ring.armed())
    write(ring, slots[0], range(8))
    taken = ring.take(slots[0], 300)
    view = taken.reshape(3, 100)[1:, ::2]
    assert np.shares_memory(taken, slot_memory(ring, slots[0]))
    del taken
    assert list(ring.armed()) == []
    assert (view == 7).all()
    del view
    gc.collect()
    assert list(ring.armed()) == [slots[0]]


def test_whoever_holds_many_gets_copies_and_half_the_slots_stay_in_use() -> None:
    ring = Ring(4, SIZE, PACKET)
    slots = list(ring.armed())
    held = [ring.take(slot, SIZE) for slot in slots]
    shared = [np.shares_memory(one, slot_memory(ring, slot)) for one, slot in zip(held, slots, strict=True)]
    assert shared == [True, True, False, False]
    assert list(ring.armed()) == slots[2:]


def test_memory_outlives_its_ring() -> None:
    ring = Ring(2, SIZE, PACKET)
    slot = next(ring.armed())
    write(ring, slot, range(8), value=9)
    taken = ring.take(slot, SIZE)
    del ring
    gc.collect()
    assert (taken == 9).all()

"""Every feature of a camera, from a node map as harvesters and pylon hand it out (GenICam's GenApi)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from runtime.cameras.sfnc import Feature

ACCESS = {2: "WO", 3: "RO", 4: "RW"}
"""GenApi's EAccessMode; what is not in it is not there, or not now."""


class Interface(IntEnum):
    """GenApi's EInterfaceType: what kind of feature a node is."""

    INTEGER = 2
    BOOLEAN = 3
    COMMAND = 4
    FLOAT = 5
    STRING = 6
    CATEGORY = 8
    ENUMERATION = 9


@dataclass(frozen=True)
class Node:
    """A feature's node; ``interface`` and ``access`` as GenApi numbers them."""

    name: str
    interface: int
    access: int


class NodeMap(Protocol):
    """A library's node map; each call may raise the library's errors."""

    def nodes(self) -> Iterator[Node]:
        """What the category Root holds, itself and through other categories, in their order."""

    def get(self, name: str) -> Any: ...
    def bounds(self, name: str) -> tuple[Any, Any]: ...
    def enum_entries(self, name: str) -> Any: ...


def features(node_map: NodeMap, errors: tuple[type[Exception], ...]) -> list[Feature]:
    """Every feature that can be read or written now, each once.

    Args:
        errors: what the library raises where a camera is at fault.
    """
    found: dict[str, Feature] = {}
    for node in node_map.nodes():
        if node.access in ACCESS and node.interface in list(Interface) and node.name not in found:
            access = ACCESS[node.access]
            value = takes = ""
            with contextlib.suppress(*errors):
                value = "" if access == "WO" or node.interface == Interface.COMMAND else _text(node_map.get(node.name))
                takes = "" if access == "RO" else _taken(node_map, node)
            found[node.name] = Feature(node.name, value, access, takes)
    return list(found.values())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.12g}" if isinstance(value, int | float) else str(value)


def _taken(node_map: NodeMap, node: Node) -> str:
    """What may be written to a feature."""
    if node.interface in (Interface.INTEGER, Interface.FLOAT):
        return "{:.12g} to {:.12g}".format(*node_map.bounds(node.name))
    if node.interface == Interface.ENUMERATION:
        return ", ".join(node_map.enum_entries(node.name))
    return "true, false" if node.interface == Interface.BOOLEAN else ""

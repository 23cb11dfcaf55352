"""Every feature of a camera that Aravis has taken over. See node_map.NodeMap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runtime.cameras.aravis_control import AravisFeatures
from runtime.cameras.node_map import Interface, Node

_ACCESS = {"wo": 2, "ro": 3, "rw": 4}
"""Aravis' names of GenApi's access modes."""


class AravisNodes:
    """A camera's node map.

    Args:
        aravis: the library's namespace. camera: an Aravis.Camera.
    """

    def __init__(self, aravis: Any, camera: Any) -> None:
        self._device, self._features = camera.get_device(), AravisFeatures(camera)
        self._category = aravis.GcCategory
        # Aravis' enumerations are integers and text, too: what is asked first decides.
        self._kinds = (
            (aravis.GcEnumeration, Interface.ENUMERATION),
            (aravis.GcBoolean, Interface.BOOLEAN),
            (aravis.GcCommand, Interface.COMMAND),
            (aravis.GcInteger, Interface.INTEGER),
            (aravis.GcFloat, Interface.FLOAT),
            (aravis.GcString, Interface.STRING),
        )

    def nodes(self) -> Iterator[Node]:
        """See node_map.NodeMap."""
        yield from self._held("Root")

    def get(self, name: str) -> Any:
        """The value; an enumeration's as its entry's name."""
        features = self._features
        kind = self._interface(name)
        if kind is Interface.BOOLEAN:
            return features.get_boolean(name)
        if kind is Interface.INTEGER:
            return features.get_integer(name)
        return features.get_float(name) if kind is Interface.FLOAT else features.get_enum(name)

    def bounds(self, name: str) -> tuple[Any, Any]:
        """Least and greatest value of a number."""
        features = self._features
        asked = features.integer_bounds if self._interface(name) is Interface.INTEGER else features.float_bounds
        least, greatest = asked(name)
        return least, greatest

    def enum_entries(self, name: str) -> Any:
        """Entries that can be set now."""
        return self._features.enum_entries(name)

    def _held(self, category: str) -> Iterator[Node]:
        for name in self._device.get_feature(category).get_features():
            node = self._device.get_feature(name)
            if isinstance(node, self._category):
                yield from self._held(name)
            elif node is not None and self._features.has_feature(name):
                yield Node(name, self._interface(name) or 0, _ACCESS.get(node.get_actual_access_mode().value_nick, 0))

    def _interface(self, name: str) -> Interface | None:
        node = self._device.get_feature(name)
        return next((kind for of, kind in self._kinds if isinstance(node, of)), None)

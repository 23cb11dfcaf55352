"""A camera found through its GenTL producer and taken over, and its features: harvesters' part of the work.

A producer is a library that comes with the maker's software (EMVA GenTL 1.6).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.cameras import node_map
from runtime.cameras.link import the_one, which
from runtime.cameras.node_map import Interface, Node
from runtime.cameras.sfnc import Feature
from runtime.errors import MissingExtra, UserError

PRODUCERS = "GENICAM_GENTL64_PATH"
"""Environment variable that the makers' installers set: folders with producers (GenTL 1.6, 6.1)."""


@dataclass(frozen=True)
class Wanted:
    """Which camera of which producer; None: whichever there is, if it is the only one.

    Attributes:
        producer: path of a .cti file; None: those in the folders of GENICAM_GENTL64_PATH.
        serial, user_name: the camera's serial number, its user-defined name.
    """

    producer: str | None = None
    serial: str | None = None
    user_name: str | None = None


class Search:
    """A maker's producers, loaded, and the camera that they find.

    Attributes:
        harvester: harvesters' own. errors: what it raises.
        where: the camera, for messages. producers: the files' names.
        about: what the producer knows of the camera.

    Raises:
        MissingExtra: harvesters is not installed.
        UserError: no producer, or no such camera.
    """

    def __init__(self, name: str, wanted: Wanted) -> None:
        core, self.errors = _harvesters(name)
        self.where = f"camera '{name}' {which(wanted.serial, wanted.user_name)}"
        files = _producers(self.where, wanted.producer)
        self.producers = ", ".join(file.name for file in files)
        self.harvester = core.Harvester()
        try:
            for file in files:
                self.harvester.add_file(str(file), check_existence=True)
            self.harvester.update()
            self.about = self._the_one(wanted, self.harvester.device_info_list)
        except self.errors as error:
            self.close()
            raise UserError(f"{self.where} could not be searched for: {error}") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Unload the producers. Safe to call twice."""
        with contextlib.suppress(*self.errors):
            self.harvester.reset()

    def told(self, device: Any, info: str) -> str:
        """What a producer says of a camera; it may leave it unsaid."""
        with contextlib.suppress(*self.errors):
            return str(getattr(device, info) or "")
        return ""

    def _the_one(self, wanted: Wanted, found: Sequence[Any]) -> Any:
        """The device that is meant.

        Raises:
            UserError: none or several fit.
        """
        asked = {"serial_number": wanted.serial, "user_defined_name": wanted.user_name}
        return the_one(
            self.where,
            self.producers,
            found,
            lambda one: all(value is None or self.told(one, info) == value for info, value in asked.items()),
            lambda one: f"{self.told(one, 'model')} serial {self.told(one, 'serial_number')}",
            "Say 'serial' or 'user_name' as it is listed, and close the program that has the camera if it is not",
        )


class TakenCamera:
    """A camera that was found and taken over; nothing is set in it.

    Attributes:
        acquirer: harvesters' own.
        features: the camera's.

    Raises:
        MissingExtra: harvesters is not installed.
        UserError: no producer, no such camera, or somebody else has it.
    """

    def __init__(self, name: str, wanted: Wanted) -> None:
        self._search = search = Search(name, wanted)
        self.errors, self.where, self.producers = search.errors, search.where, search.producers
        self.acquirer: Any = None
        try:
            self.acquirer = search.harvester.create(search.about)
        except self.errors as error:
            search.close()
            raise UserError(f"{self.where} could not be taken over: {error}") from error
        self.features = GentlFeatures(self.acquirer.remote_device.node_map)

    def release(self) -> None:
        """Stop what streams and give the camera back. Safe to call twice."""
        if self.acquirer is not None:
            with contextlib.suppress(*self.errors):
                self.acquirer.stop()
                self.acquirer.destroy()
            self.acquirer = None
        self._search.close()


def find(name: str, wanted: Wanted) -> str:
    """Vendor, model and serial number of a camera, which is not taken over.

    Raises:
        MissingExtra, UserError: as Search.
    """
    search = Search(name, wanted)
    try:
        return "{} {} serial {}".format(*(search.told(search.about, i) for i in ("vendor", "model", "serial_number")))
    finally:
        search.close()


def features(name: str, wanted: Wanted) -> list[Feature]:
    """Every feature of a camera, without a change to it.

    Raises:
        MissingExtra, UserError: as TakenCamera.
    """
    taken = TakenCamera(name, wanted)
    try:
        return node_map.features(taken.features, taken.errors)
    finally:
        taken.release()


class GentlFeatures:
    """See sfnc.Features.

    Args:
        nodes: a node map of genicam.
    """

    def __init__(self, nodes: Any) -> None:
        self._nodes = nodes

    def has_feature(self, name: str) -> bool:
        return bool(self._nodes.has_node(name))

    def get(self, name: str) -> Any:
        return self._nodes.get_node(name).value

    def set(self, name: str, value: Any) -> None:
        self._nodes.get_node(name).value = value

    get_integer = get_float = get_boolean = get_enum = get
    set_integer = set_float = set_boolean = set_enum = set

    def bounds(self, name: str) -> tuple[Any, Any]:
        node = self._nodes.get_node(name)
        return node.min, node.max

    integer_bounds = float_bounds = bounds

    def integer_increment(self, name: str) -> Any:
        return self._nodes.get_node(name).inc

    def enum_entries(self, name: str) -> Sequence[str]:
        return tuple(self._nodes.get_node(name).symbolics)

    def nodes(self) -> Iterator[Node]:
        yield from _held(self._nodes.get_node("Root"))

    def invalidate_caches(self) -> None:
        """GenApi knows by itself which nodes a written one makes stale."""


def _held(category: Any) -> Iterator[Node]:
    for feature in category.features:
        node = feature.node
        if node.principal_interface_type == Interface.CATEGORY:
            yield from _held(feature)
        else:
            yield Node(node.name, node.principal_interface_type, feature.get_access_mode())


def _harvesters(name: str) -> tuple[Any, tuple[type[Exception], ...]]:
    """harvesters.core, and what it raises where a camera or its producer is at fault.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        from genicam import genapi, gentl
        from harvesters import core
    except ImportError as error:
        raise MissingExtra("harvesters", "gentl", f"Camera '{name}' (backend gentl)") from error
    return core, (gentl.GenericException, genapi.GenericException)


def _producers(where: str, producer: str | None) -> list[Path]:
    """The .cti files to load.

    Raises:
        UserError: there is none.
    """
    if producer is not None:
        found = [Path(producer)] if Path(producer).is_file() else []
    else:
        folders = os.environ.get(PRODUCERS, "").split(os.pathsep)
        found = sorted(file for folder in folders if folder for file in Path(folder).glob("*.cti"))
    if not found:
        looked = f"'{producer}' is not there" if producer else f"there is none in the folders of {PRODUCERS}"
        raise UserError(
            f"{where} needs the GenTL producer of its maker, and {looked}: install the maker's software, or name the "
            ".cti file with 'producer'"
        )
    return found

"""Cloth by URI: ``sim:twill22?width=2048&motion=loom`` or ``replay:FOLDER?repeat=1``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from runtime.cameras.replay import ImageCloth
from runtime.errors import UserError
from runtime.simulator.encoder import Encoder
from runtime.simulator.geometry import Geometry
from runtime.simulator.look import Look
from runtime.simulator.loom import Loom
from runtime.simulator.motion import AnyMotion, Table, Weaving
from runtime.simulator.styles import Style, find_style
from runtime.simulator.world import World
from runtime.sources import LineSource

_MAX_WIDTH = 65536


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _width(text: str) -> int:
    value = int(text)
    if not 8 <= value <= _MAX_WIDTH:
        raise ValueError
    return value


def _switch(text: str) -> bool:
    return {"0": False, "1": True}[text]


def _one_of(*words: str) -> Callable[[str], str]:
    return {word: word for word in words}.__getitem__


_CLOTH: Mapping[str, Callable[[str], Any]] = {
    "width": _width,
    "seed": int,
    "mm_per_px": _number,
    "mm_per_line": _number,
    "defects_per_100m": _number,
    "margin_mm": _number,
    "background": _number,
    "stamp": _switch,
    "cached": _switch,
}
_MOTION: Mapping[str, Callable[[str], Any]] = {"motion": _one_of("loom", "table"), "stop_every_m": _number}
_ENCODER: Mapping[str, Callable[[str], Any]] = {
    "counts_per_mm": _number,
    "trigger": _one_of("motion", "position_up"),
    "jitter": _number,
}
_GEOMETRY: Mapping[str, Callable[[str], Any]] = {
    "wander_mm": _number,
    "width_change": _number,
    "skew": _number,
    "bow": _number,
}
_SIM: Mapping[str, Callable[[str], Any]] = {**_CLOTH, **_MOTION, **_ENCODER, **_GEOMETRY, "bits": int}
_REPLAY: Mapping[str, Callable[[str], Any]] = {"repeat": _switch}


def open_source(uri: str) -> LineSource:
    """The cloth that a URI names.

    Args:
        uri: ``sim:STYLE`` with arguments of Loom, or ``replay:PATH`` with those of ImageCloth, as
            ``?name=value&name=value``; switches are 0 or 1. Simulated cloth moves where ``motion`` is ``loom``
            (it weaves, stops, runs back) or ``table`` (steady), with ``stop_every_m`` (0: never), and the encoder's
            ``counts_per_mm``, ``trigger`` and ``jitter``; ``wander_mm``, ``width_change``, ``skew`` and ``bow`` say
            how it lies (Geometry), and ``bits`` how deep a pixel is.

    Raises:
        UserError: what is wrong with the URI, and what there is instead.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in ("sim", "replay"):
        raise UserError(f"'{uri}' names no cloth; write sim:STYLE or replay:PATH")
    target, _, query = rest.partition("?")
    if not target:
        raise UserError(f"'{uri}' says nothing after '{scheme}:'; write sim:STYLE or replay:PATH")
    if scheme == "sim":
        return _simulated(uri, find_style(target), _arguments(uri, query, _SIM))
    return ImageCloth(Path(target), **_arguments(uri, query, _REPLAY))


def _simulated(uri: str, style: Style, found: Mapping[str, Any]) -> LineSource:
    """A Loom, or a Look at one where more is asked for than its cloth."""

    def of(known: Mapping[str, Any]) -> dict[str, Any]:
        return {name: found[name] for name in known if name in found}

    loom = Loom(style, **of(_CLOTH))
    if set(found) <= set(_CLOTH):
        return loom
    if "motion" not in found and "stop_every_m" in found:
        raise UserError(f"'{uri}': stop_every_m says how a motion goes; add motion=loom or motion=table")
    encoder = Encoder(**of(_ENCODER)) if of(_ENCODER) else None
    world = World(_motion(style, loom.seed, of(_MOTION)), encoder, Geometry(**of(_GEOMETRY)), bits=found.get("bits", 8))
    return Look(loom, world)


def _motion(style: Style, seed: int, found: Mapping[str, Any]) -> AnyMotion | None:
    stop_every_m = found.get("stop_every_m")
    if found.get("motion") == "table":
        return Table(stop_every_m=stop_every_m or 0.0, seed=seed)
    if found.get("motion") == "loom":
        weaving = Weaving(ppi=style.ppi, seed=seed)
        return weaving if stop_every_m is None else weaving.stopping_every(stop_every_m)
    return None


def _arguments(uri: str, query: str, known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Parsed arguments by name.

    Raises:
        UserError: an unknown or repeated name, or a value that does not parse.
    """
    found: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise UserError(f"'{uri}': there is no parameter '{name}'; there are: {', '.join(known)}")
        if name in found:
            raise UserError(f"'{uri}': the parameter '{name}' is given twice")
        try:
            found[name] = known[name](text)
        except (ValueError, KeyError):
            raise UserError(f"'{uri}': '{text}' is no value for the parameter '{name}'") from None
    return found

"""Cloth by URI: ``sim:twill22?width=2048&seed=7`` or ``replay:FOLDER?repeat=1``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from runtime.cameras.replay import ImageCloth
from runtime.errors import UserError
from runtime.simulator.loom import Loom
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


_SIM: Mapping[str, Callable[[str], Any]] = {
    "width": _width,
    "seed": int,
    "mm_per_px": _number,
    "mm_per_line": _number,
    "defects_per_100m": _number,
    "margin_mm": _number,
    "background": _number,
    "stamp": _switch,
}
_REPLAY: Mapping[str, Callable[[str], Any]] = {"repeat": _switch}


def open_source(uri: str) -> LineSource:
    """The cloth that a URI names.

    Args:
        uri: ``sim:STYLE`` with arguments of Loom, or ``replay:PATH`` with those of ImageCloth, as
            ``?name=value&name=value``; switches are 0 or 1.

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
        return Loom(target, **_arguments(uri, query, _SIM))
    return ImageCloth(Path(target), **_arguments(uri, query, _REPLAY))


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

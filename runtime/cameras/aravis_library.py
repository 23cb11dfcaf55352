"""The Aravis library, where the system has it: found through GObject introspection, and a little of it by ctypes.

It comes with the system, not with pip: Debian and Ubuntu call the packages ``gir1.2-aravis-0.8`` and ``python3-gi``.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from runtime.errors import UserError

SERIES = ("0.10", "0.8")
"""Looked for in this order. The calls are those of 0.8; 0.10 has not been run."""
INSTALL = "apt install gir1.2-aravis-0.8 python3-gi, and make 'gi' visible to this Python (docs/cameras.md)"


@functools.cache
def installed() -> bool:
    """Are Aravis and its Python binding here?"""
    if importlib.util.find_spec("gi") is None:
        return False
    try:
        load("any")
    except UserError:
        return False
    return True


def load(name: str) -> Any:
    """The namespace Aravis, of the newest series that is installed.

    Raises:
        UserError: it, or the binding, is not installed.
    """
    try:
        gi = binding("gi")
        try:
            gi.require_version("Aravis", SERIES[0])
        except ValueError:  # not installed, or the other one is loaded already
            gi.require_version("Aravis", SERIES[1])
        return binding("gi.repository.Aravis")
    except (ImportError, ValueError) as error:
        raise UserError(
            f"camera '{name}' needs Aravis, which this Python does not find ({error}): {INSTALL}; a GigE camera can do "
            "without it (client: telegenic)"
        ) from error


def binding(module: str) -> Any:
    """A module of GObject introspection, imported by name: it has no types, and may be absent."""
    return importlib.import_module(module)


def errors() -> tuple[type[Exception], ...]:
    """What Aravis raises where a camera or the way to it is at fault."""
    return (binding("gi.repository.GLib").Error,)


def version() -> str:
    """As the package manager names it where it can be told, else the series."""
    library = _library()
    numbers = [getattr(library, f"arv_get_{part}_version", None) for part in ("major", "minor", "micro")]
    return ".".join(str(number()) for number in numbers if number is not None) or _series()


def received_bytes(buffer: Any) -> int:
    """Bytes that a whole buffer holds: fewer than its memory where the camera sent it short.

    The binding offers them only together with a copy of the pixels.
    """
    size = ctypes.c_size_t()
    _library().arv_buffer_get_data(_address(buffer), ctypes.byref(size))
    return size.value


def kept(gobject: Any) -> Callable[[], None]:
    """Keep a C object beyond the Python one; what is returned lets go of it, without holding up other threads."""
    glib = ctypes.CDLL("libgobject-2.0.so.0")
    glib.g_object_ref.restype, glib.g_object_ref.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    glib.g_object_unref.restype, glib.g_object_unref.argtypes = None, (ctypes.c_void_p,)
    address = glib.g_object_ref(_address(gobject))
    return lambda: glib.g_object_unref(address)


def _series() -> str:
    """Of the library that is loaded."""
    return str(load("any")._version)


@functools.cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(f"libaravis-{_series()}.so.0")
    library.arv_buffer_get_data.restype = ctypes.c_void_p
    library.arv_buffer_get_data.argtypes = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t))
    return library


def _address(gobject: Any) -> int:
    """Of the C object that a Python one stands for."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    address = pointer(gobject.__gpointer__, None)
    assert isinstance(address, int)
    return address

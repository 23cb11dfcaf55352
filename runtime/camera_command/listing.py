"""``list``: the cameras of cameras.yaml, and which of them answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from runtime.cameras import gentl_device, pylon, usb3
from runtime.cameras.config import AnyCamera
from runtime.cameras.entries import GentlConfig, GigeConfig, PylonConfig, ReplayConfig, Usb3Config
from runtime.cameras.gentl_device import PRODUCERS
from runtime.cameras.gige_probe import Found, ask, discover
from runtime.cameras.link import which
from runtime.errors import UserError
from runtime.recordings.format import is_recording
from runtime.recordings.reader import RecordedRoll

LATER = "searched for when it is opened"


def listing(cameras: Mapping[str, AnyCamera], search: bool) -> int:
    """Print one line a camera.

    Args:
        search: broadcast for cameras as well, and let the makers' libraries do so; else only addresses in cameras.yaml
            are asked.

    Returns:
        Exit status 0.
    """
    for name, config in cameras.items():
        print(f"{name:16} {state(name, config, search)}", flush=True)
    if not cameras:
        print("no camera in cameras.yaml")
    if search:
        for line in told(discover(), cameras):
            print(line)
    return 0


def state(name: str, config: AnyCamera, search: bool) -> str:
    """What an entry of cameras.yaml stands for, and whether it is there, as far as that is known without a search."""
    if isinstance(config, GigeConfig):
        if config.simulated:
            return f"gige {config.ip}: simulated, starts when it is opened ({config.simulated.source})"
        if config.ip is None:
            return f"gige {which(config.serial, config.user_name)}: searched for when it is opened"
        found = ask(config.ip)
        return f"gige {config.ip}: {'no answer' if found is None else 'answers, ' + _named(found)}"
    if isinstance(config, ReplayConfig):
        return f"replay {config.path}: {_files(Path(config.path))}"
    if isinstance(config, GentlConfig):
        producer = config.producer or f"the producers of {PRODUCERS}"
        place = f"gentl {which(config.serial, config.user_name)} of {producer}"
        return f"{place}: {_sought(lambda: gentl_device.find(name, config.wanted())) if search else LATER}"
    if isinstance(config, PylonConfig):
        place = f"pylon {which(config.serial, config.user_name)}"
        return f"{place}: {_sought(lambda: pylon.find(name, config.serial, config.user_name)) if search else LATER}"
    if isinstance(config, Usb3Config):
        place = f"usb3 {which(config.serial, None)}"
        return f"{place}: {_sought(lambda: usb3.find(name, config.serial)) if search else LATER}"
    return f"simulated {config.source}"


def _sought(find: Callable[[], str]) -> str:
    """What a maker's library says of a camera, or why it is not to be had."""
    try:
        return f"is there, {find()}"
    except UserError as error:
        return str(error)


def told(found: Iterable[Found], cameras: Mapping[str, AnyCamera]) -> list[str]:
    """What a search found, each with its name in cameras.yaml or how to give it one."""
    named = {name: config for name, config in cameras.items() if isinstance(config, GigeConfig)}
    lines = []
    for one in found:
        same = (name for name, config in named.items() if _is(config, one))
        known = next(same, None)
        hint = f"'{known}' in cameras.yaml" if known else f"not in cameras.yaml: add 'backend: gige, ip: {one.ip}'"
        lines.append(f"found {one.ip:15} {_named(one)}; {hint}")
    return lines or ["found no camera by broadcast: check power and link, or name a camera by its address"]


def _is(config: GigeConfig, found: Found) -> bool:
    return (
        config.ip == found.ip or (config.serial or "-") == found.serial or (config.user_name or "-") == found.user_name
    )


def _named(found: Found) -> str:
    called = f", called '{found.user_name}'" if found.user_name else ""
    return f"{found.vendor} {found.model} serial {found.serial or 'not told'}{called}"


def _files(path: Path) -> str:
    if not is_recording(path):
        return "files" if path.exists() else "not there"
    try:
        roll = RecordedRoll(path)
    except UserError as error:
        return str(error)
    return f"a recording of {roll.metres:.3f} m" + (f"; {roll.cut}" if roll.cut else "")

"""``show``: every feature of a camera, without a change to it."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.cameras import gige_control
from runtime.cameras.config import AnyCamera, build, describe
from runtime.cameras.entries import GigeConfig
from runtime.cameras.gige_simulated import SimulatedGige


def show(name_or_uri: str, cameras: Mapping[str, AnyCamera]) -> int:
    """Print a camera's features, or what is known of one that has none.

    Returns:
        Exit status 0.

    Raises:
        UserError: no such camera, or it cannot be opened.
    """
    name, config = describe(name_or_uri, cameras)
    camera = build(name, config)
    try:
        if not isinstance(config, GigeConfig):
            info = camera.open()
            print(f"{name}: {info.description}; {info.channels} channel(s) of {info.bits} bits, width {info.width}")
            return 0
        if isinstance(camera, SimulatedGige):
            camera.start()
        for line in features(name, config.address(name)):
            print(line)
    finally:
        camera.close()
    return 0


def features(name: str, ip: str) -> list[str]:
    """A GigE Vision camera's features, one a line: access, name, value, what it takes.

    Raises:
        UserError: nobody answers at the address, or somebody else controls the camera.
    """
    control = gige_control.take_control(name, ip)
    try:
        found = list(gige_control.features(control))
    finally:
        gige_control.release(control)
    wide = max((len(feature.name) for feature in found), default=0)
    return [
        f"{one.access}  {one.name:{wide}}  {one.value or '-'}" + (f"  ({one.takes})" if one.takes else "")
        for one in found
    ]

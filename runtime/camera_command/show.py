"""``show``: every feature of a camera, without a change to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runtime.cameras import gentl_device, gige_control, pylon, usb3
from runtime.cameras.config import AnyCamera, build, describe
from runtime.cameras.entries import GentlConfig, GigeConfig, PylonConfig, RealCameraConfig, Usb3Config
from runtime.cameras.gige_simulated import SimulatedGige
from runtime.cameras.sfnc import Feature


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
        if not isinstance(config, RealCameraConfig):
            info = camera.open()
            print(f"{name}: {info.description}; {info.channels} channel(s) of {info.bits} bits, width {info.width}")
            return 0
        if isinstance(camera, SimulatedGige):
            camera.start()
        for line in lines(features(name, config)):
            print(line)
    finally:
        camera.close()
    return 0


def features(name: str, config: RealCameraConfig) -> list[Feature]:
    """The features of the camera that an entry of cameras.yaml describes.

    Raises:
        MissingExtra: the backend's library is not installed.
        UserError: there is no such camera, or somebody else controls it.
    """
    if isinstance(config, GentlConfig):
        return gentl_device.features(name, config.wanted())
    if isinstance(config, PylonConfig):
        return pylon.features(name, config.serial, config.user_name)
    if isinstance(config, Usb3Config):
        return usb3.features(name, config.serial)
    assert isinstance(config, GigeConfig), "there are four backends with a control channel"
    control = gige_control.take_control(name, config.address(name))
    try:
        return list(gige_control.features(control))
    finally:
        gige_control.release(control)


def lines(found: Sequence[Feature]) -> list[str]:
    """Features as text, one a line: access, name, value, what it takes."""
    wide = max((len(feature.name) for feature in found), default=0)
    return [
        f"{one.access}  {one.name:{wide}}  {one.value or '-'}" + (f"  ({one.takes})" if one.takes else "")
        for one in found
    ]

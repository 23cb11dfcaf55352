"""A camera's own flat field correction: what its maker calls the switch, and whether it is on.

The standard (SFNC 2.7) has no name for it. The makers' own stand here, a row each; none was tried on a real camera. A
correction by the factory's calibration of the sensor counts as well: references that were taken while it was on hold
only while it is.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.cameras.link import FeatureValue

if TYPE_CHECKING:
    from runtime.cameras.sfnc import Features


@dataclass(frozen=True)
class Switch:
    """A feature that switches a correction of the columns on.

    Attributes:
        on: the values that do; the first one that the camera takes is written.
    """

    feature: str
    on: tuple[FeatureValue, ...] = (True,)


SWITCHES = (
    Switch("flatfieldCorrectionMode", ("Active", "On")),  # Teledyne DALSA
    Switch("FlatFieldCorrectionEnable"),  # the simulated camera's too
    Switch("FlatFieldCorrection", ("On",)),  # Vieworks, Daheng
    Switch("FlatFieldCorrectionMode", ("On",)),
    Switch("FFCEnable"),  # Hikrobot
    Switch("PRNUCEnable"),
    Switch("NUCEnable"),
    Switch("ShadingEnable"),  # Basler's runner and racer, Baumer
)
"""In the order in which they are looked for: what corrects light and sensor, then what corrects the sensor."""


def find(camera: Features, errors: tuple[type[Exception], ...]) -> tuple[str, FeatureValue] | None:
    """The feature and the value that switch a camera's correction on; None where it has none that is known here.

    Args:
        errors: what the client raises where a camera refuses.
    """
    for switch in SWITCHES:
        with contextlib.suppress(*errors):  # of that name, and of another kind
            if not camera.has_feature(switch.feature):
                continue
            if switch.on == (True,):
                camera.get_boolean(switch.feature)
                return switch.feature, True
            taken = camera.enum_entries(switch.feature)
            value = next((one for one in switch.on if one in taken), None)
            if value is not None:
                return switch.feature, value
    return None


def switched_on(camera: Features, errors: tuple[type[Exception], ...]) -> str:
    """The features whose correction is on now, with commas between; empty: none that is known here."""
    return ", ".join(switch.feature for switch in SWITCHES if _is_on(camera, errors, switch))


def _is_on(camera: Features, errors: tuple[type[Exception], ...], switch: Switch) -> bool:
    with contextlib.suppress(*errors):
        if camera.has_feature(switch.feature):
            get = camera.get_boolean if switch.on == (True,) else camera.get_enum
            return get(switch.feature) in switch.on
    return False

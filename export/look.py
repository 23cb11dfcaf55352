"""What of a trained model goes into the map, and how: the options of ``export bundle``. Without torch."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.errors import UserError

JOINS = ("sum", "strongest")
CHANNELS = ("both", "net", "filters")


@dataclass(frozen=True)
class Look:
    """How evidence becomes one map.

    Attributes:
        sigma: blur of the net's maps, px.
        taps: which of the teacher's levels are used, finest first: "123" all, as published; "3" the coarsest. Beside
            the filters all of them told more painted defects from normal cloth than the two coarser alone.
        join: ``sum`` adds the levels up, as RD4AD, CFA and UniNet do; ``strongest`` keeps each as a channel.
        channels: the net's maps, the filters on the pixels, or both added up. Each channel is brought to one scale
            by its own tail on normal cloth, and of each kind the strongest counts at each place.

    Raises:
        UserError: values that mean nothing.
    """

    sigma: float = 4.0
    taps: str = "123"
    join: str = "sum"
    channels: str = "both"

    def __post_init__(self) -> None:
        if self.sigma < 0:
            raise UserError(f"--sigma must not be negative, got {self.sigma}.")
        if not self.taps or set(self.taps) - set("123") or list(self.taps) != sorted(set(self.taps)):
            raise UserError(f"--taps {self.taps}: name levels from 1 (finest) to 3, such as 123, 23 or 1.")
        for name, known in (("join", JOINS), ("channels", CHANNELS)):
            if getattr(self, name) not in known:
                raise UserError(f"--{name} {getattr(self, name)}: choose one of {', '.join(known)}.")

    @property
    def net(self) -> bool:
        return self.channels != "filters"

    @property
    def filters(self) -> bool:
        return self.channels != "net"

"""TensorRT's Python package, and where an engine of it belongs: to the device and version that built it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from runtime.engines.cuda.base import DeviceFacts
from runtime.errors import MissingExtra, UserError

DEVICE = re.compile(r"(?P<kind>cuda|dla):(?P<number>\d+)")


@dataclass(frozen=True)
class Home:
    """What must be the same where an engine is built and where it runs.

    Attributes:
        tensorrt: version of the package. gpu: the device's name. sm: its compute capability, 'sm87'.
    """

    tensorrt: str
    gpu: str
    sm: str

    @classmethod
    def here(cls, trt: Any, facts: DeviceFacts) -> Home:
        """This machine's."""
        return cls(trt.__version__, facts.name, facts.sm)

    @classmethod
    def of(cls, built: dict[str, Any]) -> Home:
        """As an engine's manifest has it under ``built``."""
        return cls(**{name: str(built.get(name, "unknown")) for name in cls.__dataclass_fields__})

    def as_built(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)

    def __str__(self) -> str:
        return f"TensorRT {self.tensorrt} on {self.gpu} ({self.sm})"


def import_tensorrt() -> Any:
    """The package ``tensorrt``.

    Raises:
        MissingExtra: it is not installed.
        UserError: it is, but its libraries cannot be loaded.
    """
    try:
        import tensorrt
    except ModuleNotFoundError as error:
        raise MissingExtra("tensorrt", "tensorrt", "The TensorRT engine") from error
    except ImportError as error:
        raise UserError(
            f"TensorRT's libraries cannot be loaded ({error}): install those of the same version as the Python "
            "package; on a Jetson both come with JetPack."
        ) from error
    return tensorrt


def at_least(trt: Any, major: int) -> bool:
    """Is the package of this major version or a newer one? Names that a version lacks stand behind it."""
    return int(trt.__version__.split(".")[0]) >= major


def parse_device(device: str) -> tuple[int, int | None]:
    """Ordinal of the CUDA device and, for 'dla:1', the DLA core (cores belong to cuda:0).

    Raises:
        UserError: neither 'cuda:N' nor 'dla:N'.
    """
    found = DEVICE.fullmatch(device)
    if not found:
        raise UserError(f"TensorRT has no device '{device}': name cuda:0, or dla:0 for a Jetson's deep learning core.")
    number = int(found["number"])
    return (0, number) if found["kind"] == "dla" else (number, None)


class Messages:
    """What TensorRT's log said, apart by weight.

    Attributes:
        warnings, errors: in order, each once.
    """

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.errors: list[str] = []

    def logger(self, trt: Any) -> Any:
        """A trt.ILogger that writes here."""
        messages = self

        class Log(trt.ILogger):  # type: ignore[misc]
            def __init__(self) -> None:
                trt.ILogger.__init__(self)

            def log(self, severity: Any, message: str) -> None:
                messages.add(trt, severity, message)

        return Log()

    def add(self, trt: Any, severity: Any, message: str) -> None:
        """Keep a message that matters."""
        if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
            kept = self.errors
        elif severity == trt.ILogger.WARNING:
            kept = self.warnings
        else:
            return
        if message not in kept:
            kept.append(message)

    def why(self) -> str:
        """The first error, which the others follow from; for the end of a sentence."""
        return self.errors[0].strip().rstrip(".") if self.errors else "its log says nothing"

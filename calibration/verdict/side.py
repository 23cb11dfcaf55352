"""An engine of a bundle with all that it is judged by."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.bundle import Bundle, EngineManifest
from runtime.engines import load_engine
from runtime.engines.base import Engine
from runtime.errors import UserError
from runtime.settings import Thresholds


@dataclass(frozen=True)
class Side:
    """A loaded engine, its manifest, and the thresholds that were set for it."""

    engine: Engine
    manifest: EngineManifest
    thresholds: Thresholds

    @classmethod
    def load(cls, bundle: Bundle, engine: str, precision: str, device: str) -> Side:
        """Load an engine of the bundle.

        Raises:
            UserError: there is no such engine, it cannot be loaded here, or it has no thresholds above 0.
        """
        _, manifest = bundle.engine(engine, precision, device)
        key = f"{engine}-{precision}"
        found = bundle.settings().thresholds.get(key)
        if found is None or min(found.open.values()) <= 0:
            raise UserError(
                f"Bundle '{bundle.path}' has no thresholds above 0 for {key}: set them with 'python -m calibration "
                f"threshold --bundle {bundle.path} --engine {engine} --precision {precision} --device {device} "
                "--rolls ...' on normal cloth."
            )
        return cls(load_engine(bundle, engine, precision, device), manifest, found)

    @property
    def key(self) -> str:
        """<engine>-<precision>."""
        return f"{self.manifest.engine}-{self.manifest.precision}"

    @property
    def opening(self) -> float:
        """The lowest threshold at which a defect opens."""
        return min(self.thresholds.open.values())

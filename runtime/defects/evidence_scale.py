"""What the evidence of lines is worth in units of the map; part of a bundle's settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from runtime.types import Float32


class LineScale(BaseModel):
    """From evidence to the map value that is as rare on normal cloth, as calibration/evidence.py finds it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    usual: float = Field(
        ge=0, description="evidence that normal cloth usually has somewhere in a block; less is not told"
    )
    map_usual: float = Field(description="highest map value that it usually has there")
    strong: float = Field(description="map value that is a defect by itself, and no part of a faint line")
    gain: float = Field(gt=0, description="map values a unit of evidence")

    def map_value(self, evidence: Float32) -> Float32:
        """The map values that are as rare as the evidence; float32 of any shape."""
        values: Float32 = self.map_usual + self.gain * (evidence - self.usual)
        return values

"""What a bundle is, where it came from, what it may be used for and what it measured.

python -m runtime.show bundles/denim
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runtime.bundle import Bundle
from runtime.command import parser, run


def describe(bundle: Bundle) -> str:
    """The bundle in words."""
    recipe, settings = bundle.recipe, bundle.settings()
    g = recipe.geometry
    lines = [
        f"{recipe.name}: bundle {bundle.id}, written {bundle.index.created}",
        f"  model     {recipe.model} on teacher {recipe.teacher}",
        f"  looks at  {recipe.mm_per_px:g} mm per px, {recipe.channels} channel{'s' * (recipe.channels > 1)}, tiles of "
        f"{g.tile} px less {g.margin} px margin, a map value every {g.map_stride} px",
        f"  made from {inline(recipe.trained)}",
        f"  use       {recipe.intended_use}",
        f"  licence   {recipe.licence}",
        f"  settings  revision {settings.revision}: {inline(settings.policy.model_dump())}",
    ]
    for form in bundle.forms():
        lines.append(f"  form      {form.form}: {inline(form.versions)}")
        lines.append(f"            made {inline(form.made)}")
    for manifest in bundle.engines():
        lines.append(
            f"  engine    {manifest.engine} {manifest.precision} {manifest.device}: {inline(manifest.versions)}"
        )
        lines.append(f"            parity {inline(manifest.parity)}")
    for key, found in settings.thresholds.items():
        opening = ", ".join(f"{kind.value} {value:.4f}" for kind, value in found.open.items())
        lines.append(f"  opens at  {opening}; keeps at {found.keep:.4f} ({key})")
        lines.append(f"            from {inline(found.calibrated)}")
    for key, tuned in settings.tuning.items():
        lines.append(f"  tuned     {tuned.streams} streams, {tuned.requests} requests on {tuned.cores} cores ({key})")
    if not settings.thresholds:
        lines.append("  opens at  no thresholds yet: python -m calibration threshold")
    return "\n".join(lines)


def inline(values: dict[str, Any]) -> str:
    """A nested mapping on one line."""
    parts = []
    for key, value in values.items():
        if isinstance(value, dict):
            parts.append(f"{key} ({inline(value)})")
        elif isinstance(value, list):
            parts.append(f"{key} {', '.join(map(str, value))}")
        else:
            parts.append(f"{key} {value:.6g}" if isinstance(value, float) else f"{key} {value}")
    return "; ".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    made = parser("runtime.show", __doc__)
    made.add_argument("bundle", type=Path, metavar="DIR")
    print(describe(Bundle(made.parse_args(arguments).bundle)))
    return 0


if __name__ == "__main__":
    run(main)

"""Learn what good cloth looks like from normal rolls.

    python -m train --rolls good-roll/ --out trained/denim

The checkpoint with the lowest loss on held-out normals (the last eighth of each roll) is kept; defects are
never used.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from runtime.command import parser, run
from runtime.errors import MissingExtra, UserError


def _options(arguments: list[str] | None) -> argparse.Namespace:
    p = parser("train", __doc__)
    p.add_argument(
        "--rolls", nargs="+", required=True, metavar="ROLL", help="folder, image, .txt list of images, or sim: URI"
    )
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for checkpoint, recipe and metrics")
    p.add_argument("--model", default="rd4ad", help="name of the model (default %(default)s)")
    p.add_argument("--teacher", default="efficientnet_lite2", help="frozen encoder (default %(default)s)")
    p.add_argument("--width", type=int, default=64, help="trunk channels of the student (default %(default)s)")
    p.add_argument("--loss", default="flattened", choices=("flattened", "position"), help="(default %(default)s)")
    p.add_argument("--steps", type=int, default=800, help="(default %(default)s)")
    p.add_argument("--batch", type=int, default=8, help="tiles a step (default %(default)s)")
    p.add_argument("--lr", type=float, default=1e-2, help="highest learning rate (default %(default)s)")
    p.add_argument("--seed", type=int, default=0, help="(default %(default)s)")
    p.add_argument("--tile", type=int, default=256, help="side of a tile, px (default %(default)s)")
    p.add_argument("--mm-per-px", type=float, default=0.2, help="pixel size of the rolls (default %(default)s)")
    p.add_argument("--sim-lines", type=int, default=20000, help="lines of each sim: roll (default %(default)s)")
    p.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    p.add_argument("--resume", action="store_true", help="continue the training in --out")
    options = p.parse_args(arguments)
    for name in ("width", "steps", "batch", "lr", "mm_per_px", "sim_lines"):
        if not getattr(options, name) > 0:
            raise UserError(f"--{name.replace('_', '-')} must be above 0, got {getattr(options, name)}.")
    return options


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    asked = _options(arguments)
    try:
        from train.loop import Options, train
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "tqdm"):
            raise
        raise MissingExtra(error.name, "train", "Training") from error
    options = Options(**{**vars(asked), "rolls": tuple(asked.rolls)})
    print(f"Training {options.model} on {options.teacher} with {', '.join(options.rolls)}", flush=True)
    recipe = train(options)
    chosen = recipe.chosen
    print(
        f"Trained: {recipe.rolls.lines} lines, held-out loss {chosen.held_out_loss:.4f} at step {chosen.step} "
        f"of {recipe.learning.steps}. Next: python -m export bundle --checkpoint {options.out} --out BUNDLE"
    )
    return 0


if __name__ == "__main__":
    run(main)

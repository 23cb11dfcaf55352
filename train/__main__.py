"""``python -m train``: learn what good cloth looks like from normal rolls."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runtime.errors import MissingExtra, UserError


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m train",
        description="Train an anomaly model on normal cloth. The checkpoint with the lowest loss on held-out "
        "normals (the last eighth of each roll) is kept; defects are never used.",
    )
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
    return p


def main(argv: list[str] | None = None) -> int:
    """Run; 0 when trained, 2 when the input cannot be used."""
    arguments = parser().parse_args(argv)
    try:
        for name in ("width", "steps", "batch", "lr", "mm_per_px", "sim_lines"):
            if not getattr(arguments, name) > 0:
                raise UserError(f"--{name.replace('_', '-')} must be above 0, got {getattr(arguments, name)}.")
        try:
            from train.loop import Options, train
        except ModuleNotFoundError as error:
            if error.name not in ("torch", "tqdm"):
                raise
            raise MissingExtra(error.name, "train", "Training") from error
        options = Options(**{**vars(arguments), "rolls": tuple(arguments.rolls)})
        print(f"Training {options.model} on {options.teacher} with {', '.join(options.rolls)}", flush=True)
        recipe = train(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    chosen = recipe.chosen
    print(
        f"Trained: {recipe.rolls.lines} lines, held-out loss {chosen.held_out_loss:.4f} at step {chosen.step} "
        f"of {recipe.learning.steps}. Next: python -m export bundle --checkpoint {options.out} --out BUNDLE"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

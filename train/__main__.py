"""Learn what good cloth looks like from normal rolls.

    python -m train --model rd4ad --rolls good-roll/ --out trained/denim
    torchrun --nproc-per-node 2 -m train --device cuda --batch 16 --rolls good-roll/ --out trained/denim

The checkpoint with the lowest loss on held-out normals (the last eighth of each roll) is kept. Defects are never
used, unless a model that can learn from them is given some with --labels. The settings of each model:
"""

from __future__ import annotations

import argparse
from pathlib import Path

from runtime.command import parser, run
from runtime.errors import MissingExtra, UserError
from train.options import SCALES, Options


def _options(arguments: list[str] | None) -> argparse.Namespace:
    p = parser("train", f"{__doc__}{_settings()}")
    p.add_argument(
        "--rolls", nargs="+", required=True, metavar="ROLL", help="folder, image, .txt list of images, or sim: URI"
    )
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for checkpoint, recipe and metrics")
    p.add_argument("--model", default="rd4ad", help="name of the model (default %(default)s)")
    p.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of the model, as listed below")
    p.add_argument("--teacher", default="efficientnet_lite2", help="frozen encoder (default %(default)s)")
    p.add_argument(
        "--weights", metavar="FILE", help="weight file of the teacher, or seeded:N for random ones (default: released)"
    )
    p.add_argument("--labels", metavar="DIR", help="defects: x.png with x.mask.png, for a model that learns from them")
    p.add_argument("--steps", type=int, help="(default: the model's)")
    p.add_argument("--batch", type=int, default=8, help="tiles a step (default %(default)s)")
    p.add_argument("--lr", type=float, help="highest learning rate (default: the model's)")
    p.add_argument(
        "--keep",
        default="best",
        choices=("best", "last", "ema"),
        help="weights of the lowest held-out loss, the last ones, or their moving average (default %(default)s)",
    )
    p.add_argument("--seed", type=int, default=0, help="(default %(default)s)")
    p.add_argument("--tile", type=int, default=256, help="side of a tile, px (default %(default)s)")
    p.add_argument(
        "--scale",
        type=float,
        default=1.0,
        choices=SCALES,
        help="0.5 shows the net the tiles at half their size, for a quarter of the work (default 1)",
    )
    p.add_argument("--mm-per-px", type=float, default=0.2, help="pixel size of the rolls (default %(default)s)")
    p.add_argument("--sim-lines", type=int, default=20000, help="lines of each sim: roll (default %(default)s)")
    p.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    p.add_argument(
        "--amp",
        default="auto",
        choices=("auto", "on", "off"),
        help="convolutions in bfloat16; auto: where the device computes it natively (default %(default)s)",
    )
    p.add_argument("--resume", action="store_true", help="continue the training in --out")
    options = p.parse_args(arguments)
    for name in ("steps", "batch", "lr", "mm_per_px", "sim_lines"):
        if getattr(options, name) is not None and not getattr(options, name) > 0:
            raise UserError(f"--{name.replace('_', '-')} must be above 0, got {getattr(options, name)}.")
    options.settings = dict(_pair(text) for text in vars(options).pop("set"))
    return options


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise UserError(f"--set {text}: write NAME=VALUE.")
    return name, value


def _settings() -> str:
    """All models' settings in words; a pointer to the extra, where torch is not installed."""
    try:
        from train.models import MODELS, settings_help
    except ImportError:
        return "  (install the extra 'train' to see them)"
    lines = []
    for name, model in MODELS.items():
        lines.append(f"  {name}")
        lines += [f"    {entry}={default}  {said}" for entry, default, said in settings_help(model)]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    asked = _options(arguments)
    try:
        from train.loop import train
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

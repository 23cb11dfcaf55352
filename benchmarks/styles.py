"""A style of cloth made as a user makes one: trained, exported and given thresholds by the three commands.

Each command is a process of its own: its seconds and its memory are its own, and what is measured is what a user
gets. What a work folder holds complete is not made again; a training that was cut off goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.aitex import Strip
from benchmarks.painted import painted_strips
from benchmarks.pictures import is_grey, read_picture
from benchmarks.replay import roll_of
from runtime.bundle import Bundle, engine_name
from runtime.errors import UserError


@dataclass(frozen=True)
class Study:
    """What is asked of training, export and engine; the same for every fabric.

    Attributes:
        training, export: further arguments of ``python -m train`` and ``python -m export bundle``.
        lines: faint lines are sought.
        promised: false events per 100 m of normal cloth that thresholds promise; None: they are a quantile's.
        supervised: defects painted into the training strips are given to training, as labels.
        engine, precision, device: whose thresholds are set.
    """

    model: str
    teacher: str
    seed: int
    training: tuple[str, ...] = ()
    export: tuple[str, ...] = ()
    supervised: bool = False
    lines: bool = True
    promised: float | None = None
    engine: str = "openvino"
    precision: str = "fp32"
    device: str = "CPU"

    @property
    def key(self) -> str:
        return f"{self.engine}-{self.precision}"

    @property
    def settings(self) -> str:
        """The further arguments in words; empty where there are none."""
        supervised = ["--supervised"] if self.supervised else []
        return " ".join((*self.training, *self.export, *supervised, *self.threshold))

    @property
    def threshold(self) -> tuple[str, ...]:
        """Further arguments of ``python -m calibration threshold``."""
        return (*given({"--false-alarms-per-100m": self.promised}), *(() if self.lines else ("--no-lines",)))

    @property
    def on_engine(self) -> tuple[str, ...]:
        """Arguments that name the engine."""
        return ("--engine", self.engine, "--precision", self.precision, "--device", self.device)

    def folder(self, fabric: str) -> Path:
        """Where, inside a work folder, a fabric's training and its bundles lie."""
        model = f"{self.model}-supervised" if self.supervised else self.model
        return Path(_named(f"{model}-{self.teacher}", self.training)) / f"{fabric}-seed{self.seed}"

    @property
    def bundle(self) -> str:
        """Name of the bundle there: one training serves bundles of different export arguments."""
        return _named("bundle", (*self.export, *self.threshold))


def _named(name: str, arguments: Sequence[str]) -> str:
    """A folder's name, with a hash where there are arguments."""
    return f"{name}-{hashlib.sha256(' '.join(arguments).encode()).hexdigest()[:8]}" if arguments else name


def given(flags: Mapping[str, object]) -> tuple[str, ...]:
    """Flags of a command line and their values, but for those that are None."""
    return tuple(part for flag, value in flags.items() if value is not None for part in (flag, str(value)))


@dataclass(frozen=True)
class Style:
    """A bundle with thresholds, and what its training took.

    Attributes:
        training: seconds, peak memory in MB, and whether the seconds are only those of a resumed rest.
    """

    bundle: Bundle
    training: dict[str, Any]


def make_style(study: Study, strips: Sequence[Strip], place: Path) -> Style:
    """Train on the strips' ``train`` split, export, and set thresholds on their ``calibration`` split.

    An engine that export does not make at once is built; the ranges of INT8 are those of the ``train`` split.

    Args:
        strips: of one fabric. place: the fabric's folder, which may hold some of it already.

    Raises:
        UserError: a command failed, or the folder was made from other strips.
    """
    place.mkdir(parents=True, exist_ok=True)
    use = {split: [strip.path for strip in strips if strip.split == split] for split in ("train", "calibration")}
    _check_same(place, {split: [str(path) for path in paths] for split, paths in use.items()})
    channels = colours(use["train"][0])
    rolls = {split: roll_of(paths, place / f"{split}.txt", channels) for split, paths in use.items()}
    cloth = [rolls["train"]]
    if study.supervised:
        painted_strips([strip for strip in strips if strip.split == "train"], place / "labels")
        cloth += ["--labels", str(place / "labels")]
    bundle, training = train_and_export(study, cloth, place, strips[0].fabric)
    make_engine(study, bundle, [rolls["train"]], place)
    set_thresholds(study, bundle, [rolls["calibration"]], place)
    return Style(Bundle(bundle), training)


def train_and_export(study: Study, cloth: Sequence[str], place: Path, name: str) -> tuple[Path, dict[str, Any]]:
    """Train and export into a folder, but for what it holds complete.

    Args:
        cloth: what follows ``--rolls``. name: of the style, for people.

    Returns:
        The bundle's folder, and what the training took.

    Raises:
        UserError: a command failed.
    """
    training, bundle = _train(study, cloth, place), place / study.bundle
    if not list(bundle.glob("engines/*/manifest.yaml")):
        shutil.rmtree(bundle, ignore_errors=True)  # a graph whose engine was never made
        arguments = ["export", "bundle", "--checkpoint", str(place / "trained"), "--out", str(bundle)]
        run_step([*arguments, "--name", name, *study.export], place)
    return bundle, training


def make_engine(study: Study, bundle: Path, cloth: Sequence[str], place: Path) -> None:
    """Build the study's engine where export did not make it at once.

    Args:
        cloth: what follows ``--rolls``, for the ranges of INT8.

    Raises:
        UserError: a command failed.
    """
    if (bundle / "engines" / engine_name(study.engine, study.precision, study.device)).is_dir():
        return
    if study.precision == "int8" and not Bundle(bundle).forms():
        run_step(["calibration", "int8", "--bundle", str(bundle), "--rolls", *cloth], place)
    run_step(["export", "engine", "--bundle", str(bundle), *study.on_engine], place)


def set_thresholds(study: Study, bundle: Path, cloth: Sequence[str], place: Path) -> None:
    """Set the thresholds of the study's engine where there are none.

    Args:
        cloth: what follows ``--rolls``.

    Raises:
        UserError: the command failed.
    """
    if study.key not in Bundle(bundle).settings().thresholds:
        arguments = ["calibration", "threshold", "--bundle", str(bundle), "--rolls", *cloth]
        run_step([*arguments, *study.on_engine, *study.threshold], place)


def _check_same(place: Path, use: dict[str, list[str]]) -> None:
    """Remember what a folder is made from, and refuse another."""
    path, text = place / "strips.json", json.dumps(use, indent=1)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise UserError(f"'{place}' was made from other strips: name another --work, or remove it.")
    path.write_text(text, encoding="utf-8")


def colours(path: Path) -> int:
    """1 for an image whose colours are all the same grey, else 3.

    Raises:
        UserError: it cannot be read.
    """
    return 1 if is_grey(read_picture(path, 3)) else 3


def _train(study: Study, cloth: Sequence[str], place: Path) -> dict[str, Any]:
    trained, taken = place / "trained", place / "training.json"
    if not (trained / "recipe.yaml").exists():
        resumed = (trained / "state.pt").exists()
        arguments = ["train", "--model", study.model, "--teacher", study.teacher, "--rolls", *cloth]
        arguments += ["--out", str(trained), "--seed", str(study.seed), *study.training]
        step = run_step([*arguments, "--resume"] if resumed else arguments, place)
        taken.write_text(json.dumps({**step, "resumed": resumed}), encoding="utf-8")
    return json.loads(taken.read_text(encoding="utf-8")) if taken.exists() else {}


def run_step(arguments: Sequence[str], place: Path) -> dict[str, Any]:
    """Run one of the project's commands, its output added to the folder's log.txt.

    Args:
        arguments: those of ``python -m``.

    Returns:
        ``seconds`` and ``peak_mb``, the most memory that its process held at once.

    Raises:
        UserError: it failed; with the last line that it printed.
    """
    log, started = place / "log.txt", time.monotonic()
    with log.open("ab") as file:
        process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=file, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it printed nothing"]
        raise UserError(f"'python -m {arguments[0]}' failed in '{place}': {said[-1].removeprefix('error: ')}")
    return {"seconds": time.monotonic() - started, "peak_mb": used.ru_maxrss * 1024 / 1e6}

"""metrics.csv and its plot: one row a step, the held-out loss where it was taken."""

from __future__ import annotations

import csv
from pathlib import Path

from runtime.errors import MissingExtra

COLUMNS = ("step", "loss", "held_out", "lr", "steps_per_s", "watched")


class Metrics:
    """Appends rows to a file; rows after ``last_step`` are those of a run that was cut off, and go."""

    def __init__(self, path: Path, last_step: int) -> None:
        kept = [row for row in read_metrics(path) if int(row["step"]) <= last_step]
        self._file = path.open("w", newline="", buffering=1)
        self._writer = csv.DictWriter(self._file, COLUMNS)
        self._writer.writeheader()
        self._writer.writerows(kept)

    def add(
        self, step: int, loss: float, held_out: float | None, lr: float, steps_per_s: float, watched: dict[str, float]
    ) -> None:
        """One step's row; ``held_out`` None where it was not taken, ``watched`` what the model then says of itself."""
        taken = "" if held_out is None else f"{held_out:.6g}"
        said = " ".join(f"{name}={value:.4g}" for name, value in watched.items())
        values = (step, f"{loss:.6g}", taken, f"{lr:.4g}", f"{steps_per_s:.3g}", said)
        self._writer.writerow(dict(zip(COLUMNS, values, strict=True)))

    def close(self) -> None:
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv, none if there is no such file."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def plot(csv_path: Path, png_path: Path) -> None:
    """Draw losses and learning rate over steps.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("matplotlib", "train", "Plotting the training") from error
    rows = read_metrics(csv_path)
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([int(r["step"]) for r in rows], [float(r["loss"]) for r in rows], lw=0.7, label="training")
    held = [r for r in rows if r["held_out"]]
    axes.plot([int(r["step"]) for r in held], [float(r["held_out"]) for r in held], "o-", label="held out")
    axes.set(xlabel="step", ylabel="loss", yscale="log" if rows else "linear")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(png_path, dpi=120)

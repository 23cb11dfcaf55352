"""Dark and white references: averaged from many lines, and looked at before they are believed.

What may be wrong is a fault in one sentence each. Limits are parts of full scale or of the local level, and
stand beside what they are measured against.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.preprocess.flatfield import FlatField, Origin
from runtime.types import Bool, Float32, Pixels

DARK_MOST = 0.15
"""Of full scale: a covered lens gives less, even at high gain."""
WHITE_LEAST = 0.3
"""Of full scale, above dark: below it, noise becomes texture once it is amplified."""
SATURATED_MOST = 0.001
"""Of the lines of a column."""
FALLOFF_LEAST = 0.3
"""The darkest part of the width as a part of the brightest: cos^4 of a wide lens and a lamp's ends give 0.5 to 0.75."""
TEXTURE_MOST = 0.03
"""Of the level. Shot noise of a full well of 20,000 electrons is 0.01, and columns differ by 0.01; cloth is more."""
FLICKER_MOST = 0.02
HOT, DEAD = 0.1, 0.5
"""Above its neighbours in the dark, of full scale; away from their response in the light, as a part of it."""
NEIGHBOURS_PX = 31
BAD_MOST, BAD_RUN_MOST = 0.01, 4
"""Of all columns; side by side: more is dirt or a covered place, not the sensor."""


def full_scale(bits: int) -> float:
    """The highest value of a pixel."""
    return float(2**bits - 1)


class LineStatistics:
    """What is kept of captured lines: levels of each column, and how they move from line to line."""

    def __init__(self, bits: int) -> None:
        self.lines = 0
        self.full = full_scale(bits)
        self._sum: NDArray[np.float64] | float = 0.0
        self._saturated: NDArray[np.float64] | float = 0.0
        self._texture: NDArray[np.float64] | float = 0.0
        self._flicker = 0.0

    def add(self, pixels: Pixels) -> None:
        """Take in lines, [rows, width, channels]; every block of the same width and channels."""
        values = pixels.astype(np.float32)
        own = values - values.mean(axis=0)
        together = own.mean(axis=(1, 2))
        self.lines += len(values)
        self._sum = self._sum + values.sum(axis=0, dtype=np.float64)
        self._saturated = self._saturated + (values >= self.full).sum(axis=0)
        self._texture = self._texture + ((own - together[:, None, None]) ** 2).sum(axis=0, dtype=np.float64)
        self._flicker += float((together**2).sum())

    @property
    def level(self) -> Float32:
        """Mean of each column, float32 [width, channels]."""
        return np.asarray(self._sum / self.lines, np.float32)

    @property
    def saturated(self) -> Float32:
        """Share of the lines in which a column is at full scale, float32 [width, channels]."""
        return np.asarray(self._saturated / self.lines, np.float32)

    @property
    def texture(self) -> Float32:
        """Standard deviation of a column along the lines, without what all columns share; float32 [width, channels]."""
        return np.asarray(np.sqrt(self._texture / self.lines), np.float32)

    @property
    def flicker(self) -> float:
        """Standard deviation of the lines' means."""
        return float(np.sqrt(self._flicker / self.lines))


@dataclass(frozen=True)
class DarkReference:
    """Levels with the lens covered.

    Attributes:
        level: float32 [width, channels], in units of the camera's pixels.
    """

    level: Float32
    origin: Origin

    @property
    def hot(self) -> tuple[int, ...]:
        """Columns that glow in the dark."""
        return _columns(self.level - neighbours(self.level) > HOT * full_scale(self.origin.bits))

    @classmethod
    def of(cls, seen: LineStatistics, origin: Origin) -> DarkReference:
        """The reference in captured lines.

        Raises:
            UserError: what is wrong with it, every fault in one sentence.
        """
        reference, level = cls(seen.level, origin), seen.level
        faults = _too_many(reference.hot, len(level), "glow in the dark: let the camera cool down, lower its gain")
        if np.median(level) > DARK_MOST * seen.full:
            faults.append(
                f"the lines are not dark, {np.median(level) / seen.full:.0%} of full scale: cover the lens, or lower "
                "the camera's black level"
            )
        _refuse("dark", faults)
        return reference

    def save(self, path: Path) -> None:
        """Write it as an .npz file, which takes the white reference later."""
        with path.open("wb") as file:
            np.savez(file, dark=self.level, origin=json.dumps(asdict(self.origin)))

    @classmethod
    def load(cls, path: Path) -> DarkReference:
        """Read it.

        Raises:
            UserError: there is none.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(stored["dark"], Origin(**json.loads(str(stored["origin"]))))
        except (OSError, EOFError, BadZipFile, KeyError, TypeError, AttributeError, ValueError) as error:
            raise UserError(
                f"'{path}' holds no dark reference to go with the white one ({error}): cover the lens and capture "
                "--dark first."
            ) from error


def white_field(seen: LineStatistics, dark: DarkReference, origin: Origin) -> FlatField:
    """The flat field from captured lines of a plain white target and the dark reference.

    Raises:
        UserError: what is wrong with the lines, every fault in one sentence.
    """
    if dark.level.shape != seen.level.shape:
        raise UserError(
            f"The dark reference is for lines of {dark.level.shape[0]} px x {dark.level.shape[1]}, these have "
            f"{seen.level.shape[0]} x {seen.level.shape[1]}: capture --dark again."
        )
    response = seen.level - dark.level
    local = np.maximum(neighbours(response), 1e-3)
    dead = _columns(np.abs(response / local - 1) > DEAD)
    bad = tuple(sorted({*dark.hot, *dead}))
    good = np.setdiff1d(np.arange(len(response)), bad)
    _refuse(
        "white", [*_too_many(bad, len(response), "are dead or hot: clean lens and target"), *_faults(seen, local, good)]
    )
    return FlatField.between(dark.level, seen.level, bad=bad, origin=origin)


def neighbours(level: Float32) -> Float32:
    """Median of the columns around each, float32 [width, channels] in and out."""
    size = min(NEIGHBOURS_PX, 2 * ((len(level) - 1) // 2) + 1)
    padded = np.pad(level, ((size // 2, size // 2), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=0)
    return np.median(windows, axis=-1).astype(np.float32)


def _faults(seen: LineStatistics, local: Float32, good: NDArray[np.int64]) -> list[str]:
    """Of a white reference; ``local`` is the response of each column's neighbours above dark."""
    faults = []
    over = good[(seen.saturated[good] > SATURATED_MOST).any(axis=1)]
    if len(over):
        faults.append(
            f"{len(over)} columns are saturated, the first is {over[0]}: shorten the exposure or lower the gain"
        )
    level = float(np.median(local))
    if level < WHITE_LEAST * seen.full:
        faults.append(
            f"white is {level / seen.full:.0%} of full scale above dark, less than {WHITE_LEAST:.0%}: lengthen the "
            "exposure, raise the gain or bring more light"
        )
    profile = local.mean(axis=1)
    if profile.min() < FALLOFF_LEAST * profile.max():
        faults.append(
            f"the light falls off to {profile.min() / profile.max():.0%} at column {int(profile.argmin())}: move the "
            "lamp or the camera, or leave these columns out"
        )
    if seen.flicker > FLICKER_MOST * level:
        faults.append(
            f"the light flickers by {seen.flicker / level:.1%} from line to line: feed the lamp with direct current"
        )
    along, across = _texture(seen, local, good)
    if max(along, across) > TEXTURE_MOST:
        faults.append(
            f"there is texture in the light, {along:.1%} along the lines and {across:.1%} across them: take the cloth "
            "away, and use a plain white target, out of focus or moving"
        )
    return faults


def _texture(seen: LineStatistics, local: Float32, good: NDArray[np.int64]) -> tuple[float, float]:
    """Along and across, as parts of the level; medians, so that single columns do not count."""
    along = float(np.median(seen.texture[good] / local[good]))
    step = np.abs(np.diff(seen.level[good], 2, axis=0)) / 2 / local[good][1:-1]
    return along, float(np.median(step)) if len(step) else 0.0


def _columns(mask: Bool) -> tuple[int, ...]:
    """Columns in which any channel is marked."""
    return tuple(np.flatnonzero(mask.any(axis=1)).tolist())


def _too_many(bad: tuple[int, ...], width: int, what: str) -> list[str]:
    """A fault where bad columns are too many, or too many side by side, to be drawn from their neighbours."""
    runs = np.split(np.array(bad, np.int64), np.flatnonzero(np.diff(bad) > 1) + 1)
    longest = max(runs, key=len)
    if len(bad) <= max(BAD_MOST * width, 1) and len(longest) <= BAD_RUN_MOST:
        return []
    return [f"{len(bad)} columns, up to {len(longest)} side by side from column {longest[0]}, {what}"]


def _refuse(which: str, faults: list[str]) -> None:
    if faults:
        raise UserError(f"The {which} reference is not stored: {'; '.join(faults)}.")

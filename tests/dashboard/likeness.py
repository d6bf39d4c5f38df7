"""Whether two pictures look alike, and pictures kept as small files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.int16]

_COLOURS = 255  # of a kept picture, at most
_COMMON = 5e-4  # of all pixels: what has at least so many is kept as it is
_STEP = 24  # of 255: of the others, those nearer to each other than that are kept as one
_NEAR = 36  # of 255: what fewer colours and another rounding of an edge make of a pixel
_MOST = 1e-4  # of all pixels may be unlike: fewer than a short word has


class Difference(NamedTuple):
    """What of two pictures is unlike; `where` shows it in red, None where their sizes differ."""

    pixels: int
    share: float
    where: Image.Image | None

    @property
    def alike(self) -> bool:
        """Whether it is no more than what machines do to the same picture."""
        return self.where is not None and self.share <= _MOST


def opened(png: bytes) -> Image.Image:
    """The picture of a file's content."""
    return Image.open(io.BytesIO(png)).convert("RGB")


def keep(picture: Image.Image, path: Path) -> None:
    """Write a picture with few colours, so that it is small."""
    pixels = np.asarray(picture).reshape(-1, 3)
    colours, which, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    palette = _palette(colours.astype(np.int16), counts)
    nearest = np.array([_distances(palette, one).argmin() for one in colours], dtype=np.uint8)
    few = Image.fromarray(nearest[which.reshape(picture.height, picture.width)])
    few.putpalette(palette.astype(np.uint8).tobytes())
    path.parent.mkdir(exist_ok=True)
    few.save(path, optimize=True)


def _palette(colours: Pixels, counts: NDArray[np.intp]) -> Pixels:
    """The common colours, and of the others the commonest that are far enough from each other."""
    order = np.argsort(-counts, kind="stable")
    common = int((counts >= _COMMON * counts.sum()).sum())
    chosen = colours[order[: min(common, _COLOURS)]]
    left = colours[order[common:]]
    for one in chosen:
        left = left[_distances(left, one) > _STEP]
    while len(left) and len(chosen) < _COLOURS:
        chosen = np.vstack((chosen, left[:1]))
        left = left[_distances(left, left[0]) > _STEP]
    return chosen


def _distances(colours: Pixels, one: Pixels) -> NDArray[np.int16]:
    return np.abs(colours - one.astype(np.int16)).max(axis=1)


def compare(one: Image.Image, other: Image.Image) -> Difference:
    """Compare: a pixel is like the other picture if it is within what stands there or beside it.

    So lines may be smoothed otherwise, or lie half a pixel further on; nothing may be missing, be
    of another colour, or stand elsewhere.
    """
    if one.size != other.size:
        return Difference(one.width * one.height, 1.0, None)
    first, second = _pixels(one), _pixels(other)
    unlike = _outside(first, second) | _outside(second, first)
    count = int(unlike.sum())
    shown = np.asarray(one.convert("L").convert("RGB")).copy()
    shown[unlike] = (255, 0, 0)
    return Difference(count, count / unlike.size, Image.fromarray(shown))


def _pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture, dtype=np.int16)


def _outside(one: Pixels, other: Pixels) -> NDArray[np.bool_]:
    """Where a picture isn't within the range of the other's pixel and its eight neighbours."""
    least, most = other, other
    for axis in (0, 1):
        least = np.minimum.reduce(_beside(least, axis))
        most = np.maximum.reduce(_beside(most, axis))
    return ((one < least - _NEAR) | (one > most + _NEAR)).any(axis=2)


def _beside(pixels: Pixels, axis: int) -> list[Pixels]:
    """A picture, and the same moved by a pixel to both sides."""
    wide = np.pad(pixels, [(1, 1) if one == axis else (0, 0) for one in range(3)], mode="edge")
    count = pixels.shape[axis]
    return [np.take(wide, range(begin, begin + count), axis=axis) for begin in range(3)]

"""Steps of preparation between a file and its problem."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..preparation import Images, Step, Tools, apply_steps
from ..tomography import TiltSeries
from .reading import read_array
from .text import TABLE_SUFFIXES, read_rows

Tick = Callable[[float], None]


def read_beside(path: str) -> NDArray:
    """What a step's own file holds: rows of numbers, if it is text, else an array such as dark frames.

    Raises
    ------
    InputError
        The file is missing, damaged or of another kind.
    """
    return read_rows(path) if str(path).lower().endswith(TABLE_SUFFIXES) else read_array(path)


def prepared_series(series: TiltSeries, steps: Sequence[Step], tick: Tick) -> tuple[TiltSeries, tuple[str, ...]]:
    """A tilt series after some steps, with its support, and what the steps found.

    Raises
    ------
    InputError
        If a step cannot be applied.
    """
    images = apply_steps(Images.of(series), steps, Tools(read_beside, tick))
    done = images.tilt_series(series.source)
    return (done if series.support is None else done.copy_with(support=series.support)), images.remarks


def prepared_pattern(
    values: ArrayLike,
    valid: ArrayLike | None,
    steps: Sequence[Step],
    tick: Tick,
    *,
    intensities: bool,
    pixel_size: float | None,
) -> Images:
    """The intensities of a pattern after some steps; where noise left less than zero they are zero.

    Raises
    ------
    InputError
        If a step cannot be applied.
    """
    values = np.asarray(values)
    if not intensities:
        values = np.square(values, dtype=np.float32)
    images = Images(values=values, valid=valid, family="phase", pixel_size=pixel_size)
    images = apply_steps(images, steps, Tools(read_beside, tick))
    return images.copy_with(values=np.maximum(images.values, 0))

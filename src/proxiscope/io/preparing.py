"""Steps of preparation between a file and its problem."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..preparation import Images, Step, Tools, apply_steps
from ..tomography import TiltSeries
from .formats import open_source
from .lazy import in_memory
from .text import TABLE_SUFFIXES, read_rows

Tick = Callable[[float], None]


def read_beside(path: str) -> NDArray[Any]:
    """What a step's own file holds: rows of numbers, if it is text, else an array such as dark frames.

    Pixels that the file itself masks are NaN.

    Raises
    ------
    InputError
        The file is missing, damaged or of another kind.
    """
    if str(path).lower().endswith(TABLE_SUFFIXES):
        return read_rows(path)
    opened = open_source(path, None)
    array, valid = in_memory(opened.found.data, opened.path), opened.found.declared.valid
    if valid is None or array.dtype.kind not in "biuf" or valid.shape not in (array.shape, array.shape[1:]):
        return array
    return np.where(valid, array, np.float32(np.nan))


def prepared_series(
    series: TiltSeries, steps: Sequence[Step], tick: Tick = lambda fraction: None
) -> tuple[TiltSeries, tuple[str, ...]]:
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

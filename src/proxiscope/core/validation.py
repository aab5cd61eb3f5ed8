"""Checks that the problems share; each failure names the field, what was found, and the remedy."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError, NotEnoughMemoryError
from .memory import available

FILLED_IN: Any = None
"""Default of a field that `__post_init__` fills in where it is not given: it is never None afterwards."""


def as_real(field: str, values: ArrayLike, *, ndim: int | tuple[int, ...], axes: str) -> NDArray[np.float32]:
    """`values` as a C-contiguous float32 array of `ndim` dimensions; float32 data are not copied.

    Raises
    ------
    InputError
        If the values are not real numbers, there are none, or the dimensions differ.
    NotEnoughMemoryError
        If the values, where they are still in a file, or the converted copy do not fit into memory.
    """
    if not isinstance(values, np.ndarray) and hasattr(values, "nbytes"):  # which may not be in memory yet
        _check_memory(field, "data", int(values.nbytes))
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise InputError(field, f"values of type {array.dtype}", "Give real numbers")
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if array.ndim not in allowed:
        raise InputError(field, f"an array of shape {array.shape}", f"Give one with the axes {axes}")
    if array.size == 0:
        raise InputError(field, f"an empty array of shape {array.shape}", "Check the file")
    if array.dtype != np.float32:
        _check_memory(field, "float32 data", 4 * array.size)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as that
        return np.ascontiguousarray(array, dtype=np.float32)


def _check_memory(field: str, what: str, need: int) -> None:
    have = available()
    if need > have:
        raise NotEnoughMemoryError(
            f"{field}: {what} take {need / 1e9:.3g} GB and {have / 1e9:.3g} GB are available. Bin or crop the data."
        )


def as_mask(field: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """`values` as a bool array of `shape`, true where they differ from zero and are not NaN.

    Raises
    ------
    InputError
        If the shape differs.
    """
    array = np.asarray(values)
    if array.shape != shape:
        raise InputError(field, f"its shape is {array.shape}, that of the data {shape}", "Give one of the same shape")
    return np.ascontiguousarray((array != 0) & (array == array))


def positive_or_none(field: str, value: Any) -> float | None:
    """`value` as a float, or None; a value that is not positive and finite raises InputError."""
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise InputError(field, f"got {value!r}", "Give a positive number of nm, or nothing when it is not known")
    return number

"""Points to be clustered, and points with labels to be learnt from."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..core.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class PointSet:
    """Points to be clustered.

    Parameters
    ----------
    points : array_like, (n, d)
        Finite real numbers. Kept as float64 where they are, else as float32.
    start : array_like, (k, d), optional
        Centroids to start from instead of chosen ones.
    source : str, optional
        Where the points came from, for the record.
    recipe : Mapping, optional
        How they were made (see `proxiscope.core.recipes`).

    Raises
    ------
    InputError
        If an array has a wrong shape, is empty, or holds what is no finite real number.
    """

    points: NDArray[Any]
    start: NDArray[Any] | None = None
    _: KW_ONLY
    source: str = ""
    recipe: Mapping[str, Any] | None = None

    pixel_size = None

    def __post_init__(self) -> None:
        points = as_points("points", self.points)
        object.__setattr__(self, "points", points)
        if self.start is not None:
            start = as_points("start", self.start, points.dtype)
            if start.shape[1] != points.shape[1]:
                found = f"centroids of {start.shape[1]} coordinates for points of {points.shape[1]}"
                raise InputError("start", found, "Give centroids (k, d) in the space of the points (n, d)")
            object.__setattr__(self, "start", start)

    def __repr__(self) -> str:
        return f"PointSet({len(self.points)} points of {self.points.shape[1]} coordinates)"

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self.points.shape


@dataclass(frozen=True, eq=False, repr=False)
class LabelledSet:
    """Points with the class of each, to learn from and to be tested with.

    Parameters
    ----------
    points : array_like, (n, d)
        Kept as float32.
    labels : array_like of int, (n,)
        Classes, from 0.
    test_points : array_like, (m, d)
    test_labels : array_like of int, (m,)
    source : str, optional
        Where they came from, for the record.
    recipe : Mapping, optional
        How they were made (see `proxiscope.core.recipes`).

    Raises
    ------
    InputError
        If the arrays do not go together, are empty, or hold what is no finite real number or no class.
    """

    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    test_points: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    _: KW_ONLY
    source: str = ""
    recipe: Mapping[str, Any] | None = None

    pixel_size = None

    def __post_init__(self) -> None:
        for name in ("points", "test_points"):
            object.__setattr__(self, name, as_points(name, getattr(self, name), np.float32))
        if self.test_points.shape[1] != self.points.shape[1]:
            found = f"{self.test_points.shape[1]} coordinates for points of {self.points.shape[1]}"
            raise InputError("test_points", found, "Give points of the same space")
        for name, points in (("labels", self.points), ("test_labels", self.test_points)):
            object.__setattr__(self, name, _as_labels(name, getattr(self, name), len(points)))

    def __repr__(self) -> str:
        n, d = self.points.shape
        return f"LabelledSet({n} points of {d} coordinates in {self.classes} classes, {len(self.test_points)} to test)"

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self.points.shape

    @property
    def classes(self) -> int:
        """Number of classes."""
        return 1 + int(max(self.labels.max(), self.test_labels.max()))


def as_points(field: str, values: ArrayLike, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """`values` as a C-contiguous array (n, d), by default float64 where they are, else float32; raises InputError."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise InputError(field, f"values of type {array.dtype}", "Give real numbers")
    if array.ndim != 2 or array.size == 0:
        raise InputError(field, f"an array of shape {array.shape}", "Give one with the axes (point, coordinate)")
    with np.errstate(over="ignore"):  # what becomes infinite is told below
        array = np.ascontiguousarray(array, dtype or (np.float64 if array.dtype.str[1:] == "f8" else np.float32))
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise InputError(field, f"{len(bad)} points that are not finite, the first at {bad[0]}", "Leave them out")
    return array


def _as_labels(field: str, values: ArrayLike, count: int) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.shape != (count,):
        raise InputError(field, f"an array of shape {array.shape}", f"Give one class for each of {count} points")
    if array.dtype.kind not in "iu":
        raise InputError(field, f"values of type {array.dtype}", "Give whole numbers from 0")
    array = array.astype(np.int64)
    if array.min() < 0:
        raise InputError(field, f"a class {array.min()}", "Give whole numbers from 0")
    return array

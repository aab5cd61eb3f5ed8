"""From the data of a layer to points: which axes are scanned, what is compared, and its principal components."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from ..core.memory import available

COLOURS = 4
"""Values along the last axis that are taken for red, green, blue and opacity."""

CHANNELS = 64
"""Planes along the first axis that are taken for channels."""

LONGER = 3
"""Times that an axis of energies is longer than others at least, where one can tell."""

FEW, MANY = 1000, 20_000
"""Points whose principal components stand for those of all: of long vectors, and of others."""

LONG = 4096

SPARE, ROUNDS = 8, 6
"""Axes beside those that are wanted, and rounds, of the subspace iteration."""

BLOCK = 2**25
"""Bytes of the data that are converted at a time."""

AXES = {"each pixel": 0, "last axis": 1, "last two axes": 2}
"""Axes behind those that are scanned."""


@dataclass(frozen=True)
class Features:
    """Points with their places.

    Attributes
    ----------
    values : NDArray, (n, d)
        Of any real dtype, finite or not; seldom a copy of the data.
    shape : tuple of int
        Of the places; n is their product.
    over : tuple of int
        Axes of the data that the places lie along.
    about : str
        What is compared, in words.
    apart : bool
        Whether an image of the data would show something else than the places.
    """

    values: NDArray[Any]
    shape: tuple[int, ...]
    over: tuple[int, ...]
    about: str
    apart: bool

    @property
    def finite(self) -> NDArray[np.bool_]:
        """Which points have no value that is not finite, (n,)."""
        if self.values.dtype.kind != "f":
            return np.ones(len(self.values), bool)
        return np.concatenate([np.isfinite(block).all(axis=1) for block in _blocks(self.values)])


def features(data: NDArray[Any], compared: str = "guess") -> Features:
    """Take data apart.

    Parameters
    ----------
    data : NDArray
        An image (y, x), a volume, channels (c, y, x) or (y, x, c), spectra (y, x, energy), patterns (y, x, ky, kx).
    compared : str
        ``"each pixel"``, the values along the ``"first axis"``, the ``"last axis"`` or the ``"last two axes"``. A
        ``"guess"`` is the last axis where it has 3 or 4 values, which are colours, or is over three times as long as
        the second; the first where it is the shortest and has up to 64, or is over three times as long as the others;
        of four axes the last two, of other three the last.

    Raises
    ------
    InputError
        If the data are not real numbers, or have too few or too many axes.
    """
    if data.dtype.kind not in "fiub":
        raise InputError("data", f"values of type {data.dtype}", "Give real numbers, such as the modulus")
    compared = _guess(data.shape) if compared == "guess" else compared
    if compared == "first axis" and data.ndim > 1:
        moved, inner, over = np.moveaxis(data, 0, -1), 1, tuple(range(1, data.ndim))
    else:
        moved, inner = data, AXES.get(compared, 1)
        over = tuple(range(data.ndim - inner))
    shape = moved.shape[: len(over)]
    if not 2 <= len(shape) <= 3 or data.size == 0:
        beside = "" if compared == "each pixel" else f" beside the {compared}"
        raise InputError("data", f"an array of shape {data.shape}", f"Give one with 2 or 3 axes{beside}")
    values = moved.reshape(int(np.prod(shape)), -1)
    of = " x ".join(map(str, moved.shape[len(over) :])) or "1"
    about = f"{' x '.join(map(str, shape))} points of {of} value{'s' * (of != '1')}"
    colours = inner == 1 and compared == "last axis" and moved.shape[-1] in (3, COLOURS)
    return Features(values, shape, over, about, apart=compared.startswith("last") and not colours)


def _guess(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[-1] not in (3, COLOURS):
        first, rows, columns = shape
        channels = first <= CHANNELS and first < min(rows, columns)
        if columns <= LONGER * rows and (channels or first > LONGER * max(rows, columns)):
            return "first axis"
    return {3: "last axis", 4: "last two axes"}.get(len(shape), "each pixel")


def prepared(
    found: Features,
    finite: NDArray[np.bool_],
    components: int,
    standard: bool,
    smoothing: float,
    rng: np.random.Generator,
) -> Generator[float, None, tuple[NDArray[np.float32], str]]:
    """Points (n, q) to be clustered, and what they are in words; those that are not finite are at the mean.

    Yields the fraction done.

    Parameters
    ----------
    found : Features
    finite : NDArray of bool, (n,)
    components : int
        Principal components that are kept, if there are more coordinates; 0 for all coordinates.
    standard : bool
        Whether all coordinates are scaled to the same variance before.
    smoothing : float
        Standard deviation of a Gaussian, in places.
    rng : Generator
        Chooses the points that the components are those of.
    """
    n, d = found.values.shape
    reduced = 0 < components < d
    need, have = 4 * n * ((components if reduced else d) * 2 + 4), available()
    if need > have:
        missing = f"{need / 1e9:.3g} GB are needed and {have / 1e9:.3g} GB are free"
        raise InputError("data", missing, "Crop or bin them, or take fewer components")
    usable = np.flatnonzero(finite)
    if not usable.size:
        raise InputError("data", "no point is finite", "Give measured values")
    few = rng.choice(usable, min(len(usable), FEW if d > LONG else MANY), replace=False, shuffle=False)
    sample = found.values[np.sort(few)].astype(np.float32)
    mean, scale = sample.mean(axis=0), sample.std(axis=0) if standard else np.ones(d, np.float32)
    scale[scale == 0] = 1
    yield 0.0
    axes, share = _components((sample - mean) / scale, components, rng) if reduced else (None, 1.0)
    points = np.empty((n, components if reduced else d), np.float32)
    start = 0
    for block in _blocks(found.values):
        block = np.where(np.isfinite(block), (block - mean) / scale, 0).astype(np.float32)
        points[start : start + len(block)] = block if axes is None else block @ axes
        start += len(block)
        yield start / n
    points[~finite] = 0
    if smoothing:
        points = _smoothed(points, found.shape, smoothing)
    return points, f", {components} components ({share:.0%} of the variance)" if reduced else ""


def _components(sample: NDArray[Any], count: int, rng: np.random.Generator) -> tuple[NDArray[Any], float]:
    """The first principal axes (d, count) of centred points, by subspace iteration, and their share of the variance."""
    m, d = sample.shape
    axes = rng.standard_normal((d, min(count + SPARE, m, d)), np.float32)
    for _ in range(ROUNDS):
        axes, _ = np.linalg.qr(sample.T @ (sample @ axes))
    along = sample @ axes
    variances, turned = np.linalg.eigh(along.T @ along)
    kept = np.zeros((d, count), np.float32)
    first = turned[:, ::-1][:, :count]
    kept[:, : first.shape[1]] = axes @ first
    return kept, float(variances[::-1][:count].sum() / max(np.vdot(sample, sample), np.float32(1e-30)))


def _smoothed(points: NDArray[Any], shape: tuple[int, ...], sigma: float) -> NDArray[Any]:
    from scipy.ndimage import gaussian_filter

    maps = points.reshape(*shape, -1)
    return gaussian_filter(maps, [sigma] * len(shape) + [0]).reshape(points.shape)


def _blocks(values: NDArray[Any]) -> list[NDArray[Any]]:
    """Rows, some at a time."""
    rows = max(1, BLOCK // (4 * values.shape[1]))
    return [values[i : i + rows] for i in range(0, len(values), rows)]

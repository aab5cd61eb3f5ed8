"""Laplacian smoothing of gradients (S. Osher et al., Res. Math. Sci. 9, 55 (2022); thesis section 5.2)."""

import cmath
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from numbers import Integral
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..core.errors import InputError
from ..core.later import Later
from ..core.marks import Doc, Label
from ..core.threads import parallel
from .fourier import BLOCKED, blocks, frequencies

_recursion = Later("proxiscope.physics._recursion")
_transforms = Later("proxiscope.physics._transforms")

Sigma = Annotated[
    float,
    Interval(ge=0.001, le=1000),
    Label("Smoothing sigma"),
    Doc("Strength of the smoothing; a stronger one takes more iterations and fits less noise."),
]
Order = Annotated[
    int,
    Interval(ge=1, le=4),
    Label("Smoothing order"),
    Doc("Power n of the Laplacian in I + sigma (-Laplacian)^n; higher cuts off more sharply."),
]

_NEGLIGIBLE = 1e-17
"""What is left of an entry's weight where a filter starts."""

_SHORT = 2**14
"""Entries up to which the eigenvalues of a vector are kept for the next of its length."""

_LENGTH = 1000
"""Entries of each lane that are filtered in one go. Not a power of two: lanes would then share lines of the cache."""


def laplacian_smoothing(
    gradient: ArrayLike,
    sigma: float = 1.0,
    order: int = 1,
    *,
    axes: int | Sequence[int] | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """(A_sigma^n)^-1 g: smooth a gradient, its mean unchanged.

    A_sigma^n = I + (-1)^n sigma L^n with the periodic Laplacian L (eq. 5.6 and section 5.2.4) has the eigenvalues
    1 + sigma (2 - 2 cos w)^n, or with the sum of 2 - 2 cos w over several axes. Section 5.2.4 prints a recursion for
    the coefficients of L^n that goes wrong from n = 2 on; none is needed.

    Along indices the inverse is a cascade of recursive filters, which takes a few operations an entry; the Fourier
    transform serves vectors that are short for their sigma, and the axes of an array, one or several.

    Parameters
    ----------
    gradient : array_like
        Real or complex, of any shape. Single precision stays single; whole numbers become float64.
    sigma : float
        Strength, >= 0; 0 changes nothing. The filter reaches about sigma ** (1 / (2 n)) entries.
    order : int
        n >= 1.
    axes : int or sequence of int, optional
        Smooth along these axes, in the geometry of an image or a volume. By default along the indices of the array
        flattened in C order, as the thesis does.
    out : ndarray, optional
        Where to put the result, of its shape and dtype; may be `gradient`.

    Returns
    -------
    ndarray
        Of the gradient's shape; `out` if given.

    Raises
    ------
    InputError
        If `sigma` or `order` is out of range, `axes` are not axes of the array, or `out` does not fit.
    """
    values = _floating(gradient)
    check_smoothing(sigma, order)
    along = None if axes is None else _normalised(axes, values.ndim)
    out = _output(out, values)
    if sigma == 0 or values.size == 0:
        out[...] = values
    elif along is None:
        flat = np.ascontiguousarray(values).reshape(-1)
        smoothed = out.reshape(-1) if out.flags.c_contiguous else np.empty_like(flat)
        _smooth_vector(flat, smoothed, sigma, order)
        if not out.flags.c_contiguous:
            out[...] = smoothed.reshape(out.shape)
    else:
        Smoothing(values.shape, sigma, order, along, values.dtype)(values, out)
    return out


class Smoothing:
    """(A_sigma^n)^-1 along some axes of arrays of one shape, by Fourier transforms; a call allocates nothing.

    The spectrum is kept in the object: use it from one Python thread at a time.

    Parameters
    ----------
    shape : tuple of int
    sigma : float
    order : int
    axes : tuple of int, optional
        All by default.
    dtype : dtype
        float32, float64, complex64 or complex128.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        sigma: float,
        order: int = 1,
        axes: tuple[int, ...] | None = None,
        dtype: DTypeLike = np.float32,
    ):
        axes = tuple(range(len(shape))) if axes is None else axes
        kind = np.result_type(dtype, np.complex64)
        self._real = np.dtype(dtype).kind == "f"
        self._factors = inverse_symbol(shape, sigma, order, axes, self._real).astype(kind.type(0).real.dtype)
        halved = [m if axis in axes else n for axis, (n, m) in enumerate(zip(shape, self._factors.shape, strict=True))]
        self._spectrum, self._scale = np.empty(halved, kind), 1 / math.prod(shape[axis] for axis in axes)
        in_one_go = math.prod(shape) < BLOCKED
        self._stages = [(np.array(some), _parts(shape, some)) for some in ([axes] if in_one_go else zip(axes[::-1]))]

    def __call__(self, values: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
        """Smooth `values` into `out`, which may be the same."""
        spectrum, (first, *others) = self._spectrum, self._stages
        _in_parts(self._forward, first, values, spectrum)
        for stage in others:
            _in_parts(_forward, stage, spectrum, spectrum)
        np.multiply(spectrum, self._factors, out=spectrum)
        for stage in others:
            _in_parts(_inverse, stage, spectrum, spectrum)
        _in_parts(self._inverse, first, spectrum, out)
        return out

    def _forward(self, values: NDArray[Any], spectrum: NDArray[Any], axes: NDArray[Any]) -> None:
        (_transforms.real_to_half if self._real else _forward)(values, spectrum, axes)

    def _inverse(self, spectrum: NDArray[Any], values: NDArray[Any], axes: NDArray[Any]) -> None:
        if self._real:
            _transforms.half_to_real(spectrum, values, axes, self._scale)
        else:
            _inverse(spectrum, values, axes, self._scale)


def _forward(source: NDArray[Any], target: NDArray[Any], axes: NDArray[Any]) -> None:
    _transforms.complex_(source, target, axes, True, 1.0)


def _inverse(source: NDArray[Any], target: NDArray[Any], axes: NDArray[Any], scale: float = 1.0) -> None:
    _transforms.complex_(source, target, axes, False, scale)


def _in_parts(
    transform: Callable[..., Any], stage: tuple[Any, ...], source: NDArray[Any], target: NDArray[Any]
) -> None:
    """Transform along the axes of a stage, in parts that share out the others."""
    axes, parts = stage
    parallel(lambda part: transform(source[part], target[part], axes), [(part,) for part in parts])


def _parts(shape: tuple[int, ...], axes: Sequence[int]) -> list[tuple[slice, ...]]:
    """Indices that cut the longest axis that is not among `axes`, which depends on nothing but the shape."""
    others = [axis for axis in range(len(shape)) if axis not in axes]
    if not others or math.prod(shape) < BLOCKED:
        return [()]
    longest = max(others, key=lambda axis: shape[axis])
    return [(slice(None),) * longest + (part,) for part in blocks(shape[longest])]


def inverse_symbol(
    shape: tuple[int, ...], sigma: float, order: int, axes: Sequence[int], real: bool
) -> NDArray[np.float64]:
    """Eigenvalues of (A_sigma^n)^-1 on the spectrum, or half spectrum, along `axes`; the other axes have length 1."""
    total = np.zeros((1,) * len(shape))
    for axis, frequency in zip(axes, frequencies(tuple(shape[axis] for axis in axes), real), strict=True):
        eigenvalues = 4 * np.sin(np.pi * frequency) ** 2  # 2 - 2 cos w
        total = total + eigenvalues.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return 1 / (1 + sigma * total**order)


@lru_cache(maxsize=64)
def recursion(sigma: float, order: int) -> tuple[NDArray[np.float64], int]:
    """Recursive filters that together are (A_sigma^n)^-1, and how many entries they need to forget their start.

    1 + sigma s^n = 0 has n roots s; to each belongs a pole p, |p| < 1, with p + 1/p = 2 - s. Sections (section, 2) as
    `_recursion` takes them are made of a real pole or of two conjugate ones.
    """
    sections, memory = [], 0
    for k in range((order + 1) // 2):
        v = sigma ** (1 / order) * -cmath.exp(-1j * math.pi * (2 * k + 1) / order)  # -1 / s
        gain = 1 / (0.5 + cmath.sqrt(v + 0.25))  # 1 - p
        pole, single = v * gain**2, 2 * k + 1 == order
        sections.append((gain.real, 0.0) if single else (abs(gain) ** 2, abs(pole) ** 2))
        decay = -math.log(min(max(abs(pole), 1e-300), 1 - 1e-9))
        memory += math.ceil(-math.log(_NEGLIGIBLE) / decay)
    return np.array(sections), memory


def _factors(size: int, sigma: float, order: int, dtype: str) -> NDArray[Any]:
    """`inverse_symbol` of a real vector."""
    return inverse_symbol((size,), sigma, order, (0,), real=True).astype(dtype)


_kept = lru_cache(maxsize=64)(_factors)


def smooth_lanes(values: NDArray[Any], sigma: float, order: int) -> None:
    """(A_sigma^n)^-1 along the rows of `values` (block, row, lane), contiguous and in place; sigma > 0."""
    sections, memory = recursion(float(sigma), int(order))
    parallel(_recursion.filter_rows, [(block, sections.astype(values.dtype), memory) for block in values])


def _smooth_vector(x: NDArray[Any], out: NDArray[Any], sigma: float, order: int) -> None:
    """Smooth a contiguous vector along its indices, in tiles that depend on its length only."""
    if x.dtype.kind == "c":
        for part in ("real", "imag"):
            smoothed = np.ascontiguousarray(getattr(x, part))
            _smooth_vector(smoothed, smoothed, sigma, order)
            setattr(out, part, smoothed)
        return
    sections, memory = recursion(float(sigma), int(order))
    if x.size < 16 * memory:
        factors = (_kept if x.size <= _SHORT else _factors)(x.size, float(sigma), int(order), x.dtype.char)
        out[...] = np.fft.irfft(np.fft.rfft(x) * factors, x.size)
        return
    lanes = _recursion.LANES
    tile = lanes * max(_LENGTH, 8 * memory)
    parts = [(begin, min(begin + tile, x.size)) for begin in range(0, x.size, tile)]
    margins = [  # copied first, for `out` may be `x`
        (x.take(range(begin - memory, begin), mode="wrap"), x.take(range(end, end + memory + lanes), mode="wrap"))
        for begin, end in parts
    ]
    tasks = [(x, out, *part, *margin, sections) for part, margin in zip(parts, margins, strict=True)]
    parallel(_recursion.filter_tile, tasks)


def _floating(gradient: ArrayLike) -> NDArray[Any]:
    values = np.asarray(gradient)
    if values.dtype.kind in "biu":
        return values.astype(np.float64)
    if values.dtype == np.float16:
        return values.astype(np.float32)
    if values.dtype.char not in "fdFD":
        raise InputError("gradient", f"an array of {values.dtype}", "Give real or complex numbers, up to double")
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def check_smoothing(sigma: float, order: int) -> None:
    """Raise InputError unless both are in their range."""
    if not 0 <= sigma < math.inf:
        raise InputError("sigma", f"got {sigma}", "Give a finite number >= 0")
    if not (isinstance(order, Integral) and order >= 1):
        raise InputError("order", f"got {order!r}", "Give a whole number >= 1")


def _normalised(axes: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    found = (axes,) if isinstance(axes, int | np.integer) else tuple(axes)
    known = tuple(axis + ndim if axis < 0 else axis for axis in found)
    if not known or len(set(known)) < len(known) or not all(0 <= axis < ndim for axis in known):
        raise InputError("axes", f"{axes} for an array of {ndim} axes", "Name each axis to smooth along once")
    return known


def _output(out: NDArray[Any] | None, values: NDArray[Any]) -> NDArray[Any]:
    if out is None:
        return np.empty_like(values, order="C")
    if not isinstance(out, np.ndarray) or out.shape != values.shape or out.dtype != values.dtype:
        found = f"{getattr(out, 'dtype', type(out))} of shape {np.shape(out)}"
        raise InputError("out", found, f"Give an array of {values.dtype} of shape {values.shape}")
    if not out.flags.writeable:
        raise InputError("out", "a read-only array", "Give one that can be written to")
    return out

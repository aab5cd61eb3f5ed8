"""The phase problem: measured Fourier magnitudes and what is known of the object."""

import warnings
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..core.validation import as_mask, as_real, positive_or_none


@dataclass(frozen=True, eq=False, repr=False)
class DiffractionPattern:
    """A diffraction pattern to be phased.

    Parameters
    ----------
    magnitudes : array_like, (y, x) or (z, y, x)
        Fourier magnitudes (square roots of intensities) of any real dtype, centred: zero frequency at n//2 of
        each axis, as a detector records it. NaN marks pixels that were not measured. Kept as float32.
    support : array_like of bool, same shape, optional
        Where the object may differ from zero, in real space, centred in the frame. The default is the central
        box of half the frame's width, the largest that the pattern still samples fully.
    known : array_like of bool, same shape, optional
        Measured pixels; all that are not NaN by default.
    pixel_size : float, optional
        Size in nm of a pixel of the reconstruction.
    source : str, optional
        Where the pattern came from, for the record.

    Raises
    ------
    InputError
        If an array has a wrong shape, nothing was measured, a magnitude is negative or infinite, or the
        support is empty or covers the whole frame.

    Warns
    -----
    UserWarning
        If the support is larger than half the frame, so that the pattern under-samples the object.
    """

    magnitudes: NDArray[np.float32]
    support: NDArray[np.bool_] | None = None
    known: NDArray[np.bool_] | None = None
    _: KW_ONLY
    pixel_size: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        magnitudes = as_real("magnitudes", self.magnitudes, ndim=(2, 3), axes="(y, x) or (z, y, x)")
        shape = magnitudes.shape
        measured = ~np.isnan(magnitudes)
        known = measured if self.known is None else as_mask("known", self.known, shape) & measured
        _check_magnitudes(magnitudes, known)
        support = _central_box(shape) if self.support is None else as_mask("support", self.support, shape)
        _check_support(support)
        object.__setattr__(self, "magnitudes", np.where(known, magnitudes, np.float32(0)))
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "support", support)
        object.__setattr__(self, "pixel_size", positive_or_none("pixel_size", self.pixel_size))

    @classmethod
    def from_intensities(cls, intensities: ArrayLike, **kwargs) -> "DiffractionPattern":
        """The pattern whose squared magnitudes are `intensities`; the rest as for the class.

        Raises
        ------
        InputError
            If an intensity is negative, or as for the class.
        """
        intensities = as_real("intensities", intensities, ndim=(2, 3), axes="(y, x) or (z, y, x)")
        known = kwargs.get("known")
        counted = True if known is None else as_mask("known", known, intensities.shape)
        _refuse_negative("intensities", intensities[counted & np.isfinite(intensities)])
        return cls(np.sqrt(np.maximum(intensities, 0)), **kwargs)

    def __repr__(self) -> str:
        size, support = " x ".join(map(str, self.shape)), int(self.support.sum())
        return f"DiffractionPattern({size}, {self.known.mean():.1%} known, support of {support} pixels)"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the pattern and of the reconstruction."""
        return self.magnitudes.shape

    @cached_property
    def oversampling_ratio(self) -> float:
        """Pixels of the frame for each pixel of the support; above 2 the pattern can determine the object."""
        return self.support.size / int(self.support.sum())


def _check_magnitudes(magnitudes: NDArray, known: NDArray) -> None:
    if not known.any():
        raise InputError("magnitudes", "no pixel was measured: all are NaN or masked", "Check the file and the mask")
    measured = magnitudes[known]
    _refuse_negative("magnitudes", measured)
    if not np.isfinite(measured).all():
        raise InputError("magnitudes", "infinite values", "Mark those pixels as not measured (NaN or known=False)")
    if not measured.any():
        raise InputError("magnitudes", "all measured pixels are zero", "Check that the right data were loaded")


def _refuse_negative(field: str, values: NDArray) -> None:
    negative = int((values < 0).sum())
    if negative:
        raise InputError(
            field,
            f"{negative} negative values, the lowest {values.min():.4g}",
            "Clip the noise at zero, or mark those pixels as not measured (NaN or known=False)",
        )


def _check_support(support: NDArray) -> None:
    if not support.any():
        raise InputError("support", "it is empty", "Mark the pixels where the object may lie")
    if support.all():
        raise InputError(
            "support",
            "it covers the whole frame",
            "Leave at least half of the frame outside, or any image fits the data",
        )
    if 2 * int(support.sum()) > support.size:
        warnings.warn(
            f"support: it covers {support.mean():.0%} of the frame, so the pattern under-samples the object. "
            "Use a tighter support, or a pattern that is sampled more finely.",
            stacklevel=4,
        )


def _central_box(shape: tuple[int, ...]) -> NDArray:
    support = np.zeros(shape, bool)
    support[tuple(slice(n // 2 - n // 4, n // 2 - n // 4 + max(1, n // 2)) for n in shape)] = True
    return support

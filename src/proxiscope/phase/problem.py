"""The phase problem: measured Fourier magnitudes and what is known of the object."""

import warnings
from collections.abc import Mapping
from copy import copy
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..core.recipes import by_value, then
from ..core.validation import FILLED_IN, as_mask, as_real, positive_or_none
from .held_out import islands
from .plausible import doubt

Object = Literal["non-negative", "real", "complex", "complex-positive"]
"""What the object may be; complex-positive is complex with a non-negative real part."""


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
    object : {"non-negative", "real", "complex", "complex-positive"}
        What is known of the object's values. A density, as of weakly scattering specimens, is non-negative; that of
        Bragg diffraction, where the phase is the strain, is complex. "complex-positive" is complex with a
        non-negative real part.
    held_out : array_like of bool, same shape, optional
        Measured pixels that the reconstruction does not see; their R-factor, the free one, tells over-fitting. See
        `hold_out`.
    start : array_like, same shape, optional
        Estimate to start from instead of random phases.
    pixel_size : float, optional
        Size in nm of a pixel of the reconstruction.
    source : str, optional
        Where the pattern came from, for the record.
    recipe : Mapping, optional
        How it was made, so that it can be made again (see `proxiscope.core.recipes`); None where that is not known.

    Raises
    ------
    InputError
        If an array has a wrong shape, nothing was measured, a magnitude is negative or infinite, or the
        support is empty or covers the whole frame.

    Warns
    -----
    UserWarning
        If the support is larger than half the frame, so that the pattern under-samples the object, or the values
        look like intensities.
    """

    magnitudes: NDArray[np.float32]
    support: NDArray[np.bool_] = FILLED_IN
    known: NDArray[np.bool_] = FILLED_IN
    _: KW_ONLY
    object: Object = "non-negative"
    held_out: NDArray[np.bool_] | None = None
    start: NDArray[Any] | None = None
    pixel_size: float | None = None
    source: str = ""
    recipe: Mapping[str, Any] | None = None

    if TYPE_CHECKING:  # what it takes is wider than what it holds

        def __init__(
            self,
            magnitudes: ArrayLike,
            support: ArrayLike | None = None,
            known: ArrayLike | None = None,
            *,
            object: Object = "non-negative",
            held_out: ArrayLike | None = None,
            start: ArrayLike | None = None,
            pixel_size: float | None = None,
            source: str = "",
            recipe: Mapping[str, Any] | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        magnitudes = as_real("magnitudes", self.magnitudes, ndim=(2, 3), axes="(y, x) or (z, y, x)")
        shape = magnitudes.shape
        measured = ~np.isnan(magnitudes)
        known = measured if self.known is None else as_mask("known", self.known, shape) & measured
        _check_magnitudes(magnitudes, known)
        if (why := doubt(magnitudes, known)) is not None:
            warnings.warn(why, stacklevel=3)
        support = central_box(shape) if self.support is None else as_mask("support", self.support, shape)
        _check_support(support)
        if self.object not in get_args(Object):
            raise InputError("object", f"got {self.object!r}", f"Choose one of {', '.join(get_args(Object))}")
        held_out = _held_out(self.held_out, known, magnitudes)
        object.__setattr__(self, "magnitudes", np.where(known, magnitudes, np.float32(0)))
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "support", support)
        object.__setattr__(self, "held_out", held_out)
        object.__setattr__(self, "start", None if self.start is None else self._as_start(self.start))
        object.__setattr__(self, "pixel_size", positive_or_none("pixel_size", self.pixel_size))

    @classmethod
    def from_intensities(cls, intensities: ArrayLike, **kwargs: Any) -> "DiffractionPattern":
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

    @property
    def real(self) -> bool:
        """Whether the object is real."""
        return self.object in ("non-negative", "real")

    @property
    def non_negative(self) -> bool:
        """Whether the object, or its real part, is non-negative."""
        return self.object in ("non-negative", "complex-positive")

    def hold_out(self, fraction: float = 0.05, seed: int = 0) -> "DiffractionPattern":
        """The same pattern with about `fraction` of its measured pixels held out for a free R-factor.

        Raises
        ------
        InputError
            If `fraction` is not between 0 and 0.5, or leaves nothing to hold out.
        """
        held_out = _held_out(islands(self.known, fraction, seed=seed), self.known, self.magnitudes)
        return self.copy_with(held_out=held_out, recipe=then(self.recipe, "hold_out", fraction=fraction, seed=seed))

    def starting_from(self, image: ArrayLike) -> "DiffractionPattern":
        """The same pattern, to be phased from an estimate of the object instead of random phases.

        Raises
        ------
        InputError
            If the image has another shape, is not finite, or zero everywhere.
        """
        recipe = self.recipe and then(self.recipe, "starting_from", image=by_value(image))
        return self.copy_with(start=self._as_start(image), recipe=recipe)

    def within(self, support: ArrayLike) -> "DiffractionPattern":
        """The same pattern with another support.

        Raises
        ------
        InputError
            If the support has another shape, is a single pixel, empty, or covers the whole frame.
        """
        support = as_mask("support", support, self.shape)
        _check_support(support)
        recipe = self.recipe and then(self.recipe, "within", support=by_value(support))
        return self.copy_with(support=support, recipe=recipe)

    def copy_with(self, **checked: Any) -> "DiffractionPattern":
        """A copy with some fields replaced by values that need no check; the others have been checked before.

        It has no recipe unless one is given: what changed is not on record.
        """
        other = copy(self)
        vars(other).pop("oversampling_ratio", None)
        for name, value in {"recipe": None, **checked}.items():
            object.__setattr__(other, name, value)
        return other

    def _as_start(self, image: ArrayLike) -> NDArray[Any]:
        image = np.asarray(image)
        if image.shape != self.shape:
            raise InputError("start", f"its shape is {image.shape}", f"Give an image of shape {self.shape}")
        if np.iscomplexobj(image) and self.real:
            raise InputError("start", f"complex values for a {self.object} object", "Give real values")
        image = image.astype(np.float32 if self.real else np.complex64)
        if not np.isfinite(image).all() or not image.any():
            raise InputError("start", "it is zero or has values that are not finite", "Give an earlier result")
        return image

    @cached_property
    def oversampling_ratio(self) -> float:
        """Pixels of the frame for each pixel of the support; above 2 the pattern can determine the object."""
        return self.support.size / int(self.support.sum())


def _held_out(values: ArrayLike | None, known: NDArray[Any], magnitudes: NDArray[Any]) -> NDArray[Any] | None:
    if values is None:
        return None
    held_out = as_mask("held_out", values, known.shape) & known
    if not (known & ~held_out).any():
        raise InputError("held_out", "every measured pixel is held out", "Hold out a few per cent of them")
    if not magnitudes[known & ~held_out].any():
        raise InputError("held_out", "nothing is left but zeros", "Hold out a few per cent of the pixels")
    return held_out if held_out.any() else None


def _check_magnitudes(magnitudes: NDArray[Any], known: NDArray[Any]) -> None:
    if not known.any():
        raise InputError("magnitudes", "no pixel was measured: all are NaN or masked", "Check the file and the mask")
    measured = magnitudes[known]
    _refuse_negative("magnitudes", measured)
    if not np.isfinite(measured).all():
        raise InputError("magnitudes", "infinite values", "Mark those pixels as not measured (NaN or known=False)")
    if not measured.any():
        raise InputError("magnitudes", "all measured pixels are zero", "Check that the right data were loaded")


def _refuse_negative(field: str, values: NDArray[Any]) -> None:
    negative = int((values < 0).sum())
    if negative:
        raise InputError(
            field,
            f"{negative} negative values, the lowest {values.min():.4g}",
            "Clip the noise at zero, or mark those pixels as not measured (NaN or known=False)",
        )


def _check_support(support: NDArray[Any]) -> None:
    if not support.any():
        raise InputError("support", "it is empty", "Mark the pixels where the object may lie")
    if support.sum() == 1:
        raise InputError(
            "support",
            "it is a single pixel, of which any pattern would be flat",
            "Mark all pixels where the object may lie; in napari, check that it was drawn on the scale of the image",
        )
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


def central_box(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The support where none is given: the central box of half the frame's width."""
    return box(shape, tuple(max(1, n // 2) for n in shape))


def box(shape: tuple[int, ...], sides: tuple[int, ...]) -> NDArray[np.bool_]:
    """A centred box with sides of so many pixels in a frame of `shape`."""
    support = np.zeros(shape, bool)
    support[tuple(slice(n // 2 - m // 2, n // 2 - m // 2 + m) for n, m in zip(shape, sides, strict=True))] = True
    return support

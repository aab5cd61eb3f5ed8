"""What a detector recorded, on its way to a problem."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import InputError
from ..core.threads import parallel
from ..core.validation import FILLED_IN, as_mask, as_real, positive_or_none
from ..tomography import TiltSeries

Family = Literal["phase", "tomography"]

_AT_A_TIME = 32  # images between two ticks


@dataclass(frozen=True, eq=False, kw_only=True)
class Images:
    """Images that are being prepared: the projections of a tilt series, or intensities of diffraction.

    Parameters
    ----------
    values : array_like, (y, x) or (image, y, x)
        Real numbers, kept as float32; NaN or infinity mark what was not measured. The first axis of three counts tilts,
        exposures of one pattern, or the slices of a pattern in 3-D.
    family : {"phase", "tomography"}
        What they are to become.
    valid : array_like of bool, same shape or (y, x), optional
        Usable pixels; all that are finite by default.
    rotations : array_like, (image, 3), optional
        Of a tilt series: Euler triples in degrees, as for `TiltSeries`.
    shifts : array_like, (image, 2), optional
        Of a tilt series: where the rotation centre appears, (dy, dx) in pixels from pixel n//2.
    pixel_size : float, optional
        In nm: of a tilt series that of the images, of a pattern that of the reconstruction.
    steps : tuple of Mapping
        The steps that led here, as `to_dict` writes them with their names: what a record keeps.
    remarks : tuple of str
        What the steps found, in sentences.

    Raises
    ------
    InputError
        If an array has a wrong shape, or no pixel was measured.
    """

    values: NDArray[np.float32]
    family: Family
    valid: NDArray[np.bool_] = FILLED_IN
    rotations: NDArray[np.float64] | None = None
    shifts: NDArray[np.float64] | None = None
    pixel_size: float | None = None
    steps: tuple[Mapping[str, Any], ...] = ()
    remarks: tuple[str, ...] = ()

    if TYPE_CHECKING:  # what it takes is wider than what it holds

        def __init__(
            self,
            *,
            values: ArrayLike,
            family: Family,
            valid: ArrayLike | None = None,
            rotations: ArrayLike | None = None,
            shifts: ArrayLike | None = None,
            pixel_size: float | None = None,
            steps: tuple[Mapping[str, Any], ...] = (),
            remarks: tuple[str, ...] = (),
        ) -> None: ...

    def __post_init__(self) -> None:
        values = as_real("images", self.values, ndim=(2, 3), axes="(y, x) or (image, y, x)")
        valid = np.isfinite(values)
        if self.valid is not None:
            each = values.ndim == 3 and np.ndim(self.valid) == 2  # one mask stands for all images
            valid &= as_mask("valid", self.valid, values.shape[1:] if each else values.shape)
        if not valid.any():
            raise InputError("images", "no pixel was measured: all are NaN or masked", "Check the file and the mask")
        if values[~valid].any():  # NaN too
            values = np.where(valid, values, np.float32(0))
        if isinstance(self.valid, np.ndarray) and self.valid.dtype.kind == "b" and np.array_equal(self.valid, valid):
            valid = self.valid  # copies share it
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "valid", valid)
        object.__setattr__(self, "pixel_size", positive_or_none("pixel_size", self.pixel_size))
        for name, columns in (("rotations", 3), ("shifts", 2)):
            table = getattr(self, name)
            if table is not None:
                object.__setattr__(self, name, _table(name, table, (len(self), columns)))

    @classmethod
    def of(cls, series: TiltSeries) -> "Images":
        """The projections of a tilt series."""
        return cls(
            values=series.projections,
            family="tomography",
            valid=series.valid,
            rotations=series.rotations,
            shifts=series.shifts,
            pixel_size=series.pixel_size,
        )

    def tilt_series(self, source: str = "", announce: bool = True) -> TiltSeries:
        """The tilt series of these projections, with warnings if wanted; raises InputError if they have no angles."""
        if self.rotations is None:
            raise InputError("angles", "none are known", "Give the tilt angles in degrees")
        return TiltSeries(
            self.values,
            rotations=self.rotations,
            valid=self.valid,
            shifts=self.shifts,
            pixel_size=self.pixel_size,
            source=source,
            announce=announce,
        )

    def __len__(self) -> int:
        """Number of images."""
        return 1 if self.values.ndim == 2 else len(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        """(y, x) or (image, y, x)."""
        return self.values.shape

    def copy_with(self, **changes: Any) -> "Images":
        """A copy with some fields changed."""
        return replace(self, **changes)

    def subset(self, images: ArrayLike) -> "Images":
        """Some of the images, given as indices or as a mask (image,)."""
        names = ("values", "valid", "rotations", "shifts")
        present = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return self.copy_with(**{name: array[images] for name, array in present.items()})

    def noted(self, *remarks: str) -> "Images":
        """A copy with remarks added."""
        return self.copy_with(remarks=(*self.remarks, *remarks))

    def mapped(
        self,
        function: Callable[[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]],
        tick: Callable[[float], None] = lambda fraction: None,
    ) -> "Images":
        """A copy with values and valid pixels (y, x) of each image replaced by what `function` makes of them.

        Images are worked on side by side; between some of them `tick` is told the fraction done, in the calling
        thread. All results have to be of one shape.
        """
        stack, masks = (a.reshape(-1, *a.shape[-2:]) for a in (self.values, self.valid))
        found: list[Any] = [None] * len(stack)

        def one(i: int) -> None:
            found[i] = function(stack[i], masks[i])

        for first in range(0, len(stack), _AT_A_TIME):
            tick(first / len(stack))
            parallel(one, [(i,) for i in range(first, min(first + _AT_A_TIME, len(stack)))])
        values, valid = (np.stack(arrays) for arrays in zip(*found, strict=True))
        lead = self.shape[:-2]
        return self.copy_with(
            values=values.reshape(*lead, *values.shape[1:]), valid=valid.reshape(*lead, *valid.shape[1:])
        )


def _table(field: str, values: ArrayLike, shape: tuple[int, int]) -> NDArray[np.float64]:
    table = np.array(values, dtype=np.float64)
    if table.shape != shape or not np.isfinite(table).all():
        raise InputError(field, f"an array of shape {table.shape}", f"Give finite numbers of shape {shape}")
    return table

"""What a file is to hold, whatever its format: an array, its calibration, its origin, and what goes with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from .lazy import in_memory
from .raw import Kind, Quantity

if TYPE_CHECKING:  # files are read and written without the numerics
    from ..phase import DiffractionPattern
    from ..tomography import TiltSeries


@dataclass(frozen=True, eq=False, kw_only=True)
class Contents:
    """What is written, and can be read back.

    Parameters
    ----------
    array : array_like, (y, x), (z, y, x) or (tilt, y, x)
        Numbers of any type that the format takes.
    kind : {"result", "tilt-series", "pattern"}, optional
        What the array is; without it readers decide as for files of others.
    quantity : {"magnitudes", "intensities"}, optional
        What the numbers of a pattern are.
    object : str, optional
        What a pattern's object is, as for `DiffractionPattern`.
    pixel_size : float, optional
        Edge of a pixel in nm; of a pattern that of the reconstruction.
    angles : array_like, (tilt,) or (tilt, 3), optional
        Tilt angles or Euler triples in degrees.
    shifts : array_like, (tilt, 2), optional
        Where the rotation centre appears, (dy, dx) in pixels.
    valid : array_like of bool, shape of the array, optional
        Pixels that were measured.
    provenance : Mapping
        How it came about; whatever JSON can hold.
    metrics : Mapping[str, array_like]
        Curves by name.
    products : Mapping[str, array_like]
        Further arrays by name, of any shape.

    Raises
    ------
    InputError
        If one of them is not what it should be.
    """

    array: NDArray[Any]
    kind: Kind | None = None
    quantity: Quantity | None = None
    object: str | None = None
    pixel_size: float | None = None
    angles: NDArray[Any] | None = None
    shifts: NDArray[Any] | None = None
    valid: NDArray[np.bool_] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    products: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        array = in_memory(self.array, Path("array"))
        if array.ndim not in (2, 3) or array.size == 0 or array.dtype.kind not in "biufc":
            raise InputError("array", f"shape {array.shape}, type {array.dtype}", "Give numbers (y, x) or (z, y, x).")
        size = self.pixel_size
        if size is not None and not (np.isfinite(size) and size > 0):
            raise InputError("pixel_size", str(size), "Give a positive length in nm, or None.")
        for name, known in (("kind", Kind), ("quantity", Quantity)):
            value = getattr(self, name)
            if value is not None and value not in get_args(known):
                raise InputError(name, f"got {value!r}", f"Give one of {', '.join(get_args(known))}")
        if self.valid is not None and np.shape(self.valid) != array.shape:
            raise InputError("valid", f"its shape is {np.shape(self.valid)}", f"Give one of shape {array.shape}")
        plain = {
            "array": array,
            "pixel_size": None if size is None else float(size),
            "angles": _table("angles", self.angles, ((len(array),), (len(array), 3))),
            "shifts": _table("shifts", self.shifts, ((len(array), 2),)),
            "valid": None if self.valid is None else np.asarray(self.valid, dtype=bool),
            "metrics": {name: _real(f"metrics[{name!r}]", values) for name, values in self.metrics.items()},
            "products": {name: np.asarray(values) for name, values in self.products.items()},
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def facts(self) -> dict[str, Any]:
        """What a few words can say."""
        named = {name: getattr(self, name) for name in ("kind", "quantity", "object")}
        facts: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        if self.pixel_size is not None:
            facts["reconstruction_pixel_size_nm" if self.kind == "pattern" else "pixel_size_nm"] = self.pixel_size
        return facts | {"shape": list(self.array.shape)}

    @property
    def scale(self) -> float | None:
        """Edge of a pixel of the array itself in nm; none for patterns, which lie in reciprocal space."""
        return None if self.kind == "pattern" else self.pixel_size

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What goes with the array: ``angles``, ``shifts``, ``valid``, ``metrics/<name>``, ``products/<name>``."""
        named = {name: getattr(self, name) for name in ("angles", "shifts", "valid")}
        found = {name: value for name, value in named.items() if value is not None}
        found |= {f"metrics/{name}": values for name, values in self.metrics.items()}
        return found | {f"products/{name}": values for name, values in self.products.items()}


def contents_of(thing: Any) -> Contents:
    """What a file of `thing` holds: of a result, a tilt series, a diffraction pattern, or an array."""
    if isinstance(thing, Contents):
        return thing
    if hasattr(thing, "contents"):  # a result, which this room must not import
        return thing.contents()
    if hasattr(thing, "projections"):
        return _of_series(thing)
    if hasattr(thing, "magnitudes"):
        return _of_pattern(thing)
    return Contents(array=np.asarray(thing))


def _of_series(series: "TiltSeries") -> Contents:
    single = not series.rotations[:, [0, 2]].any()
    return Contents(
        array=series.projections,
        kind="tilt-series",
        pixel_size=series.pixel_size,
        angles=series.angles if single else series.rotations,
        shifts=series.shifts if series.shifts.any() else None,
        valid=None if series.valid.all() else series.valid,
        provenance=_origin(series),
        products=_given(support=series.support, held_out=series.held_out),
    )


def _of_pattern(pattern: "DiffractionPattern") -> Contents:
    """A support that was not chosen is none of the file's: it is made again, with the note that says so."""
    from ..phase.problem import central_box

    return Contents(
        array=pattern.magnitudes,
        kind="pattern",
        quantity="magnitudes",
        object=pattern.object,
        pixel_size=pattern.pixel_size,
        valid=None if pattern.known.all() else pattern.known,
        provenance=_origin(pattern),
        products=_given(
            support=None if np.array_equal(pattern.support, central_box(pattern.shape)) else pattern.support,
            held_out=pattern.held_out,
            start=pattern.start,
        ),
    )


def _origin(problem: Any) -> dict[str, Any]:
    known = {"source": problem.source, "recipe": problem.recipe}
    return {name: value for name, value in known.items() if value}


def _given(**arrays: NDArray[Any] | None) -> dict[str, NDArray[Any]]:
    return {name: array for name, array in arrays.items() if array is not None}


def _table(name: str, values: ArrayLike | None, shapes: tuple[tuple[int, ...], ...]) -> NDArray[Any] | None:
    if values is None:
        return None
    table = _real(name, values).astype(np.float64)
    if table.shape not in shapes or not np.isfinite(table).all():
        expected = " or ".join(map(str, shapes))
        raise InputError(name, f"an array of shape {table.shape}", f"Give finite numbers of shape {expected}.")
    return table


def _real(name: str, values: ArrayLike) -> NDArray[Any]:
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise InputError(name, f"values of type {values.dtype}", "Give real numbers.")
    return values

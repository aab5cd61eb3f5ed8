"""Results, tilt series, patterns and arrays to files that know what they hold."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from .contents import Contents, contents_of
from .raw import Kind, Quantity
from .writing import write


def save(path: str | os.PathLike[str], thing: Any) -> None:
    """Write a result, a tilt series, a diffraction pattern or an array; the suffix of `path` decides the format.

    ==============  ==================================================================================
    ``.npz``        everything
    ``.h5 .hdf5``   everything
    ``.cxi``        everything; patterns and results, as the Coherent X-ray Imaging Data Bank has them
    ``.mrc``        single precision; everything else as HDF5 in the extended header
    ``.zarr``       OME-Zarr 0.5, a pyramid; no complex numbers
    ``.tif .tiff``  single precision, with ImageJ's scale; no complex numbers
    ``.npy``        the array alone, with the rest beside it in ``name.npy.json``
    ==============  ==================================================================================

    What is written is read back by `proxiscope.load`, or by `proxiscope.io.read` in the case of results. The file is
    complete or not there: a failure leaves what was at `path` before.

    Parameters
    ----------
    path : path-like
        The file to make or replace.
    thing : Result, TiltSeries, DiffractionPattern or array_like
        What to write. An array has two or three dimensions.

    Raises
    ------
    InputError
        Unknown suffix, missing or unwritable folder, or a thing that the format cannot hold.

    Warns
    -----
    UserWarning
        If the format leaves something out, such as arrays too large for the header of an MRC file.
    """
    for sentence in write(Path(path), contents_of(thing)):
        warnings.warn(sentence, stacklevel=2)


def write_array(
    path: str | os.PathLike[str],
    array: ArrayLike,
    *,
    kind: Kind | None = None,
    quantity: Quantity | None = None,
    object: str | None = None,
    pixel_size: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    metrics: Mapping[str, ArrayLike] | None = None,
    angles: ArrayLike | None = None,
    shifts: ArrayLike | None = None,
    valid: ArrayLike | None = None,
    products: Mapping[str, ArrayLike] | None = None,
) -> tuple[str, ...]:
    """Write an image (y, x), a volume (z, y, x) or a series (tilt, y, x) with what is known of it.

    Formats as for `save`; parameters as for `Contents`, whose provenance is `metadata`.

    Parameters
    ----------
    path : path-like
        The file to make or replace.
    array : array_like
        With two or three dimensions.
    kind, quantity, object, pixel_size : optional
        As for `Contents`.
    metadata : Mapping, optional
        Where it came from, in values that JSON can hold.
    metrics, angles, shifts, valid, products : optional
        As for `Contents`.

    Returns
    -------
    tuple of str
        What the format does not keep, in sentences.

    Raises
    ------
    InputError
        As for `save`.
    """
    named: dict[str, Any] = {"kind": kind, "quantity": quantity, "object": object, "pixel_size": pixel_size}
    named |= {"angles": angles, "shifts": shifts, "valid": valid}
    named |= {"array": array, "provenance": metadata or {}, "metrics": metrics or {}, "products": products or {}}
    return write(Path(path), Contents(**named))

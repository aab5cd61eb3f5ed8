"""From a file to a problem."""

import math
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..phase import DiffractionPattern
from ..phase.problem import Object
from ..phase.support import Kind as Shape
from ..phase.support import initial
from ..tomography import TiltSeries
from .raw import RawData
from .reading import read, read_array
from .series import Axis, remarks, tilt_series

Kind = Literal["pattern", "tilt-series"]

NO_SUPPORT = (
    "No support: the central box of half the frame is taken, which is often too large. Try --support autocorrelation."
)
DETECTOR_PIXELS = "The file's pixel size is not that of the reconstruction, and is left out."


def load(
    path: str | Path,
    *,
    kind: Kind | None = None,
    angles: ArrayLike | str | Path | None = None,
    support: ArrayLike | str | Path | None = None,
    mask: ArrayLike | str | Path | None = None,
    intensities: bool = False,
    object: Object = "non-negative",
    hold_out: float = 0.0,
    start: ArrayLike | str | Path | None = None,
    tilt_axis: Axis | None = None,
    reverse_angles: bool = False,
    in_plane: float | None = None,
    pixel_size: float | None = None,
    variable: str | None = None,
) -> DiffractionPattern | TiltSeries:
    """Read a diffraction pattern or a tilt series.

    Parameters
    ----------
    path : path-like
        MRC (.mrc, .st, .ali, .map, .rec), HDF5 (.h5, .hdf5, .hspy, .nxs, .cxi, .emd), .npy, .npz, TIFF or .mat.
    kind : {"pattern", "tilt-series"}, optional
        What the file holds; by default a tilt series when it has tilt angles, a pattern when it is an image. A
        pattern in 3-D has to be named.
    angles : array_like or path, optional
        Tilt angles in degrees (tilt,), Euler triples (tilt, 3), refined tilts (tilt, 5), or a file of them as for
        `proxiscope.io.read_angles`. By default those that the file holds or that lie beside it.
    support : array_like, path or str, optional
        Where the object may lie. Of a tilt series a volume (z, y, x), which decides the size of the reconstruction,
        or its file. Of a pattern, shape of the pattern; or "rectangle:RATIO" or "ellipse:RATIO" with
        the oversampling ratio (4 when left out), or "autocorrelation": see `proxiscope.phase.support`. Such a word
        is never taken as the name of a file; write "./autocorrelation" for one.
    mask : array_like or path, optional
        Usable pixels, true or non-zero: known pixels of a pattern, valid pixels of a tilt series.
    intensities : bool
        A pattern's values are intensities, to be replaced by their square roots.
    object : {"non-negative", "real", "complex", "complex-positive"}
        What is known of the values of a pattern's object, as for `DiffractionPattern`.
    hold_out : float
        Share of a pattern's measured pixels that is held out for a free R-factor, up to 0.5; 0 for none. The same
        pixels at each call.
    start : array_like or path, optional
        Earlier result to start a pattern's phasing from; complex only for a complex object.
    tilt_axis : {"x", "y"} or float, optional
        Image axis along which the tilt axis lies in the file, or its degrees from y, positive from x to y. A series
        with its axis nearer to x is turned by 90 degrees, its angles or triples being those of the turned images;
        what remains goes into the triples. By default what the file says, else y.
    reverse_angles : bool
        The stage turned the other way than the angles say: the volume becomes its mirror image along the beam.
    in_plane : float, optional
        Degrees by which the object had been turned about the beam, as for the second series of a double tilt. Join
        the series by `proxiscope.tomography.merge`; give 0 for the first one, so that they share their centre.
    pixel_size : float, optional
        In nm. Of a tilt series, instead of what the file says; of a pattern, that of the reconstruction, which its
        file does not tell.
    variable : str, optional
        Name of the array in a file that holds several.

    Returns
    -------
    DiffractionPattern or TiltSeries

    Raises
    ------
    InputError
        If the file cannot be read, is neither, or what was given does not fit to it.
    """
    options = {"support": support, "mask": mask, "intensities": intensities, "tilt_axis": tilt_axis}
    options |= {"object": object, "hold_out": hold_out, "start": start}
    options |= {"reverse_angles": reverse_angles, "in_plane": in_plane}
    raw = read(path, angles=angles, variable=variable)
    return problem_from(raw, kind, pixel_size=pixel_size, **options)[0]


def problem_from(
    raw: RawData,
    kind: Kind | None = None,
    *,
    support: ArrayLike | str | Path | None = None,
    mask: ArrayLike | str | Path | None = None,
    intensities: bool = False,
    object: Object = "non-negative",
    hold_out: float = 0.0,
    start: ArrayLike | str | Path | None = None,
    tilt_axis: Axis | None = None,
    reverse_angles: bool = False,
    in_plane: float | None = None,
    pixel_size: float | None = None,
) -> tuple[DiffractionPattern | TiltSeries, tuple[str, ...]]:
    """What `load` returns, of a file that has been read, and what was recognised or corrected, in sentences."""
    tilted = raw.angles is not None or raw.rotations is not None
    kind = kind or ("pattern" if raw.data.ndim == 2 and not tilted else "tilt-series")
    if kind == "tilt-series" and raw.data.ndim == 2:
        raise InputError(raw.source.name, f"an image of shape {raw.data.shape}", "Give a stack (tilt, y, x)")
    if kind == "tilt-series" and not tilted:
        raise InputError(
            raw.source.name,
            f"a stack of shape {raw.data.shape} without tilt angles",
            "Give the tilt angles in degrees, one for each projection (angles=, --angles FILE), or say that it is a "
            "pattern (kind='pattern')",
        )
    source = str(raw.source)
    if kind == "pattern":
        options = {"intensities": intensities, "pixel_size": pixel_size, "source": source}
        options |= {"object": object, "hold_out": hold_out, "start": start}
        notes = raw.notes if raw.pixel_size is None or pixel_size is not None else (*raw.notes, DETECTOR_PIXELS)
        notes = notes if support is not None else (*notes, NO_SUPPORT)
        return pattern(raw.data, support, mask, **options), notes
    placed = {"tilt_axis": raw.tilt_axis if tilt_axis is None else tilt_axis}
    placed |= {"reverse_angles": reverse_angles, "in_plane": in_plane}
    series = tilt_series(
        raw.data,
        raw.angles if raw.rotations is None else raw.rotations,
        shifts=raw.shifts,
        refined=raw.shifts is not None,
        mask=_array(mask),
        support=_array(support),
        pixel_size=raw.pixel_size if pixel_size is None else pixel_size,
        source=source,
        **placed,
    )
    return series, (*raw.notes, *remarks(**placed))


def pattern(
    data: ArrayLike,
    support: ArrayLike | str | Path | None = None,
    mask: ArrayLike | str | Path | None = None,
    *,
    intensities: bool = False,
    object: Object = "non-negative",
    hold_out: float = 0.0,
    start: ArrayLike | str | Path | None = None,
    pixel_size: float | None = None,
    source: str = "",
) -> DiffractionPattern:
    """A diffraction pattern from an array; support, mask and start as arrays or files, and the rest, as for `load`."""
    if not 0 <= hold_out <= 0.5:
        raise InputError("hold_out", f"a fraction of {hold_out}", "Give one between 0, for none, and 0.5")
    make = DiffractionPattern.from_intensities if intensities else DiffractionPattern
    options = {"object": object, "start": _array(start), "pixel_size": pixel_size, "source": source}
    make = partial(make, data, known=_array(mask), **options)
    kind, _, ratio = support.partition(":") if isinstance(support, str) else ("", "", "")
    if kind in get_args(Shape):
        options = _oversampling(support, ratio)
        made = make()
        made = made.within(initial(kind, made, **options))
    elif ratio and not Path(support).exists():
        raise InputError(
            "support", f"got {support!r}", "Give rectangle:RATIO, ellipse:RATIO, autocorrelation, or a file"
        )
    else:
        made = make(support=_array(support))
    return made.hold_out(hold_out) if hold_out else made


def _oversampling(support: str, ratio: str) -> dict[str, float]:
    """What follows the colon of ``"rectangle:4"``, if anything does."""
    if not ratio and ":" not in support:
        return {}
    try:
        number = float(ratio)
    except ValueError:
        number = math.nan
    if support.startswith("autocorrelation") or not math.isfinite(number):
        raise InputError("support", f"got {support!r}", "Give rectangle:RATIO or ellipse:RATIO, such as ellipse:4")
    return {"oversampling_ratio": number}


def _array(values: ArrayLike | str | Path | None) -> NDArray | None:
    return read_array(values) if isinstance(values, str | Path) else values

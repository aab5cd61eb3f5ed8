"""From a file to a problem."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..core.validation import as_mask
from ..phase import DiffractionPattern
from ..phase.problem import Object
from ..preparation import Step, as_steps
from ..preparation.step import Given
from ..tomography import TiltSeries
from .patterns import as_array, pattern
from .preparing import prepared_pattern, prepared_series
from .raw import RawData
from .reading import read
from .recipe import sorted_recipe
from .series import Axis, remarks, tilt_series

Kind = Literal["pattern", "tilt-series"]
Problem = DiffractionPattern | TiltSeries

NO_SUPPORT = (
    "No support: the central box of half the frame is taken, which is often too large. Try --support autocorrelation."
)
OWN_SUPPORT = "The support is that of the file."
OWN_LEFT_OUT = "Steps follow, so what the file has for the data before them is left out:"
DETECTOR_PIXELS = "The file's pixel size is not that of the reconstruction, and is left out."
_WORDS = {"pattern": "a diffraction pattern", "tilt-series": "a tilt series", "result": "a result"}


def load(
    path: str | Path,
    *,
    kind: Kind | None = None,
    angles: ArrayLike | str | Path | None = None,
    support: ArrayLike | str | Path | None = None,
    mask: ArrayLike | str | Path | None = None,
    intensities: bool | None = None,
    object: Object | None = None,
    hold_out: float = 0.0,
    start: ArrayLike | str | Path | None = None,
    tilt_axis: Axis | None = None,
    reverse_angles: bool = False,
    in_plane: float | None = None,
    pixel_size: float | None = None,
    variable: str | None = None,
    steps: Given | Sequence[Given] = (),
    tick: Callable[[float], None] = lambda fraction: None,
) -> Problem:
    """Read a diffraction pattern or a tilt series.

    Parameters
    ----------
    path : path-like
        MRC (.mrc, .st, .ali, .map, .rec), HDF5 (.h5, .hdf5, .hspy, .nxs, .cxi, .emd), .npy, .npz, TIFF or .mat; or a
        simulated sample, as ``"sample:pattern"`` (`proxiscope.io.sampled` lists them).
    kind : {"pattern", "tilt-series"}, optional
        What the file holds; by default what it says itself, else a tilt series when it has tilt angles, a pattern when
        it is an image. A pattern in 3-D has to be named, and so has a result that is to be taken for data.
    angles : array_like or path, optional
        Tilt angles in degrees (tilt,), Euler triples (tilt, 3), refined tilts (tilt, 5), or a file of them as for
        `proxiscope.io.read_angles`. By default those that the file holds or that lie beside it.
    support : array_like, path or str, optional
        Where the object may lie. Of a tilt series a volume (z, y, x), which decides the size of the reconstruction,
        or its file. Of a pattern, shape of the pattern; or "rectangle:RATIO" or "ellipse:RATIO" with
        the oversampling ratio (4 when left out), or "autocorrelation": see `proxiscope.phase.support`. Such a word
        is never taken as the name of a file; write "./autocorrelation" for one. By default that of the file itself, if
        it is a pattern or series that `proxiscope.save` wrote, and no steps follow; so are held-out data and start.
    mask : array_like or path, optional
        Usable pixels, true or non-zero: known pixels of a pattern, valid pixels of a tilt series.
    intensities : bool, optional
        Whether a pattern's values are intensities, to be replaced by their square roots, or magnitudes. By default what
        the file says; it has to be given for a file that does not say.
    object : {"non-negative", "real", "complex", "complex-positive"}, optional
        What is known of the values of a pattern's object, as for `DiffractionPattern`. By default what the file says,
        else non-negative.
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
    steps : sequence, optional
        Steps of preparation (see `proxiscope.preparation`): each a `Step`, its words such as ``"bin factor=2"``, or its
        record. They are applied to what the file holds: to a
        tilt series once its axis lies along y, to a pattern's intensities. Support, held-out pixels and start are those
        of what comes out.
    tick : callable, optional
        Told the fraction of the steps that is done; it may raise, to cancel.

    Returns
    -------
    DiffractionPattern or TiltSeries
        With its recipe, so that what is made of it can be repeated.

    Raises
    ------
    InputError
        If the file cannot be read, is neither, does not say what it has to, or what was given does not fit to it.
    """
    options: dict[str, Any] = {
        "support": support,
        "mask": mask,
        "intensities": intensities,
        "tilt_axis": tilt_axis,
        "steps": steps,
    }
    options |= {"tick": tick}
    options |= {"object": object, "hold_out": hold_out, "start": start, "pixel_size": pixel_size}
    options |= {"reverse_angles": reverse_angles, "in_plane": in_plane}
    return loaded(path, kind=kind, angles=angles, variable=variable, **options)[0]


def loaded(
    path: str | Path,
    *,
    expected: Kind | None = None,
    kind: Kind | None = None,
    angles: ArrayLike | str | Path | None = None,
    variable: str | None = None,
    steps: Given | Sequence[Given] = (),
    tick: Callable[[float], None] = lambda fraction: None,
    **options: Any,
) -> tuple[Problem, tuple[str, ...]]:
    """What `load` returns, and what was recognised or corrected, in sentences.

    `expected` is what a file is to hold that does not say itself; one that says otherwise is refused.
    """
    raw, steps = read(path, angles=angles, variable=variable), as_steps(steps)
    kind = kind_of(raw, kind, expected)
    options = _complete(raw, kind, options)
    problem, notes = problem_from(raw, kind, steps=steps, tick=tick, **options)
    order = None
    recorded = raw.declared.ours and raw.declared.kind == "tilt-series"
    if kind == "tilt-series" and angles is None and not recorded:  # they may lie in a file beside
        angles, order = tilts_as_in_file(raw)
    recipe = sorted_recipe(path, order, steps, kind=kind, angles=angles, variable=variable, **options)
    return problem.copy_with(recipe=recipe), notes


def kind_of(raw: RawData, kind: Kind | None = None, expected: Kind | None = None) -> Kind:
    """What a file is taken for: what is asked for, else what it says, else what is expected, else by its shape."""
    declared = raw.declared.kind
    if kind is None and (declared == "result" or (declared and expected and declared != expected)):
        wanted = _WORDS[expected] if expected else "data"
        raise InputError(
            raw.source.name,
            f"holds {_WORDS[declared]}, not {wanted}",
            "Give the file that was measured; load(..., kind=...) in Python takes it all the same",
        )
    tilted = raw.angles is not None or raw.rotations is not None
    said = None if declared == "result" else declared
    return kind or said or expected or ("pattern" if raw.data.ndim == 2 and not tilted else "tilt-series")


def _complete(raw: RawData, kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
    """The options with what the file, or a file beside it, says in place of what was not given."""
    found = dict(options)
    if kind == "pattern":
        if found.get("intensities") is None:
            found["intensities"] = _are_intensities(raw)
        found["object"] = found.get("object") or raw.declared.object or "non-negative"
        return {name: value for name, value in found.items() if name not in ("tilt_axis", "reverse_angles", "in_plane")}
    if found.get("tilt_axis") is None:
        found["tilt_axis"] = raw.tilt_axis
    if found.get("pixel_size") is None:
        found["pixel_size"] = raw.pixel_size
    return {name: value for name, value in found.items() if name not in _OF_PATTERNS}


_OWN = ("support", "held_out", "start")
_OF_PATTERNS = ("intensities", "object", "hold_out", "start")


def _are_intensities(raw: RawData) -> bool:
    if raw.declared.quantity is None:
        raise InputError(
            raw.source.name,
            "does not say whether its values are magnitudes or intensities",
            "Say which: --intensities or --magnitudes, in Python intensities=True or False",
        )
    return raw.declared.quantity == "intensities"


def problem_from(
    raw: RawData,
    kind: Kind | None = None,
    *,
    support: ArrayLike | str | Path | None = None,
    mask: ArrayLike | str | Path | None = None,
    intensities: bool | None = None,
    object: Object | None = None,
    hold_out: float = 0.0,
    start: ArrayLike | str | Path | None = None,
    tilt_axis: Axis | None = None,
    reverse_angles: bool = False,
    in_plane: float | None = None,
    pixel_size: float | None = None,
    steps: Sequence[Step] = (),
    tick: Callable[[float], None] = lambda fraction: None,
) -> tuple[Problem, tuple[str, ...]]:
    """What `load` makes of a file that has been read, without a recipe, and what was recognised or corrected."""
    kind, own = kind_of(raw, kind), raw.declared.products if raw.declared.kind != "result" else {}
    if steps and (names := [name for name in _OWN if name in own]):  # which go with the data before the steps
        raw = replace(raw, notes=(*raw.notes, f"{OWN_LEFT_OUT} {', '.join(names).replace('_', ' ')}."))
        own = {}
    mask = _usable(raw, as_array(mask))
    if support is None and "support" in own:
        support, raw = own["support"], replace(raw, notes=(*raw.notes, OWN_SUPPORT))
    if kind == "pattern":
        options: dict[str, Any] = {
            "intensities": _are_intensities(raw) if intensities is None else intensities,
            "hold_out": hold_out,
        }
        options |= {"object": object or raw.declared.object or "non-negative", "source": str(raw.source)}
        options |= {"start": own.get("start") if start is None else start}
        size = raw.declared.reconstruction_pixel_size if pixel_size is None else pixel_size
        notes = raw.notes if raw.pixel_size is None or size is not None else (*raw.notes, DETECTOR_PIXELS)
        notes, data = notes if support is not None else (*notes, NO_SUPPORT), raw.data
        if steps:
            images = prepared_pattern(data, mask, steps, tick, intensities=options["intensities"], pixel_size=size)
            data, mask, size, notes = images.values, images.valid, images.pixel_size, (*notes, *images.remarks)
            options["intensities"] = True
        made = pattern(data, support, mask, pixel_size=size, **options)
        if own.get("held_out") is not None and not hold_out:
            made = made.copy_with(held_out=as_mask("held_out", own["held_out"], made.shape) & made.known)
        return made, notes
    _check_series(raw, _tilts(raw))
    tilts: Any = raw.angles if raw.rotations is None else raw.rotations
    placed: dict[str, Any] = {"tilt_axis": raw.tilt_axis if tilt_axis is None else tilt_axis}
    placed |= {"reverse_angles": reverse_angles, "in_plane": in_plane}
    series = tilt_series(
        raw.data,
        tilts,
        shifts=raw.shifts,
        refined=raw.shifts is not None,
        mask=mask,
        support=as_array(support),
        pixel_size=raw.pixel_size if pixel_size is None else pixel_size,
        source=str(raw.source),
        announce=not steps,
        **placed,
    )
    found = (*raw.notes, *remarks(**placed))
    if steps:
        series, said = prepared_series(series, steps, tick)
        found = (*found, *said)
    if own.get("held_out") is not None:
        series = series.copy_with(held_out=own["held_out"])
    return series, found


def _tilts(raw: RawData) -> NDArray[Any] | None:
    """The tilts as `read` takes them: angles (tilt,), triples (tilt, 3), or with shifts (tilt, 5)."""
    tilts = raw.angles if raw.rotations is None else raw.rotations
    if tilts is None or raw.shifts is None:
        return tilts
    triples = tilts if tilts.ndim == 2 else np.stack([0 * tilts, tilts, 0 * tilts], axis=1)
    return np.column_stack([triples, raw.shifts])


def tilts_as_in_file(raw: RawData) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """The tilts that were found, in the order of the images in the file, and the order that these were put in."""
    tilts = _tilts(raw)
    if tilts is None or raw.order is None:
        return tilts, None
    as_stored = np.empty_like(tilts)
    as_stored[raw.order] = tilts
    return as_stored, raw.order


def _check_series(raw: RawData, tilts: NDArray[Any] | None) -> None:
    if raw.data.ndim == 2:
        raise InputError(raw.source.name, f"an image of shape {raw.data.shape}", "Give a stack (tilt, y, x)")
    if tilts is None:
        raise InputError(
            raw.source.name,
            f"a stack of shape {raw.data.shape} without tilt angles",
            "Give the tilt angles in degrees, one for each projection (angles=, --angles FILE), or say that it is a "
            "pattern (kind='pattern')",
        )


def _usable(raw: RawData, mask: NDArray[Any] | None) -> NDArray[Any] | None:
    """Usable pixels as the file has them and as they were given; both have to hold."""
    valid = raw.declared.valid
    if mask is not None and raw.order is not None and np.shape(mask) == raw.data.shape:
        mask = np.asarray(mask)[raw.order]  # it was given in the order of the file
    if valid is None or (mask is not None and np.shape(mask) not in (raw.data.shape, raw.data.shape[1:])):
        return mask  # whose shape will be refused by name
    if valid.shape not in (raw.data.shape, raw.data.shape[1:]):
        raise InputError(raw.source.name, f"has a mask of shape {valid.shape} for {raw.data.shape}", "Give mask=")
    valid = np.broadcast_to(valid, raw.data.shape)
    return valid if mask is None else valid & (np.asarray(mask) != 0) & ~np.isnan(mask)

"""From the arrays of a tilt series, as files and layers have them, to the problem."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..tomography import TiltSeries
from ..tomography.orientation import about_axis_at, reversed_tilts, turned_in_plane

Axis = Literal["x", "y"] | float
"""The direction of a tilt axis in the images: along x, along y, or degrees from y, positive from x to y."""

TURNED = "The tilt axis lies along x: turned by 90 degrees so that it lies along y."
REVERSED = "The tilt direction is reversed."


def tilt_series(
    projections: ArrayLike,
    angles: ArrayLike,
    *,
    shifts: ArrayLike | None = None,
    refined: bool = False,
    mask: ArrayLike | None = None,
    support: ArrayLike | None = None,
    tilt_axis: Axis = "y",
    reverse_angles: bool = False,
    in_plane: float | None = None,
    was_turned: bool = False,
    pixel_size: float | None = None,
    source: str = "",
    announce: bool = True,
) -> TiltSeries:
    """A tilt series from arrays.

    Images whose axis lies nearer to x than to y are turned by 90 degrees; no image is interpolated. `angles` are those
    of the turned images, as seen along an axis along y.

    Parameters
    ----------
    projections : array_like, (tilt, y, x)
    angles : array_like, (tilt,) or (tilt, 3)
        Tilt angles or Euler triples in degrees.
    shifts : array_like, (tilt, 2), optional
        Where the rotation centre appears on the turned images, (dy, dx) in pixels.
    refined : bool
        Angles and shifts come from a refinement, and hold the direction of the axis and of the tilts: images need
        turning by 90 degrees at the most.
    mask : array_like, (tilt, y, x), optional
        Usable pixels of the images as given.
    support : array_like, (z, y, x), optional
        Where the object may lie.
    tilt_axis : {"x", "y"} or float
        Where the axis lies in the images as given: see `Axis`.
    reverse_angles : bool
        Whether the stage turned the other way than the angles say.
    in_plane : float, optional
        Degrees by which the object was turned about the beam, before it was tilted, as for the second series of a
        double tilt: phi of each triple grows by them. Give 0 for the first one, so that the two share their centre.
    was_turned : bool
        Whether the images have been turned by `turn` before, which leaves their rotation centre off pixel n // 2 of y.
    pixel_size : float, optional
        In nm.
    source : str
        Where it came from, for the record.
    announce : bool
        Whether to warn of what looks wrong.

    Raises
    ------
    InputError
        As for `TiltSeries`, or if refined angles are to be changed.
    """
    turned, rest = _turns(tilt_axis)
    if refined:
        known = in_plane if has_turn(angles, in_plane) else None
        _check_untouched(tilt_axis=rest, reverse_angles=reverse_angles, in_plane=known)
    projections = turn(projections) if turned else projections
    series = TiltSeries(
        projections,
        angles=None if np.ndim(angles) == 2 else angles,
        rotations=angles if np.ndim(angles) == 2 else None,
        valid=turn(mask) if turned and mask is not None else mask,
        support=support,
        shifts=shifts,
        pixel_size=pixel_size,
        source=", ".join(filter(None, (source, "tilt direction reversed" if reverse_angles else ""))),
        announce=announce,
    )
    rotations = reversed_tilts(series.rotations) if reverse_angles else series.rotations
    if rest:
        rotations = about_axis_at(rotations, rest)
    moved = (turned or was_turned) and not refined and (rotations[:, [0, 2]].any() or in_plane is not None)
    if in_plane:
        rotations = turned_in_plane(rotations, in_plane)
    if moved:  # along the axis; a single axis does not mind
        offset = [_centre_after_turn(series.shape[1]), 0]
        return series.copy_with(rotations=rotations, shifts=np.add(series.shifts, offset))
    return series if rotations is series.rotations else series.copy_with(rotations=rotations)


def remarks(tilt_axis: Axis, *, reverse_angles: bool = False, in_plane: float | None = None) -> tuple[str, ...]:
    """What `tilt_series` does with such options, in sentences."""
    turned, rest = _turns(tilt_axis)
    found = [TURNED] if turned and not rest else []
    if rest:
        quarter = ", the images turned by 90 degrees" if turned else ""
        found.append(f"The tilt axis lies at {tilt_axis:g} degrees: taken into the Euler triples{quarter}.")
    found += [REVERSED] if reverse_angles else []
    found += [f"The object was turned by {in_plane:g} degrees in the image plane."] if in_plane else []
    return tuple(found)


def has_turn(angles: ArrayLike, in_plane: float | None) -> bool:
    """Whether phi of Euler triples (tilt, 3) is about `in_plane` degrees already."""
    if not in_plane or np.ndim(angles) != 2:
        return False
    phi = np.asarray(angles, dtype=np.float64)[:, 0]
    return bool(np.abs((phi - in_plane + 180) % 360 - 180).mean() < 10)


def turn(stack: ArrayLike) -> NDArray[Any]:
    """Turn images (..., y, x) by 90 degrees: an axis along x comes to lie along y.

    A rotation keeps the handedness, and this sense of it keeps the rotation centre at pixel n//2 of x.
    """
    return np.rot90(stack, axes=(-2, -1))


def _turns(tilt_axis: Axis) -> tuple[bool, float]:
    """Whether to turn the images by 90 degrees, and at how many degrees from y the axis then lies."""
    degrees = {"x": 90.0, "y": 0.0}.get(tilt_axis, tilt_axis) if isinstance(tilt_axis, str) else tilt_axis
    if isinstance(degrees, str) or not math.isfinite(degrees) or abs(degrees) > 360:
        raise InputError("tilt_axis", f"got {tilt_axis!r}", "Give x, y, or degrees from y, positive from x to y")
    turned = 45 < degrees % 180 <= 135
    return turned, float(degrees) - 90 * turned


def _centre_after_turn(ny: int) -> int:
    """By how much the rotation centre lies off pixel ny // 2 of y once images have been turned to ny rows."""
    return ny - 1 - 2 * (ny // 2)


def _check_untouched(**given: float | None) -> None:
    """Refuse to do to refined angles what was done before the refinement."""
    for name in (name for name, value in given.items() if value):
        raise InputError(
            name,
            "given with refined tilts, which hold it already",
            "Give x or y, the nearer one" if name == "tilt_axis" else "Leave it out",
        )

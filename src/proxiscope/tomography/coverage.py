"""Which part of Fourier space a tilt series measures."""

from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..physics.fourier import frequencies, half_shape
from ..physics.rotations import rotation_matrices
from .problem import TiltSeries

_WIDE = 2.5
"""Steps from which on a gap between tilts is missing rather than merely wide, as in filtered back projection."""

_USUAL = 90
"""Percentile of the steps that counts as usual: they may be coarse in a part of the range."""

_SAME = 0.1
"""Degrees within which two tilts count as one."""


def missing_wedge(shape: tuple[int, ...], tilts: TiltSeries | ArrayLike, *, margin: float = 0.5) -> NDArray[np.bool_]:
    """Fourier points that a tilt series does not measure.

    A projection measures the central plane across its beam. From one tilt to its neighbour the plane sweeps over a
    double wedge, which counts as measured, as does half a step beyond a tilt that has no neighbour on that side; all
    else is missing. Neighbours are tilts no further apart than 2.5 usual steps, where nine in ten are not larger than
    usual. Of a single-axis series from -70 to 70 degrees in steps of 3.5 thus the wedge beyond +-71.75 degrees is
    missing; where a second axis crosses the first, a pyramid. A tilt far from all others measures its own plane only.

    Parameters
    ----------
    shape : tuple of int
        Of the volume (z, y, x).
    tilts : TiltSeries or array_like
        A series, of which the tilts to reconstruct from count; angles (tilt,) about y or Euler triples (tilt, 3) in
        degrees.
    margin : float
        Steps beyond the outermost tilts that count as measured, 0 to 0.5. With 0 the wedge begins at those tilts,
        as often published; it then has a rim that filtered back projection still fills.

    Returns
    -------
    ndarray of bool
        True where nothing was measured, on the half spectrum (z, y, x // 2 + 1), zero frequency first. Its points lie
        at their true frequencies, so that the axes may have any lengths.

    Raises
    ------
    InputError
        If the angles are not finite, of another shape, or there are none; or the margin is out of range.
    """
    if not 0 <= margin <= 0.5:
        raise InputError("margin", f"got {margin}", "Give a number of steps from 0 to 0.5")
    arcs = _arcs(_distinct(_beams(tilts)), margin)
    kz, ky, kx = frequencies(shape)
    if not arcs[..., 1].any():  # the beam has no part along y, so that all slices are alike
        ky = np.zeros(1)
    points = np.stack(np.broadcast_arrays(kx, ky[:, None], 0.0)).reshape(3, -1)
    missing = np.empty((len(kz), len(ky), len(kx)), bool)
    for plane, z in zip(missing, kz, strict=True):
        points[2] = z
        plane[...] = _unswept(points, arcs).reshape(plane.shape)
    return np.broadcast_to(missing, half_shape(shape)).copy()


def _beams(tilts: TiltSeries | ArrayLike) -> NDArray[Any]:
    """Directions (tilt, 3) as (x, y, z) of the beam in the object's frame, R (0, 0, 1)."""
    rotations = tilts.rotations[tilts.used] if isinstance(tilts, TiltSeries) else np.asarray(tilts, np.float64)
    if rotations.ndim == 1:
        rotations = np.stack([np.zeros_like(rotations), rotations, np.zeros_like(rotations)], axis=1)
    if rotations.ndim != 2 or rotations.shape[1] != 3 or not len(rotations) or not np.isfinite(rotations).all():
        raise InputError("tilts", f"an array of shape {np.shape(tilts)}", "Give finite angles, or Euler triples")
    return rotation_matrices(rotations)[:, :, 2]


def _distinct(beams: NDArray[Any]) -> NDArray[Any]:
    """Beams less those that are the same as an earlier one, forwards or backwards."""
    kept: list[NDArray[Any]] = []
    for beam in beams:
        if not kept or np.abs(np.array(kept) @ beam).max() < np.cos(np.deg2rad(_SAME)):
            kept.append(beam)
    return np.array(kept)


def _arcs(beams: NDArray[Any], margin: float) -> NDArray[Any]:
    """Ends (arc, 2, 3) of the arcs that the beam is taken to have swept from tilt to tilt.

    Each reaches beyond its tilts by `margin` of the way to their nearest neighbours. Where a third tilt lies between
    two, closer to both, the arcs by way of it will do: a great circle cannot cross one side of a triangle only.
    """
    cosine = beams @ beams.T
    angle = np.arccos(np.abs(cosine).clip(0, 1))
    np.fill_diagonal(angle, np.inf)
    nearest = angle.min(axis=1)
    steps = scipy.sparse.csgraph.minimum_spanning_tree(angle).data  # those that join all tilts by the shortest way
    usual = np.percentile(steps, _USUAL, method="lower") if len(steps) else 0.0
    neighbours = np.triu(angle <= (1 + 1e-6) * _WIDE * usual, 1)
    pairs = np.argwhere(neighbours)
    direct = [np.maximum(angle[i], angle[j]).min() >= angle[i, j] * (1 - 1e-6) for i, j in pairs]
    i, j = pairs[direct].T
    first, second = beams[i], beams[j] * np.where(cosine[i, j] < 0, -1.0, 1.0)[:, None]
    ends = [_beyond(first, second, margin * nearest[i]), _beyond(second, first, margin * nearest[j])]
    alone = beams[~(neighbours | neighbours.T).any(axis=1)]
    return np.concatenate([np.stack(ends, axis=1), np.stack([alone, alone], axis=1)])


def _beyond(near: NDArray[Any], far: NDArray[Any], angle: NDArray[Any]) -> NDArray[Any]:
    """Directions (n, 3) by `angle` (n,) in radians beyond `near`, as seen from `far`."""
    away = near * (near * far).sum(axis=1)[:, None] - far
    away /= np.linalg.norm(away, axis=1)[:, None]
    return near * np.cos(angle)[:, None] + away * np.sin(angle)[:, None]


def _unswept(points: NDArray[Any], arcs: NDArray[Any]) -> NDArray[np.bool_]:
    """Points (3, n) on the same side of the planes across both ends of every arc: no plane came over them."""
    missing = np.ones(points.shape[1], bool)
    for some in np.array_split(arcs, -(-len(arcs) // 8)):  # a batch stays in the cache
        first, second = some[:, 0] @ points, some[:, 1] @ points
        first *= second
        missing &= first.min(axis=0) > 1e-15  # zero but for rounding
    return missing

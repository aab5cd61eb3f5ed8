"""Whether projections and angles look as if they belong together.

All of it rests on coarse images. Nothing here tells the sign of the angles,
since no projections do: a volume that is mirrored along the beam has the same ones at theta and psi of opposite sign,
about one axis or several.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..physics.rotations import rotation_matrices
from .coarse import Coarse, unit


def doubts(
    projections: NDArray[np.float32], rotations: NDArray[Any], valid: NDArray[np.bool_] | None = None
) -> list[str]:
    """What speaks against a tilt series, each with the remedy; empty where nothing does.

    Parameters
    ----------
    projections : ndarray, (tilt, y, x)
        Finite, and zero where not valid.
    rotations : ndarray, (tilt, 3)
        Euler triples (phi, theta, psi) in degrees.
    valid : ndarray of bool, (tilt, y, x), optional
        Usable pixels; all by default.
    """
    found = [_radians(rotations), _repeated_angles(rotations), _first_axis(projections)]
    coarse = Coarse.of(projections, rotations, valid)
    if coarse is not None:
        found += [_constant(coarse), _repeated_images(coarse, projections), _brightness(coarse)]
        found += [_strangers(coarse), _order(coarse), _axis(coarse)]
    return [text for text in found if text]


def axes_hint(shape: tuple[int, ...], angles: tuple[int, ...]) -> str:
    """What to do with projections of `shape` that angles of another shape were given for.

    Parameters
    ----------
    shape : tuple of int
        Of the projections.
    angles : tuple of int
        Of the angles (n,) or triples (n, 3).

    Returns
    -------
    str
        Empty where nothing is known.
    """
    if angles[1:] not in ((), (3,)) or not angles:
        return ""
    axes = [axis for axis, n in enumerate(shape) if n == angles[0]]
    if len(axes) != 1 or axes == [0]:
        return ""
    return f"The tilts seem to lie along axis {axes[0]}: give np.moveaxis(projections, {axes[0]}, 0)"


def _listed(tilts: NDArray[Any]) -> str:
    """Indices in words: "tilt 3" or "tilts 3, 7 and 12 more (counted from 0)"."""
    text = ", ".join(str(i) for i in tilts[:8]) + (f" and {len(tilts) - 8} more" if len(tilts) > 8 else "")
    return f"tilt{'s' if len(tilts) > 1 else ''} {text} (counted from 0)"


def _field(rotations: NDArray[Any]) -> str:
    return "rotations" if rotations[:, [0, 2]].any() else "angles"


def _radians(rotations: NDArray[Any]) -> str | None:
    theta = rotations[:, 1]
    if len(theta) < 8 or not 0 < np.ptp(theta) < 7 or np.abs(rotations).max() > 6.3:
        return None
    return (
        f"{_field(rotations)}: all {len(theta)} lie between {theta.min():.4g} and {theta.max():.4g}, which is little "
        "for degrees. If they are radians, convert them (numpy.rad2deg)."
    )


def _repeated_angles(rotations: NDArray[Any]) -> str | None:
    _, which, counts = np.unique(np.round(rotations, 6), axis=0, return_inverse=True, return_counts=True)
    again = np.flatnonzero(counts[which.ravel()] > 1)
    if not again.size:
        return None
    field = _field(rotations)
    if counts.size == 1:
        return f"{field}: all {len(rotations)} are the same. Give those of the projections."
    return (
        f"{field}: {_listed(again)} have one that another tilt has too. If these are not repeated exposures, correct "
        "the list of angles."
    )


def _constant(coarse: Coarse) -> str | None:
    flat = coarse.spread == 0
    if not flat.any() or flat.all():
        return None
    found = _listed(coarse.tilts[flat])
    return (
        f"projections: {found} show the same value everywhere. Leave them out, with their angles, or mask them (NaN)."
    )


def _repeated_images(coarse: Coarse, projections: NDArray[Any]) -> str | None:
    first: dict[bytes, int] = {}
    again = []
    for tilt, image, spread in zip(coarse.tilts, coarse.images, coarse.spread, strict=True):
        earlier = first.setdefault(image.tobytes(), tilt)
        if earlier != tilt and spread > 0 and np.array_equal(projections[earlier], projections[tilt]):
            again.append(tilt)
    if not again or len(again) > max(1, 0.2 * len(coarse.tilts)):  # many are those of a simulated symmetric object
        return None
    return (
        f"projections: {_listed(np.array(again))} repeat another one pixel by pixel. Check how the stack was put "
        "together, and leave them out."
    )


def _around(values: NDArray[Any], order: NDArray[Any]) -> NDArray[Any]:
    """The median of the three values before and the three behind, in that order."""
    n = len(order)
    padded = np.pad(values[order].astype(np.float64), 3, constant_values=np.nan)
    around = np.empty(n)
    around[order] = np.nanmedian([padded[i : i + n] for i in (0, 1, 2, 4, 5, 6)], axis=0)
    return around


def _brightness(coarse: Coarse) -> str | None:
    """Tilts whose mean jumps by half of what is usual, and by much more than it scatters.

    In a film rays grow longer as it tilts: where the means are steadier without that, it is divided out.
    """
    if len(coarse.tilts) < 5:
        return None
    mean = coarse.images.mean(axis=(1, 2))
    in_a_film = mean * np.abs(rotation_matrices(coarse.rotations)[:, 2, 2])
    jump, usual = min(
        (_jumps(m, coarse.order) for m in (mean, in_a_film)), key=lambda j: np.median(j[0]) / max(j[1], 1e-30)
    )
    odd = (jump > 0.5 * usual) & (jump > 12 * np.median(jump)) & (coarse.spread > 0)
    odd &= jump > 0.02 * np.median(coarse.spread)  # else the means are zero, and their rounding errors differ
    if not odd.any():
        return None
    return (
        f"projections: {_listed(coarse.tilts[odd])} are much darker or brighter than their neighbours. If something "
        "was in the beam, leave them out, with their angles, or mask them (NaN)."
    )


def _jumps(mean: NDArray[Any], order: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """How far each value is from those around it, and what is usual."""
    return np.abs(mean - _around(mean, order)), float(np.median(np.abs(mean)))


def _strangers(coarse: Coarse) -> str | None:
    """Tilts that have nothing in common with their neighbours, neither by angle nor in the stack, where others have."""
    n = len(coarse.tilts)
    if n < 5:
        return None
    alike = []
    for look in (0, 1):
        best = np.full(n, -1.0)
        for order in (np.arange(n), coarse.order):
            for lag in (1, 2):
                first, second = order[:-lag], order[lag:]
                likeness = 1 - coarse.difference(look, first, second)
                np.maximum.at(best, first, likeness)
                np.maximum.at(best, second, likeness)
        alike.append(best)
    usual = [np.median(best) for best in alike]
    odd = (alike[0] < 0.25 * usual[0]) & (alike[1] < 0.6 * usual[1]) & (coarse.spread > 0)
    if usual[0] < 0.5 or not odd.any():
        return None
    return (
        f"projections: {_listed(coarse.tilts[odd])} have nothing in common with their neighbours, as if they were "
        "noise. Look at them, and leave them out, with their angles, or mask them (NaN)."
    )


def _order(coarse: Coarse) -> str | None:
    """Whether another order than that of the angles makes neighbours clearly more alike."""
    n = len(coarse.tilts)
    if n < 12 or len(np.unique(np.round(coarse.rotations[:, [0, 2]]), axis=0)) > 3:
        return None
    in_stack = np.arange(n)
    if _more_alike(coarse, in_stack, 1.6, 1.45):
        found = "neighbours in the stack are more alike than neighbours in angle"
    elif any(_more_alike(coarse, coarse.order[path], 2, 2) for path in _acquisitions(coarse)):
        found = "the projections seem to be in the order of acquisition, and the angles are not"
    else:
        return None
    return (
        f"{_field(coarse.rotations)}: {found}. Give the angles in the order of the projections (an .mdoc lists "
        "them as they were acquired, a .tlt as they are stacked)."
    )


def _acquisitions(coarse: Coarse) -> Iterator[NDArray[np.intp]]:
    """Paths along which neighbours would be neighbours in angle, had the tilts been taken to both sides by turns."""
    n = len(coarse.order)
    zero = int(np.abs(coarse.rotations[coarse.order, 1]).argmin())
    up, down = range(zero + 1, n), range(zero - 1, -1, -1)
    for sides in ((up, down), (down, up)):
        for first, group in ((1, 1), (1, 2), (2, 2), (3, 3), (n, n)):
            acquired, left, take = [zero], [list(side) for side in sides], first
            while left[0] or left[1]:
                acquired += left[0][:take]
                left, take = [left[1], left[0][take:]], group
            yield np.argsort(acquired)


def _more_alike(coarse: Coarse, other: NDArray[np.intp], *times: float) -> bool:
    """Whether the steps along `other` that are long in angle are smaller than the steps in angle that are long in it.

    The one are smaller if `other` is right, the others if the angles are; so many `times` in each of the two views.
    """
    places, steps = [], []
    for path in (coarse.order, other):
        place = np.empty(len(path), np.intp)
        place[path] = np.arange(len(path))
        places.append(place)
        steps.append((path[:-1], path[1:]))
    far = [np.abs(place[pair[0]] - place[pair[1]]) for place, pair in zip(places[::-1], steps, strict=True)]
    given, others = far[0] >= 2, far[1] >= 2
    if given.sum() < 6 or others.sum() < 6:
        return False
    others &= far[1] >= np.median(far[1][others])
    return all(
        coarse.difference(look, *(i[given] for i in steps[0])).mean()
        > factor * coarse.difference(look, *(i[others] for i in steps[1])).mean()
        for look, factor in enumerate(times)
    )


def _axis(coarse: Coarse) -> str | None:
    """Whether the sums along y, not those along x, stay the same from tilt to tilt.

    A slice that is perpendicular to the tilt axis keeps its sum, unless it reaches beyond the field of view.
    """
    images = coarse.images[coarse.order]
    if len(images) < 10 or min(images.shape[1:]) < 8 or not coarse.single_axis:
        return None
    rows, noise = _systematic(images.sum(axis=2))
    columns, _ = _systematic(images.sum(axis=1))
    if rows < 2.5 * columns or rows < 2 * noise * np.sqrt(2 / len(images)) or rows < 1e-4:
        return None
    return (
        "projections: the tilt axis seems to lie along x, since the sum of each column of pixels changes less from "
        'tilt to tilt than that of each row. If so, choose it as "Tilt axis", or give --tilt-axis x or load(..., '
        'tilt_axis="x"); np.rot90(projections, axes=(1, 2)) turns an array.'
    )


def _systematic(profiles: NDArray[Any]) -> tuple[float, float]:
    """How much of the shape of profiles (tilt, pixel) changes steadily with the tilt, and how much at random."""
    profiles = unit(profiles).astype(np.float64)
    n = len(profiles)
    total = ((profiles - profiles.mean(axis=0)) ** 2).sum() / (n - 1)
    random = ((profiles[1:-1] - (profiles[:-2] + profiles[2:]) / 2) ** 2).sum() / (1.5 * (n - 2))
    return max(total - random, 0.0), random


def _first_axis(projections: NDArray[Any]) -> str | None:
    """Whether an axis other than the first, and as long, is that of the tilts.

    Of an object with nothing around it, all projections have the same sum, and slices at its ends have none.
    """
    shape = projections.shape
    others = [axis for axis in (1, 2) if shape[axis] == shape[0]]
    if not others or shape[0] < 10 or min(shape) < 8:
        return None
    thin = projections[:: max(1, shape[0] // 64), :: max(1, shape[1] // 64), :: max(1, shape[2] // 64)]
    sums = [np.moveaxis(thin, axis, 0).sum(axis=(1, 2), dtype=np.float64) for axis in range(3)]
    if min(s.sum() for s in sums) <= 0 or max(sums[0][0], sums[0][-1]) > 0.2 * sums[0].max():
        return None
    scatter = [s.std() / s.mean() for s in sums]
    for axis in others:
        if scatter[0] > 0.45 and scatter[axis] < 0.25 * scatter[0] and _steadier(thin, axis):
            return (
                f"projections: the tilts seem to lie along axis {axis} of {shape}, since all images along it have the "
                f"same sum. If so, give np.moveaxis(projections, {axis}, 0)."
            )
    return None


def _steadier(projections: NDArray[Any], axis: int) -> bool:
    """Whether images along `axis` keep the shape of their profiles better than those along the first axis."""
    changes = []
    for images in (projections, np.moveaxis(projections, axis, 0)):
        profiles = [unit(images.sum(axis=along, dtype=np.float64)) for along in (1, 2)]
        changes.append(min(float(((p - p.mean(axis=0)) ** 2).sum(axis=1).mean()) for p in profiles))
    return changes[1] < changes[0] / 3

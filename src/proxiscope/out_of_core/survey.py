"""What has to be known of a whole series before a slab of it can be reconstructed, found image by image."""

import hashlib
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from ..io.on_disk import OpenSeries
from ..reconstruction import HASHED
from ..tomography import TiltSeries
from ..tomography.base import Tomography
from ..tomography.coarse import coarse_images
from ..tomography.film import whole_rays
from ..tomography.plausible import doubts


@dataclass(frozen=True, eq=False)
class Survey:
    """What a first pass over a series found.

    Attributes
    ----------
    used, held_out : bool, (tilt,)
        Tilts to reconstruct from, and those that are held out, as far as they have data.
    totals : float64, (tilt,)
        Sums of |b| over the usable pixels.
    pixels : int
        Usable pixels of the tilts that are used.
    complete : bool
        Whether all pixels are usable.
    masked : bool
        Whether some are not in the tilts that count.
    sha256 : str
        Of the data, as `proxiscope.reconstruction.describe` computes it.
    """

    used: NDArray[np.bool_]
    held_out: NDArray[np.bool_]
    totals: NDArray[np.float64]
    pixels: int
    complete: bool
    masked: bool
    sha256: str


def surveyed(series: OpenSeries, algorithm: Tomography[Any]) -> Survey:
    """Look at every image once, and check what `TiltSeries` checks.

    Raises
    ------
    InputError
        If a value is infinite, or nothing was measured.

    Warns
    -----
    UserWarning
        As `TiltSeries` does; judged by coarse images.
    """
    rays, digest, coarse = usable_rays(series, algorithm), _begun(series), []
    largest, has_data, totals, counts, whole, first = [], [], [], [], [], 0
    for images, valid in series.images():
        digest.update(np.ascontiguousarray(images).data)
        coarse.append(coarse_images(images, None if valid.all() else valid))
        counted = valid if rays is None else valid & rays[first : first + len(images)]
        largest += [float(np.abs(image).max()) for image in images]
        has_data += [bool(image.any()) for image in images]
        totals += [np.abs(i).sum(dtype=np.float64, where=v) for i, v in zip(images, counted, strict=True)]
        counts += [int(np.count_nonzero(v)) for v in counted]
        whole += [bool(v.all()) for v in valid]
        first += len(images)
    _check(np.array(largest))
    for text in [*_empty(np.array(largest)), *doubts(np.concatenate(coarse), series.tilts.rotations)]:
        warnings.warn(text, stacklevel=3)
    kept = np.ones(len(totals), bool) if series.tilts.held_out is None else ~series.tilts.held_out
    if not np.any(np.array(has_data) & kept):
        raise InputError("held_out", "no projection is left", "Leave some tilts to reconstruct from")
    if not sum(counts):
        raise InputError("film", "no ray passes wholly through the volume", "Make the volume wider or thinner")
    used, held_out = np.array(has_data) & kept, np.array(has_data) & ~kept
    _finish(digest, series, all(whole))
    return Survey(
        used=used,
        held_out=held_out,
        totals=np.array(totals),
        pixels=int(np.array(counts)[used].sum()),
        complete=all(whole),
        masked=not np.array(whole)[used | ~kept].all(),
        sha256=digest.hexdigest(),
    )


def usable_rays(series: OpenSeries, algorithm: Tomography[Any]) -> NDArray[np.bool_] | None:
    """Pixels (tilt, 1, x) whose rays count, the same in all rows; None where all do, as they do except in a film."""
    if not algorithm.film:
        return None
    row = series.outline(1)
    depth, _, width = algorithm.work_shape(row)
    return whole_rays(row, (depth, 1, width))


def _check(largest: NDArray[Any]) -> None:
    if not np.isfinite(largest).all():
        raise InputError("projections", "infinite values", "Mark those pixels as not usable (NaN or valid=False)")
    if not largest.any():
        raise InputError("projections", "all measured pixels are zero, or none was", "Check the file and the mask")


def _empty(largest: NDArray[Any]) -> list[str]:
    empty = ", ".join(map(str, np.flatnonzero(largest == 0)))
    return [f"projections: nothing was measured in tilt {empty} (counted from 0). Left out of the reconstruction."][
        : bool(empty)
    ]


def _begun(series: OpenSeries) -> Any:
    digest = hashlib.sha256()
    assert HASHED.index("projections") < min(map(HASHED.index, ("support", "rotations", "valid")))
    digest.update(json.dumps(["projections", list(series.shape)]).encode())
    return digest


def _finish(digest: Any, series: OpenSeries, complete: bool) -> None:
    """Take in what follows the projections; pixels that are not usable take a second pass."""
    for name in HASHED[HASHED.index("projections") + 1 :]:
        array = getattr(series.tilts, name, None)
        if name == "valid":
            digest.update(json.dumps([name, list(series.shape)]).encode())
            for part in _valid(series, complete):
                digest.update(part.data)
        elif array is not None:
            digest.update(json.dumps([name, list(array.shape)]).encode())
            digest.update(np.ascontiguousarray(array).data)


def _valid(series: OpenSeries, complete: bool) -> Iterator[NDArray[np.bool_]]:
    if complete:
        yield from repeat(np.ones(series.shape[1:], bool), series.shape[0])
    else:
        yield from (np.ascontiguousarray(valid) for _, valid in series.images())


def description(series: OpenSeries, survey: Survey) -> dict[str, Any]:
    """What identifies the series in the record, as `proxiscope.reconstruction.describe` has it."""
    from ..core.recipes import files_of

    recipe = series.recipe()
    return {
        "kind": TiltSeries.__name__,
        "source": series.tilts.source,
        "shape": list(series.shape),
        "pixel_size_nm": series.tilts.pixel_size,
        "sha256": survey.sha256,
        "files": files_of(recipe),
        "recipe": recipe,
    }

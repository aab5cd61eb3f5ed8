"""Weighted back projection (M. Radermacher, Electron Tomography, ed. J. Frank, chapter 5 (1992))."""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import scipy
from numba import njit
from numpy.typing import NDArray

from ..core.threads import num_threads, parallel
from ..physics.projectors import SingleAxisProjector
from ..physics.rotations import rotation_matrices
from .base import Setup
from .direct import DirectTomography
from .fbp import Filter, window
from .problem import TiltSeries

_PERIODS = 4.0
"""c: periods in the length of a beam up to which the angles between tilts decide alone."""
_MEAN = 1.6
"""L at zero frequency, over the padded width: 1 / density is then that of the ramp's band-limited kernel."""
_TINY = np.float32(1e-10)


@dataclass(frozen=True, kw_only=True)
class WBP(DirectTomography, name="wbp", title="Weighted back projection (WBP)"):
    """Weighted back projection: divide each projection by how densely the tilts sample its frequencies, smear it back.

    Filtered back projection for tilts about any axes, one pass, of constraints only the support. Where tilts no longer
    overlap the filter levels off instead of rising on, so that it raises noise less. A missing wedge streaks.
    """

    use: ClassVar[str] = (
        "A first look, at once, for tilts about any axes. A missing wedge streaks, and noise is not held back."
    )

    filter: Filter = "ram-lak"

    def memory(self, problem: TiltSeries) -> int:
        """Bytes at the peak; each thread transforms a padded projection."""
        _, rows, columns = problem.shape
        padded = (rows if problem.single_axis else _padded(rows)) * (_padded(columns) + 2)
        return super().memory(problem) + 4 * 4 * num_threads() * padded

    def back_project(self, series: TiltSeries, work: Setup, out: NDArray[Any]) -> None:
        """Weigh the tilts that are kept, and smear them back with weight one for all voxels."""
        single_axis = work.in_slices
        projections = weighted(series, work.kept > 0, work.volume, self.filter, single_axis)
        smear = cast(SingleAxisProjector, work.projector).interpolate if single_axis else work.projector.adjoint
        smear(work.projector.pack_projections(projections), out)


def weighted(
    series: TiltSeries, kept: NDArray[np.bool_], volume: tuple[int, int, int], filter: str, single_axis: bool
) -> NDArray[np.float32]:
    """Projections (tilt, y, x) times window / density; zero for tilts that are not `kept` (tilt,).

    About a single axis the density is the same for all frequencies along y, which are left alone.
    """
    matrices = rotation_matrices(series.rotations)
    lengths = path_lengths(matrices[:, :, 2], volume)
    axes = (1,) if single_axis else (0, 1)
    size = [_padded(series.shape[1:][axis]) for axis in axes]
    kv = np.zeros(1) if single_axis else scipy.fft.fftfreq(size[0])
    ku = scipy.fft.rfftfreq(size[-1])
    gains = window(filter, np.hypot(kv[:, None], ku)).astype(np.float32)
    out = np.zeros(series.shape, np.float32)

    def weigh(t: int) -> None:
        spectrum = scipy.fft.rfftn(series.projections[t], s=size, axes=axes)
        spectrum *= gains / density(matrices[t], matrices[kept][:, :, 2], lengths[kept], kv, ku)
        image = scipy.fft.irfftn(spectrum, s=size, axes=axes, overwrite_x=True)
        out[t] = image[: out.shape[1], : out.shape[2]]

    parallel(weigh, [(t,) for t in np.flatnonzero(kept)])
    return out


def _padded(n: int) -> int:
    """Samples to which `n` are padded, so that a filter does not wrap around."""
    return scipy.fft.next_fast_len(2 * n, real=True)


def path_lengths(beams: NDArray[Any], volume: tuple[int, int, int]) -> NDArray[np.float64]:
    """How far beams (tilt, 3) of directions (x, y, z) run in a volume (z, y, x) of which they pass the centre."""
    return (np.array(volume[::-1]) / np.maximum(np.abs(beams), 1e-9)).min(axis=1)


def density(
    matrix: NDArray[Any], beams: NDArray[Any], lengths: NDArray[Any], kv: NDArray[Any], ku: NDArray[Any]
) -> NDArray[np.float32]:
    """How densely tilts sample the frequencies of one of them: the sum over tilts j of L sinc^2(L k.d_j).

    Smeared back through D_j, the length of its beam in the volume, tilt j fills a plane of thickness 1 / D_j: L = D_j.
    The plane's profile is a sinc, whose negative parts could make the sum vanish. A sinc^2 is never negative, so that
    the sum is at least D, that of the tilt itself, and counts as well: tilts evenly spaced by h give 1 / (h k) up to
    where they no longer overlap, at 1 / (h D) (Crowther 1970), and D beyond.

    At a few periods in the volume the planes of tilts far apart would count too, and an object be given a bright
    surrounding. There L = c / k, so that the same angles count as at c / D.

    Parameters
    ----------
    matrix : ndarray, (3, 3)
        Of the tilt whose frequencies k = matrix @ (ku, kv, 0) are meant.
    beams : ndarray, (tilt, 3)
        Directions d_j of the tilts that are reconstructed from.
    lengths : ndarray, (tilt,)
        D_j in pixels.
    kv, ku : ndarray, (row,) and (column,)
        In cycles per pixel, ku from zero.

    Returns
    -------
    float32, (row, column)
        In pixels.
    """
    slopes = (beams @ matrix[:, :2]).astype(np.float32)
    k = np.hypot(kv[:, None], ku)
    k[0, 0] = _PERIODS * ku[1] / _MEAN
    out = np.zeros(k.shape, np.float32)
    reach, kv, ku, lengths = (a.astype(np.float32) for a in (_PERIODS / k, kv, ku, lengths))
    _add_planes(slopes, lengths, reach, kv, ku, out)
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _add_planes(slopes: Any, lengths: Any, reach: Any, kv: Any, ku: Any, out: Any) -> Any:
    """Add L sinc^2(L slopes[j].(ku, kv)); the sine by its series, which compiles to vector instructions."""
    half, one, pi = np.float32(0.5), np.float32(1), np.float32(np.pi)
    c3, c5, c7, c9 = np.float32(-1 / 6), np.float32(1 / 120), np.float32(-1 / 5040), np.float32(1 / 362880)
    for v in range(len(kv)):
        row, longest = out[v], reach[v]
        for j in range(len(lengths)):
            start, slope, length = slopes[j, 1] * kv[v], slopes[j, 0], lengths[j]
            for u in range(len(ku)):
                along = max(length, longest[u])
                q = along * (start + slope * ku[u])
                a = pi * (q - np.floor(q + half))
                s = a * a
                sine = a * (one + s * (c3 + s * (c5 + s * (c7 + s * c9))))
                q = pi * q
                row[u] += along * ((sine * sine + _TINY) / (q * q + _TINY))

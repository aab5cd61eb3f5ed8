"""What ``choosing.py`` measures: problems whose truth is known, and how close each method comes to it."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from proxiscope import Discrepancy, iterate, reconstruct
from proxiscope.core import Algorithm, algorithms
from proxiscope.phase import BestQuality, DiffractionPattern, PoissonML
from proxiscope.phase.metrics import r_real
from proxiscope.phase.problem import box
from proxiscope.physics.projectors import projector
from proxiscope.simulate import crystal, film, missing_centre, needle, noisy_magnitudes, vesicle
from proxiscope.tomography import TVRESIRE, TiltSeries, fourier_shell_correlation
from proxiscope.tomography.base import IterativeTomography
from proxiscope.tomography.metrics import real_space_error
from proxiscope.tomography.noise import noise_level

# ---- tomography

SIZE, FINER, DEPTH = 35, 3, 13
"""Pixels of a projection, steps of the simulation in one (both odd: the centres agree), and slices of a film."""

OBJECTS = ("vesicle", "needle", "texture", "film")
NOISES = {"none": 0.0, "low": 0.03, "high": 0.3}
"""Standard deviation over the mean of the projections where they are not zero."""
WEDGES = (0, 40, 80)
TILTS = (20, 60)
TOMOGRAPHY = (
    "resire-tv", "resire-tv, weight 1", "resire-accelerated", "resire", "sirt", "sart", "sgd", "genfire", "fbp", "wbp",
)  # fmt: skip


class Series(NamedTuple):
    """A kind of tilt series."""

    object: str
    noise: str
    wedge: int
    tilts: int

    @property
    def angles(self) -> NDArray[np.float64]:
        """Evenly over what the wedge leaves; of a full turn the last tilt is not the first again."""
        reach = 90 - self.wedge / 2
        return np.linspace(-reach, reach, self.tilts, endpoint=self.wedge > 0)


def all_series() -> list[Series]:
    """Every combination; rays along a film have no end, so that it has a wedge."""
    found = [Series(o, n, w, t) for o in OBJECTS for w in WEDGES for t in TILTS for n in NOISES]
    return [s for s in found if s.wedge or s.object != "film"]


class Simulated:
    """The noise-free projections of an object, by strips as wide as a pixel through voxels three times finer.

    No method has that projector: rays along lines a third of a pixel apart are summed over the pixel's area.
    """

    def __init__(self, object: str, wedge: int, tilts: int, seed: int):
        angles = Series(object, "none", wedge, tilts).angles
        fine = _volume(object, angles, seed)
        detector = (FINER * SIZE,) * 2
        a = projector("real-space", np.stack([0 * angles, angles, 0 * angles], axis=1), detector, fine.shape)
        projections = a.unpack_projections(a.forward(a.pack_volume(fine)))
        self.angles = angles
        self.projections = _binned(projections, (1, FINER, FINER)) / FINER
        middle = [slice((n - FINER * m) // 2, (n - FINER * m) // 2 + FINER * m) for n, m in _pairs(object, fine.shape)]
        self.truth = _binned(fine[tuple(middle)], (FINER,) * 3)

    def series(self, noise: str, seed: int) -> TiltSeries:
        """With noise."""
        sigma = NOISES[noise] * self.projections[self.projections > 0].mean()
        drawn = np.random.default_rng(seed).normal(0, sigma, self.projections.shape) if sigma else 0
        return TiltSeries(self.projections + drawn, self.angles, announce=False)


def _pairs(object: str, fine: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return zip(fine, (DEPTH if object == "film" else SIZE, SIZE, SIZE), strict=True)


def _volume(object: str, angles: NDArray, seed: int) -> NDArray[np.float32]:
    """The object in fine voxels."""
    n = FINER * SIZE
    if object == "vesicle":
        return vesicle((n, n, n), seed=seed)
    if object == "needle":
        return needle((n, n, n), radius=0.4 * n, seed=seed)
    if object == "texture":
        grains = np.random.default_rng(seed).normal(size=(n, n, n)).astype(np.float32)
        grains = scipy.ndimage.gaussian_filter(grains, FINER)
        grains = (1 + grains / (2 * grains.std())).clip(0, 2)
        return needle((n, n, n), radius=0.4 * n, seed=seed) * grains
    steepest = np.deg2rad(np.abs(angles).max())
    width = int(SIZE / np.cos(steepest) + DEPTH * np.tan(steepest)) + 4
    coarse = film((DEPTH, SIZE, width + 1 - width % 2), DEPTH, seed=seed)
    return scipy.ndimage.zoom(coarse, FINER, order=1, mode="nearest", grid_mode=True)


def _binned(values: NDArray, factors: tuple[int, ...]) -> NDArray:
    """Means over blocks."""
    shape = [part for n, f in zip(values.shape, factors, strict=True) for part in (n // f, f)]
    return values.reshape(shape).mean(axis=tuple(range(1, 2 * values.ndim, 2)))


def tomography_method(name: str, object: str) -> Algorithm | None:
    """A method at its defaults but for what its name adds, told of a film; None where it cannot take one."""
    name, _, weight = name.partition(", weight ")
    cls = algorithms("tomography")[name]
    given = {"weight": float(weight)} if weight else {}
    if object != "film":
        return cls(**given)
    return cls(film=True, depth=DEPTH, **given) if issubclass(cls, IterativeTomography) else None


def volume_errors(algorithm: Algorithm, series: TiltSeries, truth: NDArray) -> dict[str, float]:
    """Figures of the volume as a user would have it, the error at the end of the whole run, and seconds.

    A user stops a method that fits the noise in the end by the discrepancy principle, whose noise is estimated from the
    series; what total variation, GENFIRE and the direct methods hold back, they hold back to their last iteration.
    """
    look = None
    if isinstance(algorithm, IterativeTomography) and not isinstance(algorithm, TVRESIRE):
        level = noise_level(series.projections)
        look = Discrepancy(noise=level).watch() if level > 0 else None
    begin, found = time.perf_counter(), {}
    for progress in iterate(algorithm, series):
        last = progress
        if look is not None and progress.metrics and look(progress.metrics["misfit"]):
            found = {"seconds": time.perf_counter() - begin, **_figures(progress.estimate(), truth)}
            look = None
    whole = {"seconds": time.perf_counter() - begin, **_figures(last.estimate(), truth)}
    return {"end": whole["error"], **(found or whole)}


def _figures(volume: NDArray, truth: NDArray) -> dict[str, float]:
    """Sum of absolute errors over that of the truth; the same of squares, with their root; and the finer half.

    The last is the mean Fourier shell correlation from half of Nyquist's frequency on: whether details are there,
    however bright.
    """
    shells = fourier_shell_correlation(volume, truth)
    return {
        "error": real_space_error(volume, truth),
        "rms": float(np.sqrt(((volume - truth) ** 2).sum() / (truth**2).sum())),
        "detail": float(np.nanmean(shells.correlation[shells.frequency > 0.25])),
    }


# ---- phase retrieval

FRAME, BODY = 72, 34
"""Pixels of a pattern, and of the image that the object spans to 0.7 or 0.9, along each axis."""

KINDS = ("real", "dim", "complex")
"""A vesicle; one that fades to a tenth towards one side; a strained crystal."""
FLUXES = (1e5, 1e6, 1e7, 1e9)
"""Photons in the pattern."""
SUPPORTS = ("outline", "box", "twice")
"""The object's outline and two pixels, as one draws it; the box around it and a pixel; a box of twice the area."""
CENTRES = (0, 5)
"""Pixels that are missing in the middle, along each axis."""
PHASE = ("hio", "er-hio", "er-hio, shrink", "raar", "oss", "gps-r", "gps-r, shrink", "gps-f", "best-quality")
SUCCESS, TIMES = 0.1, 1.5
"""R_real below which an image counts as right; so many times the noise's floor where that is more."""


class Pattern(NamedTuple):
    """A kind of diffraction pattern."""

    kind: str
    flux: float
    support: str
    centre: int


def all_patterns() -> list[Pattern]:
    """Every combination."""
    return [Pattern(k, f, s, c) for k in KINDS for c in CENTRES for s in SUPPORTS for f in FLUXES]


def pattern(problem: Pattern, seed: int) -> tuple[DiffractionPattern, NDArray]:
    """A noisy pattern, and the object in its frame."""
    image = _image(problem.kind, seed)
    shape = (FRAME, FRAME)
    frame = np.zeros(shape, np.complex128)
    frame[box(shape, image.shape)] = image.ravel()
    magnitudes = np.abs(np.fft.fftshift(np.fft.fftn(frame)))
    noisy = noisy_magnitudes(magnitudes, problem.flux, 0.0, np.random.default_rng(seed))
    known = missing_centre(shape, problem.centre) if problem.centre else None
    object = "complex" if problem.kind == "complex" else "non-negative"
    frame = frame if problem.kind == "complex" else frame.real
    return DiffractionPattern(noisy, _support(problem.support, frame), known, object=object), frame


def _image(kind: str, seed: int) -> NDArray[np.complex128]:
    if kind == "complex":
        return crystal((BODY, BODY), seed=seed).astype(np.complex128)
    fading = np.linspace(1, 0.1 if kind == "dim" else 1, BODY)
    return vesicle((BODY, BODY), seed=seed) * fading.astype(np.complex128)


def _support(name: str, frame: NDArray) -> NDArray[np.bool_]:
    if name == "outline":
        return scipy.ndimage.binary_dilation(frame != 0, iterations=2)
    share = (2**0.5 - 1) / 2 if name == "twice" else 0.0
    support = np.zeros(frame.shape, bool)
    ends = []
    for at in np.nonzero(frame):
        first, last = int(at.min()) - 1, int(at.max()) + 1
        more = round(share * (last + 1 - first))
        ends.append(slice(first - more, last + 1 + more))
    support[tuple(ends)] = True
    return support


def phase_method(name: str) -> Algorithm:
    """A method at its defaults, but for shrink-wrap every 20 iterations where its name says so, and fewer starts of
    best quality."""
    name, _, shrinks = name.partition(", ")
    if shrinks:
        return algorithms("phase")[name](shrink_every=20)
    if name == "best-quality":
        return BestQuality.preset("fast")
    return algorithms("phase")[name]()


def floor(problem: DiffractionPattern, truth: NDArray) -> float:
    """R_real to which the noise leads from the object itself, by maximum likelihood within its outline."""
    start = problem.within(_support("outline", truth)).starting_from(truth)
    return r_real(reconstruct(PoissonML(), start).array, truth)


def image_error(algorithm: Algorithm, problem: DiffractionPattern, truth: NDArray, seed: int) -> dict[str, float]:
    """R_real of a run, and its seconds."""
    begin = time.perf_counter()
    array = reconstruct(algorithm, problem, seed=seed).array
    return {"r_real": r_real(array, truth), "seconds": time.perf_counter() - begin}

"""The noisy pattern of section 2.4.1, and many starts on it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import iterate
from ..io import read_array
from ..phase import GPSF, GPSR, HIO, OSS, DiffractionPattern, Ensemble
from ..phase.agreement import aligned
from ..phase.base import PhaseRetrieval
from ..phase.metrics import r_real
from ..simulate import noisy_magnitudes

FRAME, FLUX, READ_OUT = 192, 1.12e7, 2
"""Which give 6 % noise by eq. 2.30; the thesis states neither the frame nor the photons."""

GOOD = 5.0
"""A start succeeds if R_real ends below, in per cent."""

THESIS = {"sigma": ((0, 0.01), (0.4, 0.1))}
"""The relaxation that is printed for the yeast spore: none is for the vesicle."""

METHODS: Mapping[str, PhaseRetrieval] = {
    "HIO": HIO(),
    "OSS": OSS(),
    "GPS-R, thesis": GPSR(**THESIS),
    "GPS-F, thesis": GPSF(**THESIS),
    "GPS-R": GPSR(),
    "GPS-F": GPSF(),
    "GPS-R, no returns": GPSR(restart=False),
}


class Vesicle(NamedTuple):
    """The object (y, x) in its frame, and its noise-free magnitudes, centred."""

    truth: NDArray[np.float64]
    magnitudes: NDArray[np.float64]

    @classmethod
    def of(cls, folder: Path) -> "Vesicle":
        """That of the file of the authors."""
        model = read_array(folder / "vesicle_2D.mat", "model_2d")
        truth, corner = np.zeros((FRAME, FRAME)), FRAME // 2 - len(model) // 2
        truth[corner : corner + model.shape[0], corner : corner + model.shape[1]] = model
        return cls(truth, np.abs(np.fft.fftshift(np.fft.fft2(truth))))

    def pattern(self, noise: int = 0, *, margin: int = 1, known: NDArray | None = None) -> DiffractionPattern:
        """The pattern with the noise of a seed, and as support the bounding box grown by a margin."""
        rows, columns = np.nonzero(self.truth)
        support = np.zeros(self.truth.shape, bool)
        box = (slice(axis.min() - margin, axis.max() + margin + 1) for axis in (rows, columns))
        support[tuple(box)] = True
        noisy = noisy_magnitudes(self.magnitudes, FLUX, READ_OUT, np.random.default_rng(noise))
        return DiffractionPattern(noisy, support, known)


class Starts(NamedTuple):
    """R_F and R_real in per cent and the images of all starts, from the lowest R_F on."""

    r_f: NDArray[np.float64]
    r_real: NDArray[np.float64]
    images: NDArray[np.float32]

    @property
    def successes(self) -> int:
        """Starts that found the object."""
        return int((self.r_real < GOOD).sum())


def run(algorithm: PhaseRetrieval, pattern: DiffractionPattern, truth: NDArray, starts: int, seed: int = 0) -> Starts:
    """All starts of an algorithm."""
    ensemble = Ensemble(algorithm=algorithm, starts=starts)
    for last in iterate(ensemble, pattern, seed=seed):  # noqa: B007
        pass
    order = np.argsort(last.state.r_factors)
    images = last.state.images[order]
    return Starts(100 * last.state.r_factors[order], np.array([100 * r_real(i, truth) for i in images]), images)


def three(values: NDArray, digits: int = 2) -> str:
    """Minimum, median and standard deviation."""
    return " / ".join(f"{v:.{digits}f}" for v in (values.min(), np.median(values), values.std()))


def spread(images: NDArray) -> float:
    """Variance of aligned images over the mean square of their mean, in per cent."""
    images = aligned(images).astype(np.float64)
    return 100 * images.var(axis=0).mean() / (images.mean(axis=0) ** 2).mean()

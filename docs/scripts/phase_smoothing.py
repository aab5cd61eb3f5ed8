"""What smoothing of gradients does to phases: the figures of docs/how-to/phase-retrieval.md.

    python docs/scripts/phase_smoothing.py VESICLE_2D.mat

With the author's vesicle, which may not be redistributed. Refines results of HIO, OSS and GPS-R for six draws of the
noise, and starts ten times from random phases.
"""

import sys

import numpy as np
import scipy.io

from proxiscope import DiffractionPattern, iterate, reconstruct
from proxiscope.phase import ER, GPSR, HIO, OSS, GradientDescent, PoissonML
from proxiscope.phase.metrics import r_real
from proxiscope.simulate import noisy_magnitudes

FRAME, PHOTONS, READOUT = 192, 1.12e7, 2
METHODS = {
    "error reduction": ER,
    "gradient descent, t = 1.5": GradientDescent,
    "smoothed over the image, sigma 1": lambda **options: GradientDescent(smoothing="image", **options),
    "smoothed, sigma 1, t = 2": lambda **options: GradientDescent(smoothing="image", step_size=2.0, **options),
    "smoothed along indices, sigma 1": lambda **options: GradientDescent(smoothing="indices", **options),
}


def pattern(truth, noise):
    """The noisy pattern of the object, with a box a pixel wider than it as support."""
    rows, columns = np.nonzero(truth)
    support = np.zeros(truth.shape, bool)
    support[rows.min() - 1 : rows.max() + 2, columns.min() - 1 : columns.max() + 2] = True
    exact = np.abs(np.fft.fftshift(np.fft.fft2(truth)))
    noisy = noisy_magnitudes(exact, PHOTONS, readout=READOUT, rng=np.random.default_rng(noise))
    return DiffractionPattern(noisy, support)


def ends(algorithm, problem, truth, seed=0):
    """R_F and R_real of the last iterate, in percent."""
    *_, last = iterate(algorithm, problem, seed=seed)
    return 100 * last.metrics["r_factor"], 100 * r_real(last.estimate(), truth)


def tell(name, found):
    """A line with means and standard deviations."""
    (r, real), (dr, dreal) = np.mean(found, axis=0), np.std(found, axis=0)
    print(f"{name}: R_F {r:.2f} +- {dr:.2f} %, R_real {real:.2f} +- {dreal:.2f} %", flush=True)


def main(path):
    model = scipy.io.loadmat(path)["model_2d"]
    truth = np.zeros((FRAME, FRAME))
    corner = FRAME // 2 - len(model) // 2
    truth[corner : corner + len(model), corner : corner + len(model)] = model
    patterns = [pattern(truth, noise) for noise in range(6)]
    for first in (HIO(), OSS(), GPSR()):
        starts = [p.starting_from(reconstruct(first, p, seed=i).image) for i, p in enumerate(patterns)]
        for name, method in METHODS.items():
            tell(f"{first.name}, {name}", [ends(method(max_iterations=200), p, truth) for p in starts])
        tell(f"{first.name}, maximum likelihood", [ends(PoissonML(), p, truth) for p in starts])
    for name, method in METHODS.items():
        found = [ends(method(max_iterations=1000), patterns[0], truth, seed) for seed in range(10)]
        tell(f"random phases, {name}", found)


if __name__ == "__main__":
    main(sys.argv[1])

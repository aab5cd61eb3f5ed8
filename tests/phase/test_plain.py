"""Every algorithm and kind of object against the plain loop of its paper, in complex128 on whole spectra.

What is compared and how closely is told in `test_oracle`, whose reference knows neither complex objects nor all of
the algorithms. A real object is given the mean of b(k) and b(-k) and its images the real part.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from proxiscope.core import iterate
from proxiscope.phase import ER, ERHIO, GPSF, GPSR, HIO, OSS, RAAR, DifferenceMap, DiffractionPattern
from proxiscope.phase.base import Work, first_spectrum

ITERATIONS, STAGES, BETA, S, T = 30, 4, 0.8, 0.85, 0.9
WIDTHS = np.linspace(1.5, 0.3, STAGES)
SIGMA = ((0.0, 0.05), (0.5, 0.2))
RUN = {"max_iterations": ITERATIONS, "check_every": 1}
STAGED = {**RUN, "stages": STAGES, "widest": 1.5, "narrowest": 0.3}
PRIMAL_DUAL = {**STAGED, "s": S, "t": T, "sigma": SIGMA}
ALGORITHMS = {
    "er": ER(**RUN),
    "hio": HIO(**RUN, beta=BETA),
    "hio, polished": HIO(**RUN, beta=BETA, polish=12),
    "er-hio": ERHIO(**RUN, beta=BETA, hio_iterations=4, er_iterations=2),
    "raar": RAAR(**RUN, beta=((0.0, BETA), (0.1, 0.6)), polish=0),
    "difference map, beta 1": DifferenceMap(**RUN, polish=0),
    "difference map": DifferenceMap(**RUN, beta=0.7, polish=0),
    "oss": OSS(**STAGED, beta=BETA),
    "gps-r": GPSR(**PRIMAL_DUAL),
    "gps-f": GPSF(**PRIMAL_DUAL),
    "gps-f, no restart": GPSF(**PRIMAL_DUAL, restart=False),
}
KINDS = ["non-negative", "real", "complex", "complex-positive"]
every_algorithm = pytest.mark.parametrize("name", ALGORITHMS)
every_kind = pytest.mark.parametrize("kind", KINDS)


def problem(kind, shape, seed=3):
    """A pattern with 3 % noise and an unknown centre, of an object in a box."""
    rng = np.random.default_rng(seed)
    box = tuple(slice(n // 2 - n // 6, n // 2 + n // 5) for n in shape)
    support, image = np.zeros(shape, bool), np.zeros(shape, complex)
    support[box] = True
    size = image[box].shape
    image[box] = rng.random(size) + (0 if kind in ("non-negative", "real") else 1j * (rng.random(size) - 0.3))
    if kind in ("real", "complex"):
        image[box] -= 0.3
    b = np.abs(np.fft.fftshift(np.fft.fftn(image))) * (1 + 0.03 * rng.standard_normal(shape))
    known = np.ones(shape, bool)
    known[tuple(slice(n // 2 - 1, n // 2 + 2) for n in shape)] = False
    known.flat[3] = False  # and one pixel whose mate is known
    return DiffractionPattern(np.maximum(b, 0), support, known, object=kind)


def mate(unshifted):
    """The values at -k of an array whose zero frequency is first."""
    return unshifted[np.ix_(*(-np.arange(n) % n for n in unshifted.shape))]


@dataclass
class Plain:
    """The projections and figures of a problem, in double precision."""

    pattern: DiffractionPattern

    def __post_init__(self):
        self.real, self.positive = self.pattern.real, self.pattern.non_negative
        self.support = self.pattern.support
        self.b, self.known = (np.fft.ifftshift(a) for a in (self.pattern.magnitudes.astype(float), self.pattern.known))
        self.measured, self.used = self.b, self.known
        if self.real:
            known, both = self.known, self.known + mate(self.known).astype(int)
            self.measured = (self.b * known + mate(self.b * known)) / np.maximum(both, 1)
            self.used = both > 0
        axes = [np.arange(n) - n // 2 for n in self.pattern.shape]
        self.r2 = sum(a.astype(float) ** 2 for a in np.meshgrid(*axes, indexing="ij"))
        self.f2 = sum(f**2 for f in np.meshgrid(*map(np.fft.fftfreq, self.pattern.shape), indexing="ij"))

    def image(self, spectrum):
        u = np.fft.ifftn(spectrum)
        return u.real + 0j if self.real else u

    def allowed(self, u):
        """P_S(u) inside the support."""
        return np.maximum(u.real, 0) + 1j * u.imag if self.positive else u

    def p_s(self, u):
        return np.where(self.support, self.allowed(u), 0)

    def p_m(self, u):
        z = np.fft.fftn(u)
        return self.image(np.where(self.used, self.measured * np.exp(1j * np.angle(z)), z))

    def smoothed(self, u, width):
        """Low-pass filtered."""
        return self.image(np.fft.fftn(u) * np.exp(-self.f2 / (2 * width**2)))

    def p_dual(self, y):
        """I - P_S, since P_S projects onto a convex cone, and so does the dual set's projection; free outside."""
        return y - self.p_s(y)

    def r_factor(self, u):
        a = np.abs(np.fft.fftn(self.p_s(u)))
        return np.abs(a - self.b)[self.known].sum() / self.b[self.known].sum()

    def satisfied(self, u):
        return self.support & (u.real >= 0) if self.positive else self.support


def er(p, g, u, n):
    return p.p_s(u)


def hio(p, g, u, n):
    return np.where(p.satisfied(u), u, g - BETA * u)


def hio_polished(p, g, u, n):
    return (hio if n < 18 else er)(p, g, u, n)


def er_hio(p, g, u, n):
    return (hio if n % 6 < 4 else er)(p, g, u, n)  # 30 iterations are five whole cycles


def raar(p, g, u, n):
    beta = BETA if n < 3 else 0.6
    reflected = 2 * u - g
    twice_reflected = 2 * p.p_s(reflected) - reflected
    return beta / 2 * (twice_reflected + g) + (1 - beta) * u


def difference_map(beta):
    def update(p, g, u, n):
        f_m = (1 + 1 / beta) * u - g / beta
        f_s = (1 - 1 / beta) * p.p_s(g) + g / beta
        return g + beta * (p.p_s(f_m) - p.p_m(f_s))

    return update


def solution_of_the_map(p, g, beta=0.7):
    return p.p_m((1 - 1 / beta) * p.p_s(g) + g / beta)


def projections(update, p, start, solution=lambda p, g: p.p_m(g)):
    """R-factors and images of g <- update(g, u), u <- P_M(g), judged on the `solution` that g stands for."""
    g = u = start
    for n in range(ITERATIONS):
        g = update(p, g, u, n)
        u = p.p_m(g)
        judged = solution(p, g)
        yield p.r_factor(judged), p.p_s(judged)


def stage_of(n):
    return n * STAGES // ITERATIONS


def oss(p, start):
    g = u = best = start
    lowest = np.inf
    for n in range(ITERATIONS):
        if n and stage_of(n) != stage_of(n - 1):
            g, u = best, p.p_m(best)
        pushed = g - BETA * u
        inside = np.where(p.satisfied(u), u, pushed)
        g = np.where(p.support, inside, p.smoothed(pushed, WIDTHS[stage_of(n)]))
        u = p.p_m(g)
        r = p.r_factor(u)
        if r < lowest:
            lowest, best = r, g
        yield r, p.p_s(u)


def gps(p, start, kind, restart=True):
    z, y = np.fft.fftn(start), np.zeros(start.shape, complex)
    lowest, best = np.inf, (z, y)
    for n in range(ITERATIONS):
        if restart and n and stage_of(n) != stage_of(n - 1):
            z, y = best
        width, eps = WIDTHS[stage_of(n)], (0.05 if n < ITERATIONS / 2 else 0.2) / T
        w = z - T * np.fft.fftn(y)
        relaxed = (p.measured * np.exp(1j * np.angle(w)) + eps * w) / (1 + eps)
        new = np.where(p.used, relaxed, w)
        y = p.p_dual(y + S * p.image(2 * new - z))
        if kind == "R":
            y = p.smoothed(y, width / np.sqrt(S))
        else:
            y = y * np.exp(-S * p.r2 / (2 * (width * max(p.r2.shape)) ** 2))
        z = new
        u = p.image(z)
        r = p.r_factor(u)
        if r < lowest:
            lowest, best = r, (z, y)
        yield r, p.p_s(u)


PLAIN = {
    "er": lambda p, start: projections(er, p, start),
    "hio": lambda p, start: projections(hio, p, start),
    "hio, polished": lambda p, start: projections(hio_polished, p, start),
    "er-hio": lambda p, start: projections(er_hio, p, start),
    "raar": lambda p, start: projections(raar, p, start),
    "difference map, beta 1": lambda p, start: projections(difference_map(1), p, start),
    "difference map": lambda p, start: projections(difference_map(0.7), p, start, solution_of_the_map),
    "oss": oss,
    "gps-r": lambda p, start: gps(p, start, "R"),
    "gps-f": lambda p, start: gps(p, start, "F"),
    "gps-f, no restart": lambda p, start: gps(p, start, "F", restart=False),
}


def first_image(pattern, disturbance=0.0):
    """Our start, disturbed by a relative error if asked.

    Also in its imaginary part: the primal variable of GPS has one of which the object shows nothing, and which grows
    from rounding errors where k and -k are both in the half spectrum.
    """
    spectrum = first_spectrum(Work(pattern), pattern, 0).astype(complex)
    axes = tuple(range(spectrum.ndim))
    image = np.fft.irfftn(spectrum, pattern.shape, axes) if pattern.real else np.fft.ifftn(spectrum)
    noise = np.random.default_rng(1).standard_normal((2, *pattern.shape))
    return image + disturbance * image.std() * (noise[0] + 1j * noise[1])


def plain(name, pattern, **options):
    """R-factors over the iterations, and images."""
    figures, images = zip(*PLAIN[name](Plain(pattern), first_image(pattern, **options)), strict=True)
    return np.array(figures), images


def ours(name, pattern):
    progress = [(p.metrics["r_factor"], p.estimate()) for p in iterate(ALGORITHMS[name], pattern)]
    return np.array([r for r, _ in progress]), [image for _, image in progress]


@every_algorithm
@every_kind
@pytest.mark.parametrize("shape", [(24, 20), (21, 22), (10, 9, 12)], ids=str)
def test_a_run_is_that_of_the_plain_loop(name, kind, shape):
    pattern = problem(kind, shape)
    (found, images), (expected, plain_images) = ours(name, pattern), plain(name, pattern)
    scale = np.abs(plain_images[4]).max()
    np.testing.assert_allclose(found[:5], expected[:5], rtol=2e-4)
    np.testing.assert_allclose(images[4], plain_images[4], atol=2e-3 * scale)
    disturbed, _ = plain(name, pattern, disturbance=1e-6)
    growth = np.maximum.accumulate(np.abs(disturbed / expected - 1))
    assert (np.abs(found / expected - 1) <= 50 * growth + 1e-5).all()

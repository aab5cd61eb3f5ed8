"""Refinement of angles (section 3.3.4), on the vesicle of figure 3.1 with tilts that are known to be off.

The thesis refines the angles of a NiPt nanoparticle, whose series is not to be had, and prints no figure of it. Here
each of 41 tilts is off by 1 degree (standard deviation) about all three axes and by 1 pixel; `angle-refinement` at its
defaults. What remains is a root mean square over the tilts, but for a turn and a shift of the whole object, which
nothing can tell. Errors sum |u - u0| / sum |u0| are those of accelerated RESIRE after 100 iterations.

Needs the authors' vesicle.mrc. At full scale a minute or two.
"""

import argparse
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from .. import reconstruct
from ..figures import COLOURS
from ..physics.rotations import rotation_matrices
from ..simulate import tilt_series
from ..tomography import AcceleratedRESIRE, AngleRefinement, TiltSeries
from ..tomography.metrics import real_space_error
from ._vesicle_series import ANGLES, NOISE, vesicle_of
from .report import Report, Table, bar, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEGREES, PIXELS = 1.0, 1.0
METHOD = AcceleratedRESIRE(max_iterations=100)


class Remaining(NamedTuple):
    """What is left of the errors, root mean squares, and the turn and the shifts of the whole that are taken out.

    About the detector's x, y and z in degrees, and along y and x in pixels; turn (3, 3), offsets (tilt, 2).
    """

    turns: NDArray[np.float64]
    shifts: NDArray[np.float64]
    turn: NDArray[np.float64]
    offsets: NDArray[np.float64]


def remaining(rotations: NDArray, shifts: NDArray, series: TiltSeries) -> Remaining:
    """Compare a geometry with that of `series`."""
    true, found = rotation_matrices(series.rotations), rotation_matrices(rotations)
    turn = Rotation.from_matrix(true @ found.transpose(0, 2, 1)).mean().as_matrix()
    vectors = Rotation.from_matrix((turn @ found).transpose(0, 2, 1) @ true).as_rotvec(degrees=True)
    along = np.stack([found[:, :, 1], found[:, :, 0]], axis=1)  # (tilt, (y, x), object)
    off = series.shifts - shifts
    offset = np.linalg.lstsq(along.reshape(-1, 3), off.ravel(), rcond=None)[0]
    left = off - along @ offset
    return Remaining(np.sqrt((vectors**2).mean(axis=0)), np.sqrt((left**2).mean(axis=0)), turn, along @ offset)


def moved(truth: NDArray, noise: float, seed: int) -> TiltSeries:
    """The series of a volume with the geometry as it is, about y but for its errors."""
    rng = np.random.default_rng(seed)
    rotations = nominal() + rng.normal(0, DEGREES, (len(ANGLES), 3))
    return tilt_series(truth, rotations, shifts=rng.normal(0, PIXELS, (len(ANGLES), 2)), noise=noise)


def nominal() -> NDArray[np.float64]:
    """The Euler triples as they are believed to be."""
    return np.stack([0 * ANGLES, ANGLES, 0 * ANGLES], axis=1)


def experiment(options: argparse.Namespace) -> Report:
    """Refine with each noise, and reconstruct with the true, the refined and the given geometry."""
    truth, rows, courses = vesicle_of(options.data), [], {}
    for noise in bar(options.noise):
        series = moved(truth, noise, 1 + options.seed)
        believed = series.copy_with(rotations=nominal(), shifts=None)
        result = reconstruct(AngleRefinement(rounds=options.rounds, steps=options.steps), believed)
        found = remaining(result.products["rotations"], result.products["shifts"], series)
        matrices = found.turn @ rotation_matrices(result.products["rotations"])
        refined = series.copy_with(
            rotations=Rotation.from_matrix(matrices).as_euler("ZYX", degrees=True),
            shifts=result.products["shifts"] + found.offsets,
        )
        errors = (real_space_error(reconstruct(METHOD, s).volume, truth) for s in (series, refined, believed))
        courses[noise] = result.metrics["r_factor"]
        rows.append((
            f"{noise:g}", ", ".join(f"{v:.2f}" for v in found.turns), ", ".join(f"{v:.3f}" for v in found.shifts),
            str(result.metrics["iteration"][-1] // options.steps), " / ".join(f"{e:.3f}" for e in errors),
        ))  # fmt: skip
    columns = (
        "noise", "left about x, y (the tilt), z, degrees", "left of the shifts along y, x, pixels", "rounds",
        "error, true geometry / refined / as given",
    )  # fmt: skip
    return Report(
        f"One draw of errors and of noise, at most {options.rounds} rounds of {options.steps} iterations.",
        [Table(columns, tuple(rows))],
        lambda figure: _draw(figure, courses),
        "R_F over the iterations; angles and shifts move after each round",
    )


def _draw(figure: "Figure", courses: dict[float, NDArray]) -> None:
    axes = figure.subplots()
    for (noise, course), colour in zip(courses.items(), COLOURS, strict=False):
        axes.plot(np.arange(1, 1 + len(course)), 100 * course, color=colour, label=f"noise {noise:g}")
    axes.set(xlabel="iteration", ylabel="R_F (%)", yscale="log")
    axes.legend()


if __name__ == "__main__":
    noises = {"type": float, "nargs": "+", "default": (0.0, NOISE), "metavar": "X", "help": f"noises (0 {NOISE})"}
    options = (
        ("--noise", noises),
        ("--rounds", {"type": number, "default": 30, "help": "at most (30)"}),
        ("--steps", {"type": number, "default": 50, "help": "iterations of a round (50)"}),
    )
    raise SystemExit(main(experiment, *options, reduced={"noise": (NOISE,), "rounds": 4, "steps": 20}))

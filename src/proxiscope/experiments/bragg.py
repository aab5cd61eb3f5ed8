"""An experimental Bragg peak, for the experimental patterns of section 2.4.2, whose data are not to be had.

Scan S0054 of APS 34-ID-C, an example of the program cohere: 160 x 96 x 96 of its counts about the peak, those below 3
set to zero, a box as support that shrink-wrap tightens, a complex object. There is no published reconstruction. What is
told beside R_F: how much of all that is brighter than 0.3 of the maximum is in one piece, and how much the phase
changes there from voxel to voxel (1.8 rad in noise).

Needs S0054_volume.npz. At full scale a few minutes.
"""

import argparse
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .. import reconstruct
from ..io import read_array
from ..phase import ERHIO, DiffractionPattern, Ensemble, support
from .report import Report, Table, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PEAK, CROP, LEAST = (99, 126, 127), (160, 96, 96), 3
"""Place of the peak, voxels around it, and counts that are kept."""

BRIGHT = 0.3


def pattern_of(counts: NDArray, crop: tuple[int, ...]) -> DiffractionPattern:
    """The counts about the peak, with a box as support."""
    window = tuple(slice(c - n // 2, c + n // 2) for c, n in zip(PEAK, crop, strict=True))
    kept = np.where(counts[window] < LEAST, 0, counts[window])
    return DiffractionPattern.from_intensities(kept, support=support.rectangle(kept.shape, 8), object="complex")


def experiment(options: argparse.Namespace) -> Report:
    """One start, and several in guided generations."""
    counts = read_array(options.data / "S0054_volume.npz", "intensity")
    pattern = pattern_of(counts, tuple(n // options.shrink for n in CROP))
    algorithm = ERHIO(max_iterations=options.iterations, shrink_every=20)
    single = reconstruct(algorithm, pattern, seed=options.seed)
    rows = [("1 start", f"{single.r_factor:.0%}", *_cells(single.array), "")]
    if options.starts > 1:
        ensemble = Ensemble(algorithm=algorithm, starts=options.starts, generations=2)
        best = reconstruct(ensemble, pattern, seed=options.seed)
        weight = f"{best.products['mode_weights'][0]:.0%}"
        rows.append((f"{options.starts} starts, 2 generations", f"{best.r_factor:.0%}", *_cells(best.array), weight))
    size = " x ".join(map(str, pattern.shape))
    columns = "ER-HIO", "R_F", "in one piece", "its size, voxels", "phase from voxel to voxel, rad", "first mode"
    return Report(
        f"{size} of the counts, {options.iterations} iterations, the support updated every 20.",
        [Table(columns, tuple(rows))],
        lambda figure: _draw(figure, single.array),
        "Modulus and phase (where the modulus is above 0.3 of its maximum) of the single start, in a section",
    )


def _cells(array: NDArray) -> tuple[str, ...]:
    modulus = np.abs(array)
    bright = modulus > BRIGHT * modulus.max()
    pieces, count = ndimage.label(bright)
    sizes = ndimage.sum_labels(bright, pieces, range(1, count + 1))
    box = ndimage.find_objects((pieces == 1 + sizes.argmax()).astype(int))[0]
    inside = ndimage.binary_erosion(bright)
    steps = [np.angle(np.roll(array, -1, axis) * array.conj())[inside] for axis in range(array.ndim)]
    change = f"{np.sqrt(np.mean(np.square(steps))):.2f}" if inside.any() else ""
    return f"{sizes.max() / sizes.sum():.0%}", " x ".join(str(s.stop - s.start) for s in box), change


def _draw(figure: "Figure", array: NDArray) -> None:
    modulus = np.abs(array)
    z = modulus.sum(axis=(1, 2)).argmax()
    rows, columns = np.nonzero(modulus[z] > BRIGHT * modulus.max())
    middle = [int(axis.mean()) for axis in (rows, columns)] if len(rows) else [n // 2 for n in modulus.shape[1:]]
    window = tuple(slice(max(0, m - 24), m + 24) for m in middle)
    section = array[z][window]
    left, right = figure.subplots(1, 2)
    left.imshow(np.abs(section), cmap="gray")
    shown = np.where(np.abs(section) > BRIGHT * modulus.max(), np.angle(section), np.nan)
    image = right.imshow(shown, cmap="twilight", vmin=-np.pi, vmax=np.pi)
    figure.colorbar(image, ax=right, label="phase (rad)")
    for axes, title in ((left, "modulus"), (right, "phase")):
        axes.set(title=title, xticks=[], yticks=[])
    figure.set_size_inches(7, 3)


if __name__ == "__main__":
    options = (
        ("--iterations", {"type": number, "default": 260, "help": "of ER-HIO (260)"}),
        ("--starts", {"type": number, "default": 6, "help": "of the second row; 1 leaves it out (6)"}),
        ("--shrink", {"type": number, "default": 1, "help": "take so many times fewer voxels each way (1)"}),
    )
    raise SystemExit(main(experiment, *options, reduced={"iterations": 260, "starts": 1, "shrink": 2}))

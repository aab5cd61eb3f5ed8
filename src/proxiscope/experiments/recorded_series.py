"""Recorded tilt series, and those of other authors, which stand for the data of figures 3.2 to 3.4.

Those of the thesis are not to be had. Here are an experimental HAADF series of a needle (NIST's etspy, aligned by it),
which stands for the frozen cell of figure 3.2 and the coral of figure 3.3; the authors' own projections of the
vesicle, 0 to 120 degrees; and simulated projections of an FePt nanoparticle (GENFIRE workshop), which stand for the
NiPt particle of figure 3.4. R_F is eq. 3.9 by the method's own projector, and the free one that of every eighth tilt,
held out of a second run. The nanoparticle is reconstructed from 21 tilts between -50 and 50 degrees and compared with
what RESIRE, and what GENFIRE, makes of 37 tilts all the way round, by their Fourier shell correlation in the missing
wedge; and how wide its atoms are, as the standard deviation along the beam and along the tilt axis. Only the needle is
drawn: of the others no licence is stated.

What is absent of the three is left out. At full scale some minutes, for the needle.
"""

import argparse
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from .. import load, reconstruct
from ..core import Algorithm, InputError
from ..figures import COLOURS
from ..reconstruction import Result
from ..tomography import (
    FBP,
    GENFIRE,
    RESIRE,
    SIRT,
    TiltSeries,
    fourier_shell_correlation,
    missing_wedge,
)
from ..tomography.correlation import FSC
from ._vesicle_series import vesicle_of
from .report import Report, Table, bar, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEEDLE = "etspy_haadf_needle/HAADF_Aligned.hspy"
PROJECTIONS = "dissertation_vesicle/vesicle_projections.mat"
PARTICLE = "genfire_workshop_fept/projections_FePt.mat"
WEDGE = "genfire_workshop_fept/projections_FePt_mw.mat"

EVERY = 8
"""Tilts of which one is held out."""

MIDDLE = 140
"""Row of the needle about which slices are taken, where fewer are asked for."""


class Part(NamedTuple):
    """A table, and pictures or curves by their names."""

    table: Table
    pictures: Mapping[str, NDArray] = {}
    curves: Mapping[str, FSC] = {}


def experiment(options: argparse.Namespace) -> Report:
    """All series that are there."""
    parts, absent = [], []
    for files, make in (((NEEDLE,), needle), ((PROJECTIONS,), projections), ((PARTICLE, WEDGE), particle)):
        missing = [file for file in files if not (options.data / file).exists()]
        absent += missing
        if not missing:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about the files' metadata
                parts.append(make(options))
    if not parts:
        raise InputError(str(options.data), f"none of {', '.join(absent)}", "Give the folder of all data")
    return Report(
        f"At most {options.iterations} iterations." + f" Not here: {', '.join(absent)}." * bool(absent),
        [part.table for part in parts],
        lambda figure: _draw(figure, parts),
        "Sections of the needle across the tilt axis; Fourier shell correlations of the nanoparticle in the missing "
        "wedge with what RESIRE makes of all tilts",
    )


def needle(options: argparse.Namespace) -> Part:
    """RESIRE, SIRT and FBP of the needle, as in figure 3.2."""
    series = load(options.data / NEEDLE)
    if options.slices < series.shape[1]:
        half = options.slices // 2
        rows = slice(MIDDLE - half, MIDDLE - half + options.slices)
        series = series.copy_with(projections=series.projections[:, rows], valid=series.valid[:, rows])
    count = min(100, options.iterations)
    methods: dict[str, tuple[Algorithm, str]] = {
        f"RESIRE, {count} iterations": (RESIRE(max_iterations=count), "2.50"),
        f"SIRT, {count}": (SIRT(max_iterations=count), "4.39"),
        "FBP": (FBP(), "40.63 (caption), 40.46 (text)"),
    }
    rows, pictures = [], {}
    for name, (algorithm, printed) in bar(methods.items()):
        result, free = both(algorithm, series)
        rows.append((name, f"{result.r_factor:.2%}", free, printed))
        pictures[f"needle, {name}"] = result.volume[:, series.shape[1] // 2]
    size = " x ".join(map(str, series.shape[1:]))
    what = f"HAADF needle, {series.shape[0]} tilts of {size}"
    return Part(Table((what, "R_F", "free R_F", "printed R_F of another object, %"), tuple(rows)), pictures)


def projections(options: argparse.Namespace) -> Part:
    """The authors' own projections, and the volume they were made of if it is there."""
    series, file = load(options.data / PROJECTIONS), options.data / "dissertation_vesicle/vesicle.mrc"
    truth = vesicle_of(file.parent) if file.exists() else None
    count = min(300, options.iterations)
    rows = []
    for projector in bar(["thesis", "real-space", "fourier-slice"]):
        result, free = both(RESIRE(max_iterations=count, projector=projector), series)
        alike = f"{np.corrcoef(result.volume.ravel(), truth.ravel())[0, 1]:.3f}" if truth is not None else ""
        rows.append((f"RESIRE, {projector}, {count}", f"{result.r_factor:.2%}", free, alike))
    what = f"authors' vesicle, {series.shape[0]} tilts"
    return Part(Table((what, "R_F", "free R_F", "correlation with the model"), tuple(rows)))


def particle(options: argparse.Namespace) -> Part:
    """RESIRE and GENFIRE behind a missing wedge, as in figure 3.4, against both of them without one."""
    folder = options.data / Path(PARTICLE).parent
    whole = load(options.data / PARTICLE, angles=folder / "angles.mat")
    wedge = load(options.data / WEDGE, angles=folder / "angles_mw.mat")
    count = min(200, options.iterations)
    methods = {"RESIRE": RESIRE(max_iterations=count), "GENFIRE": GENFIRE(max_iterations=count)}
    others = {"SIRT": SIRT(max_iterations=count), "FBP": FBP()}
    references = {name: reconstruct(algorithm, whole).volume for name, algorithm in methods.items()}
    unseen = missing_wedge(references["RESIRE"].shape, wedge, margin=0)
    rows, shown = [], {}
    for name, algorithm in bar((methods | others).items()):
        result, free = both(algorithm, wedge)
        curves = [
            fourier_shell_correlation(result.volume, volume, mask=None, between=unseen)
            for volume in references.values()
        ]
        cells = *(f"{curve.mean:.3f}" for curve in curves), widths(result.volume)
        rows.append((name, f"{result.r_factor:.2%}", free, *cells))
        shown[f"FePt, {name}"] = curves[0]
    columns = (
        f"FePt, {wedge.shape[0]} tilts to 50 degrees, {count} iterations", "R_F", "free R_F",
        *(f"FSC in the wedge with {name} of all tilts" for name in references), "width of atoms along z / y, px",
    )  # fmt: skip
    rows += [(f"{name}, all tilts", "", "", "", "", widths(volume)) for name, volume in references.items()]
    return Part(Table(columns, tuple(rows)), curves=shown)


def widths(volume: NDArray, count: int = 100, reach: int = 2) -> str:
    """Of the brightest atoms, along the beam and the tilt axis: standard deviations, in windows of 5 x 5 x 5."""
    inner = volume[(slice(reach, -reach),) * 3]
    peaks = np.argwhere((inner == maximum_filter(volume, 2 * reach + 1)[(slice(reach, -reach),) * 3]) & (inner > 0))
    brightest = sorted(peaks.tolist(), key=lambda peak: -inner[tuple(peak)])[:count]
    offsets, found = np.arange(-reach, reach + 1), []
    for peak in brightest:
        window = volume[tuple(slice(p, p + 2 * reach + 1) for p in peak)]
        for axis in (0, 1):
            profile = (window - window.min()).sum(axis=tuple({0, 1, 2} - {axis}))
            centre = (profile * offsets).sum() / profile.sum()
            found.append(np.sqrt((profile * (offsets - centre) ** 2).sum() / profile.sum()))
    along_z, along_y = np.median(np.reshape(found, (-1, 2)), axis=0)
    return f"{along_z:.2f} / {along_y:.2f}"


def both(algorithm: Algorithm, series: TiltSeries) -> tuple[Result, str]:
    """The result of all tilts, and the R-factor of those held out of another run, in words."""
    if isinstance(algorithm, FBP | GENFIRE):
        return reconstruct(algorithm, series), ""
    held_out = reconstruct(replace(algorithm), series.hold_out(EVERY))
    return reconstruct(algorithm, series), f"{held_out.metrics['free_r_factor'][-1]:.2%}"


def _draw(figure: "Figure", parts: list[Part]) -> None:
    pictures = {title: image for part in parts for title, image in part.pictures.items()}
    curves = {name: curve for part in parts for name, curve in part.curves.items()}
    grid = figure.subplots(1, max(1, len(pictures) + bool(curves)), squeeze=False)[0]
    for axes, (title, image) in zip(grid, pictures.items(), strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=np.percentile(image, 99.8))
        axes.set(title=title, xticks=[], yticks=[])
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        grid[-1].plot(curve.frequency, curve.correlation, color=colour, label=name)
    if curves:
        grid[-1].set(xlabel="cycles per voxel", ylabel="FSC in the missing wedge")
        grid[-1].legend(loc="upper right", fontsize="small")
    figure.set_size_inches(2.8 * len(grid), 2.8)


if __name__ == "__main__":
    options = (
        ("--iterations", {"type": number, "default": 300, "help": "at most (300)"}),
        ("--slices", {"type": number, "default": 256, "help": "of the needle (256)"}),
    )
    raise SystemExit(main(experiment, *options, reduced={"iterations": 60, "slices": 16}))

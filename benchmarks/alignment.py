"""Alignment of a real tilt series against etspy's: CPU seconds, and how well the aligned images agree.

The series is the HAADF needle of etspy's own tests (NIST, public domain): 77 tilts of 256 x 256 pixels with shifts of
up to 41 pixels. All start from the same images with their background subtracted. What comes out is reconstructed in one
way, accelerated RESIRE, 30 iterations; its R-factor over the rows that all images have tells how well they agree.
"""

import argparse
import contextlib
import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import _peers
import numpy as np
from numpy.typing import NDArray

import proxiscope as px
from proxiscope.io.series import turn
from proxiscope.preparation import Images, step
from proxiscope.tomography import AcceleratedRESIRE, TiltSeries, alignment

ROWS = slice(60, 200)
"""Rows along the axis that all images have wherever the methods move them."""


def main() -> None:
    """Run all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("PROXISCOPE_TEST_DATA") or beside) / "etspy_haadf_needle"
    parser.add_argument("--data", type=Path, default=folder, help="folder with HAADF.mrc and HAADF_Aligned.hspy")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    raw = px.load(options.data / "HAADF.mrc", steps=[step("hot-pixels"), step("background")])
    stored = px.load(options.data / "HAADF_Aligned.hspy", steps=[step("background")])
    print(f"as recorded                          {r_factor(raw):7.2%}")
    print(f"as stored by etspy's authors         {r_factor(stored):7.2%}")
    methods: dict[str, Callable[[], TiltSeries]] = {
        "proxiscope, align": lambda: alignment.apply_shifts(alignment.align(raw)),
        "proxiscope, cross-correlation, mass": lambda: alignment.apply_shifts(by_mass(raw)),
        **{f"etspy {name}, CoM": lambda name=name: by_etspy(raw, name) for name in ("PC", "StackReg", "COM-CL")},
    }
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for k in range(options.rounds + 1):
        for name, method in methods.items():
            begin = time.process_time()
            aligned = method()
            if k:
                seconds[name].append(time.process_time() - begin)
            else:
                print(f"{name:36} {r_factor(aligned):7.2%}", flush=True)
    ours = np.median(seconds["proxiscope, align"])
    for name, found in seconds.items():
        print(f"{name:36} {np.median(found):6.2f} s  {np.median(found) / ours:5.2f} of ours")


def by_mass(series: TiltSeries) -> TiltSeries:
    """The quick chain, which etspy's is like: registration, centre of mass, and the axis by the mass of rows."""
    registered = alignment.common_line(alignment.cross_correlation(series))
    return alignment.centre_of_mass(alignment.tilt_axis_by_mass(registered))


def by_etspy(series: TiltSeries, method: str) -> TiltSeries:
    """Registration, and the tilt axis by centres of mass of three slices, as its tutorial does."""
    _peers.load("etspy==1.3.0", "etspy")
    from etspy.base import TomoStack, TomoTilts

    images = np.rot90(series.projections, -1, axes=(1, 2))  # its axis is along x
    stack = TomoStack(np.ascontiguousarray(images), tilts=TomoTilts(series.angles[:, None]))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        registered = stack.stack_register(method)
        found = registered.tilt_align("CoM", slices=np.array([64, 128, 192]))
    return series.copy_with(projections=turn(as_float(found.data)), valid=None)


def as_float(data: NDArray) -> NDArray[np.float32]:
    """An array that is in memory and contiguous."""
    return np.ascontiguousarray(data, np.float32)


def r_factor(series: TiltSeries) -> float:
    """Of a reconstruction of the middle rows, once the background has been brought to zero again."""
    images = step("background")(Images.of(series))
    middle = series.copy_with(
        projections=as_float(images.values[:, ROWS]), valid=series.valid[:, ROWS], rotations=series.rotations
    )
    return px.reconstruct(AcceleratedRESIRE(max_iterations=30), middle).r_factor


if __name__ == "__main__":
    main()

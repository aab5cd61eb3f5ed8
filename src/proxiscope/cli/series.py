"""Tilt series on the command line: one file, or several that are joined, and how they were tilted."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core import InputError
from ..preparation import Step
from ..tomography import TiltSeries, merge


def add_options(add: Any, series: str = "INPUT") -> None:
    """Add, by a parser's `add_argument`, the options that say how each `series` was tilted and what is usable."""
    add(
        "--angles", metavar="FILE", nargs="+", action="extend",
        help="tilt angles in degrees, Euler triples (phi, theta, psi), or refined tilts with shifts, one FILE for each "
        f"{series} or one for all (default: found in or beside {series})",
    )  # fmt: skip
    add(
        "--tilt-axis", metavar="x|y|ANGLE", nargs="+", action="extend", type=_axis,
        help="image axis along which the tilt axis lies, or its degrees from y, positive from x to y; one for all "
        f"or one for each {series}",
    )  # fmt: skip
    add(
        "--reverse-angles", action="store_true",
        help="the stage turned the other way than the angles say; no data can tell, and a wrong direction mirrors the "
        "object",
    )  # fmt: skip
    add(
        "--in-plane", metavar="ANGLE", nargs="+", action="extend", type=float,
        help="degrees (phi) by which the object had been turned about the beam, one for each "
        f"{series}: 0 90 for a double tilt",
    )  # fmt: skip
    add("--mask", metavar="FILE", nargs="+", action="extend", help=f"usable pixels of {series}: true or non-zero")


def read_series(
    options: argparse.Namespace,
    inputs: Sequence[str],
    steps: Sequence[Step] = (),
    tick: Callable[[float], None] = lambda fraction: None,
) -> tuple[TiltSeries, tuple[str, ...]]:
    """The tilt series in `inputs`, joined if there are several, and notes on how they were read; raises InputError.

    `steps` of preparation and `tick` are as for `proxiscope.load`.
    """
    from ..io.load import loaded

    n = len(inputs)
    axes, masks, in_plane = (_each(options, name, n) for name in ("tilt_axis", "mask", "in_plane"))
    if n > 1 and options.in_plane is None:
        in_plane = [0.0] * n  # so that all have one centre
    found: list[Any] = []
    notes: list[str] = []
    angles = _angles(options, inputs)
    common: dict[str, Any] = {
        "variable": options.variable,
        "pixel_size": options.pixel_size,
        "reverse_angles": options.reverse_angles,
    }
    for i, path in enumerate(inputs):
        own: dict[str, Any] = {"angles": angles[i], "mask": masks[i], "tilt_axis": axes[i], "in_plane": in_plane[i]}
        support = getattr(options, "support", None) if i == 0 else None  # that of the first counts for all
        own |= {"support": support, "steps": steps, "tick": lambda done, i=i: tick((i + done) / n)}
        series, said = loaded(path, expected="tilt-series", **own, **common)
        found.append(series)
        notes += [f"{Path(path).name}: {text}" for text in said]
    return (merge(*found) if n > 1 else found[0]), tuple(notes)


def files(options: argparse.Namespace) -> list[str]:
    """All files that the options name as something to read."""
    names = ("input", "angles", "support", "mask", "start", "volume", "truth")
    values = filter(None, (getattr(options, name, None) for name in names))
    return [path for value in values for path in ([value] if isinstance(value, str) else value)]


def _each(options: argparse.Namespace, name: str, n: int) -> list[Any]:
    """The values of an option for each of `n` inputs."""
    values = getattr(options, name)
    if values is None:
        return [None] * n
    if len(values) == 1 and name == "tilt_axis":
        values = values * n
    if len(values) != n:
        raise InputError(f"--{name.replace('_', '-')}", f"{len(values)} for {n} series", "Give one for each")
    return values


def _angles(options: argparse.Namespace, inputs: Sequence[str]) -> list[Any]:
    """What `read` takes as angles of each input; a file with as many rows as all have together is shared out."""
    if not options.angles or len(inputs) == 1 or len(options.angles) > 1:
        return _each(options, "angles", len(inputs))
    from ..io import read, read_angles

    values = read_angles(options.angles[0])
    counts = [len(read(path, variable=options.variable).data) for path in inputs]
    if len(values) != sum(counts):
        return options.angles * len(inputs)
    return np.split(values, np.cumsum(counts)[:-1])


def _axis(text: str) -> str | float:
    if text in ("x", "y"):
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}; give x, y or degrees") from None

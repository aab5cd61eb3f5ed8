"""``proxiscope quality``: how good a reconstructed volume is, by its projections, its truth, or its half-sets."""

import argparse
import csv
import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, algorithms, build, check, parameters, to_dict
from ..core.files import atomic
from ..core.validation import as_real, positive_or_none
from ..tomography import TiltSeries, metrics
from ..tomography.correlation import FSC, GOLD_STANDARD, Between, fourier_shell_correlation
from ..tomography.half_sets import split_tilts
from . import commands
from . import series as tilt_series
from .outputs import check_writable, same_file

THRESHOLDS = (0.5, GOLD_STANDARD)
PROJECTORS = ("real-space", "fourier-slice")
_WORST = 3


def add_parser(sub: "argparse._SubParsersAction[Any]") -> None:
    """Add the command to those of ``proxiscope``."""
    parser = sub.add_parser(
        "quality",
        help="judge a reconstructed volume",
        description="Judge a volume by the projections of a tilt series, by a known truth, or by reconstructions from "
        "either half of the series.",
    )
    add = parser.add_argument
    add("volume", metavar="VOLUME", help="file with the volume (z, y, x)")
    add("input", metavar="SERIES", nargs="*", help="tilt series that it was reconstructed from, or several, joined")
    add("--truth", metavar="FILE", help="volume that is known to be right, in register: Fourier shell correlation")
    tilt_series.add_options(add, "SERIES")
    add("--film", action="store_true", help="the sample goes on beyond VOLUME: count whole rays only")
    add("--variable", metavar="NAME", help="array to read from a SERIES that holds several")
    add("--pixel-size", metavar="NM", type=float, help="pixel size, instead of what the files say")
    add("--half-sets", metavar="ALGORITHM", help="reconstruct either half of SERIES with it, in the size of VOLUME")
    add("--parameter", metavar="NAME=VALUE", action="append", help="of that algorithm; may be repeated")
    add("--fsc", metavar="CSV", help="Fourier shell correlations over frequency, as a table")
    add("--json", action="store_true", help="print JSON, with the figures of every tilt")
    add("--quiet", action="store_true", help="no progress bar, no notes")
    parser.set_defaults(command=quality)


@dataclass
class Report:
    """What was found out about a volume.

    `residuals` has the R-factors (tilt,) by each of `PROJECTORS`, `curves` the correlations, by what with and where.
    """

    volume: NDArray[Any]
    pixel_size: float | None
    series: TiltSeries | None = None
    residuals: dict[str, NDArray[Any]] = field(default_factory=dict)
    error: float | None = None
    curves: dict[str, dict[str, FSC]] = field(default_factory=dict)
    halves: dict[str, Any] | None = None


def quality(options: argparse.Namespace) -> int:
    """``proxiscope quality``."""
    algorithm = _algorithm(options)
    _check_options(options)
    report, tilts = _read(options)
    if report.series is not None:
        for name in PROJECTORS:
            exact = name == "fourier-slice"
            report.residuals[name] = metrics.residuals(report.volume, report.series, exact=exact, film=options.film)
    if options.truth:
        truth = _volume(options.truth, report.volume.shape)
        report.error = metrics.real_space_error(report.volume, truth)
        report.curves["truth"] = _correlate(report.volume, truth, tilts, report.pixel_size)
    if algorithm is not None:
        algorithm = _in_the_size_of(report.volume, algorithm)
        report.halves = {"algorithm": algorithm.name, "parameters": to_dict(algorithm)}
        one, other = _reconstruct_halves(algorithm, report.series, options.quiet)
        report.curves["half-sets"] = _correlate(one, other, tilts, report.pixel_size)
    if options.fsc:
        _write_table(options.fsc, report)
    print(json.dumps(_as_json(report, options), indent=2) if options.json else _as_text(report, options))
    return 0


def _algorithm(options: argparse.Namespace) -> Any:
    """The algorithm for the half-sets, or None."""
    if not options.half_sets:
        if options.parameter:
            raise InputError("--parameter", "given without --half-sets", "Name the algorithm that it belongs to")
        return None
    known = {name: cls for name, cls in algorithms().items() if cls.family == "tomography"}
    if options.half_sets not in known:
        raise InputError("--half-sets", f"got {options.half_sets!r}", f"Give one of {', '.join(known)}")
    cls, values = known[options.half_sets], {}
    for text in options.parameter or ():
        name, _, value = text.partition("=")
        found = {p.name: p for p in parameters(cls)}.get(name.strip().replace("-", "_"))
        if found is None:
            raise InputError("--parameter", f"{text!r}, which {cls.name} does not have", "Give NAME=VALUE")
        values[found.name] = found.parse(value)
    return build(cls, values)


def _check_options(options: argparse.Namespace) -> None:
    if not (options.input or options.truth):
        raise InputError("SERIES", "neither it nor --truth was given", "Give what VOLUME is to be judged by")
    if options.half_sets and not options.input:
        raise InputError("SERIES", "not given", "--half-sets needs the series to be halved")
    if options.fsc and not (options.truth or options.half_sets):
        raise InputError("--fsc", "nothing to correlate VOLUME with", "Give --truth or --half-sets too")
    if options.fsc:
        if any(same_file(options.fsc, other) for other in tilt_series.files(options)):
            raise InputError(options.fsc, "is one of the files to be read", "Give another name for the table")
        check_writable(options.fsc)


def _read(options: argparse.Namespace) -> tuple[Report, TiltSeries | NDArray[Any] | None]:
    """What is to be judged, and what was measured as far as it is known."""
    from ..io import read

    pixel_size = positive_or_none("pixel_size", options.pixel_size)
    report = Report(_volume(options.volume), pixel_size or read(options.volume).pixel_size)
    if not options.input:
        return report, _angles(options)
    report.series, notes = tilt_series.read_series(options, options.input)
    if not options.quiet:
        for note in notes:
            print(note, file=sys.stderr)
    report.pixel_size = report.pixel_size or report.series.pixel_size
    return report, report.series


def _angles(options: argparse.Namespace) -> NDArray[Any] | None:
    """The angles of a series that is not given, to tell what it measured."""
    from ..io import read_angles
    from ..io.angles import split_shifts

    if not options.angles:
        return None
    if len(options.angles) > 1:
        raise InputError("--angles", f"{len(options.angles)} files without SERIES", "Give one, with Euler triples")
    return split_shifts(read_angles(options.angles[0]))[0]


def _volume(path: str, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """A volume from a file, of a `shape` if one is given."""
    from ..io import read_array

    name = Path(path).name
    volume = as_real(name, read_array(path), ndim=3, axes="(z, y, x)")
    if shape is not None and volume.shape != shape:
        raise InputError(name, f"its shape is {volume.shape}, that of VOLUME {shape}", "Give one of the same shape")
    if not np.isfinite(volume).all():
        raise InputError(name, "values that are not finite", "Give real numbers everywhere")
    return volume


def _in_the_size_of(volume: NDArray[Any], algorithm: Any) -> Any:
    sizes = dict(zip(("depth", "height", "width"), volume.shape, strict=True))
    known = {p.name for p in parameters(algorithm)}
    values = {name: value for name, value in to_dict(algorithm).items() if name in known}
    return build(type(algorithm), values | {name: n for name, n in sizes.items() if name in known})


def _reconstruct_halves(algorithm: Any, series: Any, quiet: bool) -> list[NDArray[Any]]:
    halves = split_tilts(series)
    for half in halves:
        check(algorithm, half)
    volumes = []
    for half in halves:
        result, interrupted = commands.run(algorithm, half, quiet=quiet)
        if interrupted:
            raise KeyboardInterrupt
        volumes.append(result.array)
    return volumes


def _correlate(
    a: NDArray[Any], b: NDArray[Any], tilts: TiltSeries | NDArray[Any] | None, pixel_size: float | None
) -> dict[str, FSC]:
    """Correlations between all Fourier points, and if the tilts are known between those in and outside the wedge."""
    return {
        between: fourier_shell_correlation(a, b, between=between, tilts=tilts, pixel_size=pixel_size)
        for between in (get_args(Between) if tilts is not None else ("all",))
    }


def _write_table(path: str, report: Report) -> None:
    """Write the correlations as a CSV table, one row a shell; samples are those of half the Fourier space."""
    found = {f"{source} {where}": c for source, of in report.curves.items() for where, c in of.items()}
    samples = {f"samples {where}": c for of in report.curves.values() for where, c in of.items()}
    first = next(iter(found.values()))
    columns = {"cycles_per_px": first.frequency}
    if first.pixel_size:
        columns["cycles_per_nm"] = first.frequency / first.pixel_size
    columns |= {name: curve.correlation for name, curve in found.items()}
    columns |= {name: curve.count for name, curve in samples.items()}
    with atomic(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))


def _as_text(report: Report, options: argparse.Namespace) -> str:
    size = " x ".join(map(str, report.volume.shape))
    scale = f", pixels of {report.pixel_size:.4g} nm" if report.pixel_size else ""
    lines = [f"{options.volume}: {size}{scale}"]
    if report.series is not None:
        lines += [f"R_F {name:14} {_mean(values):.2%}" for name, values in report.residuals.items()]
        lines.append(f"worst tilts by {PROJECTORS[0]} R_F: {_worst(report)}")
    if report.error is not None:
        lines.append(f"real-space error   {report.error:.4f}")
    for source, curves in report.curves.items():
        against = options.truth if source == "truth" else f"half-sets by {options.half_sets}"
        lines += ["", f"FSC with {against}" if source == "truth" else f"FSC of {against}"]
        heads = [f"resolution at {threshold:g}" for threshold in THRESHOLDS]
        lines.append(f"  {'':14} {'mean':>7}  {heads[0]:22}{heads[1]}")
        for where, curve in curves.items():
            shown = [_resolution(curve, threshold) for threshold in THRESHOLDS]
            lines.append(f"  {where:14} {curve.mean:7.3f}  {shown[0]:22}{shown[1]}")
    return "\n".join(lines)


def _mean(values: NDArray[Any]) -> float:
    """Mean over the tilts that have data (eq. 3.9)."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else np.nan


def _worst(report: Report) -> str:
    values = report.residuals[PROJECTORS[0]]
    order = np.argsort(-np.nan_to_num(values, nan=-1))[:_WORST]
    return ", ".join(
        f"{_angle(report.series, tilt)} degrees (no. {tilt}) {values[tilt]:.2%}" for tilt in order if values[tilt] >= 0
    )


def _angle(series: Any, tilt: int) -> str:
    triple = series.rotations[tilt]
    return f"({', '.join(f'{a:.4g}' for a in triple)})" if triple[[0, 2]].any() else f"{triple[1]:.4g}"


def _resolution(curve: FSC, threshold: float) -> str:
    period = curve.resolution(threshold)
    if period == np.inf:
        return "none"
    bound = "" if period is not None else "better than "
    period = 1 / curve.frequency[curve.count > 0][-1] if period is None else period
    return f"{bound}{period:.3g} px" + (f", {period * curve.pixel_size:.3g} nm" if curve.pixel_size else "")


def _as_json(report: Report, options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {
        "volume": options.volume, "shape": list(report.volume.shape), "pixel_size_nm": report.pixel_size,
    }  # fmt: skip
    if report.series is not None:
        found["series"] = options.input[0] if len(options.input) == 1 else options.input
        found["r_factor"] = {name: _number(_mean(values)) for name, values in report.residuals.items()}
        found["tilts"] = [
            {"rotation": list(map(float, triple))} | {name: _number(v[t]) for name, v in report.residuals.items()}
            for t, triple in enumerate(report.series.rotations)
        ]
    if options.truth:
        found |= {"truth": options.truth, "real_space_error": report.error}
    if report.halves:
        found["half_sets"] = report.halves
    if report.curves:
        found["fsc"] = {
            source: {where: _curve_as_json(c) for where, c in curves.items()}
            for source, curves in report.curves.items()
        }
    return found


def _curve_as_json(curve: FSC) -> dict[str, Any]:
    """Mean and resolutions; one that is null is finer than the shells reach, or not there at all: see ``resolved``."""
    periods = {f"{threshold:g}": curve.resolution(threshold) for threshold in THRESHOLDS}
    found = {
        "mean": _number(curve.mean),
        "resolution_px": {at: _number(period) for at, period in periods.items()},
        "resolved": {at: period != np.inf for at, period in periods.items()},
    }
    if curve.pixel_size:
        nm = {at: None if period is None else period * curve.pixel_size for at, period in periods.items()}
        found["resolution_nm"] = {at: _number(period) for at, period in nm.items()}
    return found


def _number(value: float | None) -> float | None:
    """A number that JSON can hold."""
    return None if value is None or not math.isfinite(value) else float(value)

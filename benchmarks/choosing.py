"""Which algorithm for which data: errors against a known truth over noise, missing wedge, tilts, photons and supports.

    python benchmarks/choosing.py [--docs docs] [--figures FILE] [--seeds 3] [--starts 6] [--best 3] [--needle FILE]

With ``--docs`` the figures go to choosing.json in that folder, tables between the marks of its choosing.md, pictures to
its images. ``--figures`` takes them from such a file instead of measuring. One core; 17 minutes. ``--needle``
compares some methods on a measured series instead, such as etspy's HAADF_Aligned.hspy, by tilts that they do not see.
"""

# ruff: noqa: E402

import argparse
import json
import os
import re
import time
from pathlib import Path

for _library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "PROXISCOPE"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # before NumPy starts its threads

import _choosing as measured
import _choosing_report as report
import numpy as np

from proxiscope import Discrepancy, TiltSeries, load, reconstruct
from proxiscope.tomography.metrics import free_r_factor


def tomography(seeds: int) -> list[dict]:
    """The figures of every kind of series, those that differ in their noise made of the same projections."""
    cells = []
    for kind in measured.all_series():
        if kind.noise == next(iter(measured.NOISES)):
            simulated = [measured.Simulated(kind.object, kind.wedge, kind.tilts, seed) for seed in range(seeds)]
        found: dict[str, list] = {}
        for seed, data in enumerate(simulated):
            series = data.series(kind.noise, seed)
            for name in measured.TOMOGRAPHY:
                algorithm = measured.tomography_method(name, kind.object)
                if algorithm is not None:
                    found.setdefault(name, []).append(measured.volume_errors(algorithm, series, data.truth))
        cells.append(kind._asdict() | {"methods": {name: _columns(rows) for name, rows in found.items()}})
        print(*kind, {name: round(np.mean(x["error"]), 3) for name, x in cells[-1]["methods"].items()}, flush=True)
    return cells


def _columns(rows: list[dict[str, float]]) -> dict:
    """Errors of all seeds, and means of the rest."""
    errors = {name: [_short(row[name]) for row in rows] for name in ("error", "end")}
    return errors | {name: _short(np.mean([row[name] for row in rows])) for name in ("rms", "detail", "seconds")}


def phase(starts: int, best: int) -> list[dict]:
    """R_real of every kind of pattern; each seed is another object, noise and start."""
    cells = []
    for kind in measured.all_patterns():
        found: dict[str, list] = {name: [] for name in measured.PHASE}
        seconds: dict[str, list] = {name: [] for name in measured.PHASE}
        floors, ratios = [], []
        for seed in range(starts):
            pattern, truth = measured.pattern(kind, seed)
            floors.append(_short(measured.floor(pattern, truth)))
            ratios.append(pattern.oversampling_ratio)
            for name in measured.PHASE:
                if name != "best-quality" or seed < best:
                    one = measured.image_error(measured.phase_method(name), pattern, truth, seed)
                    found[name].append(_short(one["r_real"]))
                    seconds[name].append(one["seconds"])
        methods = {name: {"r_real": found[name], "seconds": _short(np.mean(seconds[name]))} for name in found}
        known = {"oversampling": _short(np.mean(ratios)), "floor": floors}
        cells.append(kind._asdict() | known | {"methods": methods})
        print(*kind, {name: round(float(np.median(x)), 3) for name, x in found.items()}, flush=True)
    return cells


def needle(path: Path) -> dict[str, float]:
    """Free R-factors of a measured series: the middle 32 rows, binned by two, every tenth tilt held out."""
    series = load(path)
    middle = series.projections[:, series.shape[1] // 2 - 16 :][:, :32]
    binned = middle.reshape(len(middle), 16, 2, -1, 2).mean(axis=(2, 4))
    held = TiltSeries(binned, rotations=series.rotations, announce=False).hold_out(10)
    found = {}
    for name in ("resire-tv, weight 1", "resire-tv", "resire-accelerated", "sirt"):
        algorithm = measured.tomography_method(name, "needle")
        stop = () if name.startswith("resire-tv") else Discrepancy()
        found[name] = free_r_factor(reconstruct(algorithm, held, stop=stop).array, held)
    return found


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def main() -> None:
    """Measure, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, metavar="FOLDER", help="write figures, tables and pictures here")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="take the figures from here")
    parser.add_argument("--seeds", type=int, default=3, help="objects and draws of noise in tomography (3)")
    parser.add_argument("--starts", type=int, default=6, help="the same, and starts, in phase retrieval (6)")
    parser.add_argument("--best", type=int, default=3, help="as many of them also for best quality (3)")
    parser.add_argument("--needle", type=Path, metavar="FILE", help="an aligned tilt series to compare on instead")
    options = parser.parse_args()
    if options.needle:
        print(*(f"{name}: free R {free:.2%}" for name, free in needle(options.needle).items()), sep="\n")
        return
    if options.figures:
        figures = json.loads(options.figures.read_text(encoding="utf-8"))
    else:
        begin = time.perf_counter()
        figures = {"tomography": tomography(options.seeds), "phase": phase(options.starts, options.best)}
        print(f"{(time.perf_counter() - begin) / 60:.1f} minutes")
    parts = report.parts(figures)
    if not options.docs:
        print(*parts.values(), sep="\n\n")
        return
    if not options.figures:
        lines = {name: ",\n".join(json.dumps(cell) for cell in cells) for name, cells in figures.items()}
        text = ",\n".join(f'"{name}": [\n{cells}\n]' for name, cells in lines.items())
        (options.docs / "choosing.json").write_text(f"{{\n{text}\n}}\n", encoding="utf-8")
    put_into(options.docs / "choosing.md", parts)
    report.draw_tomography(figures["tomography"], options.docs / "images" / "choosing-tomography.png")
    report.draw_phase(figures["phase"], options.docs / "images" / "choosing-phase.png")


def put_into(page: Path, parts: dict[str, str]) -> None:
    """Replace what the page says between the marks of each part."""
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
        assert all(text.count(mark) == 1 for mark in marks), f"{page}: not one pair of the marks {marks}"
        between = re.compile(re.escape(marks[0]) + ".*" + re.escape(marks[1]), re.DOTALL)
        text = between.sub(lambda _, body=f"{marks[0]}\n{part}\n{marks[1]}": body, text)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

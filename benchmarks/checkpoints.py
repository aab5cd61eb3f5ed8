"""What checkpoints cost: the share of a run's time that writing them takes, and their bytes.

    python benchmarks/checkpoints.py [--run 125] [--seconds 10 60] [--folder /where/results/go]

Each run goes on for so many seconds of wall clock, with data that no file has, so that their arrays are written too.
What is timed is all that the run waits for: the copy, the hash, the file and the disk.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from proxiscope import Checkpoints, reconstruct
from proxiscope.phase import GPSF, Ensemble
from proxiscope.simulate import diffraction_pattern, tilt_series, vesicle
from proxiscope.tomography import RESIRE

DEMAND = 0.02
"""Share of the run's time."""

LONG = 1_000_000


class Enough(Exception):
    """Ends a run as an error would."""


class Timed(Checkpoints):
    """Notes how long the run waits for it, and what it writes."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.waited, self.count, self.bytes = 0.0, 0, 0

    def offer(self, *arguments):
        begin = time.perf_counter()
        written = super().offer(*arguments)
        self.waited += time.perf_counter() - begin
        if written:
            self.count, self.bytes = self.count + 1, self.path.stat().st_size
        return written


def runs():
    """Algorithms with what makes their problems."""
    pattern = lambda n: diffraction_pattern(vesicle((n // 3, n // 3)), (n, n), flux=1e7)  # noqa: E731
    return {
        "GPS-F, 512^2": (GPSF(max_iterations=LONG), lambda: pattern(512)),
        "ensemble, 16 x 256^2": (
            Ensemble(algorithm=GPSF(max_iterations=LONG), starts=16, batch=16),
            lambda: pattern(256),
        ),
        "RESIRE, 256^3": (
            RESIRE(max_iterations=LONG),
            lambda: tilt_series(vesicle((256, 256, 256)), np.linspace(-70, 70, 41), noise=0.1),
        ),
    }


def measured(algorithm, problem, seconds: float, length: float, folder: Path) -> tuple[float, Timed, int]:
    """Seconds that a run took, its checkpoints, and the bytes of its problem."""
    kept, begin, data = Timed(folder / "run.h5", seconds=seconds), time.perf_counter(), folder / "run.data.h5"

    def end(progress):
        if time.perf_counter() - begin > length:
            raise Enough

    try:
        reconstruct(algorithm, problem, callback=end, checkpoints=kept)
    except Enough:
        return time.perf_counter() - begin, kept, data.stat().st_size if data.exists() else 0
    raise RuntimeError("the run came to its end")


def main() -> int:
    """Print a row for each run and interval; 1 if one costs too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=float, default=125, help="seconds that each run goes on (%(default)s)")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10, 60], help="intervals (10 and 60)")
    parser.add_argument("--folder", help="where checkpoints are written, to measure that disk")
    parser.add_argument("--only", default="", help="part of a run's name")
    options = parser.parse_args()
    worst = 0.0
    print(f"{'run':22} {'every':>6} {'ran':>7} {'written':>8} {'waited':>8} {'share':>7} {'bytes':>11} {'data':>11}")
    for name, (algorithm, make) in runs().items():
        if options.only not in name:
            continue
        problem = make()
        for seconds in options.seconds:
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                ran, kept, data = measured(algorithm, problem, seconds, options.run, Path(folder))
            share = kept.waited / ran
            worst = max(worst, share)
            print(
                f"{name:22} {seconds:4g} s {ran:5.0f} s {kept.count:8} {kept.waited:6.2f} s {share:7.2%} "
                f"{kept.bytes:11,} {data:11,}",
                flush=True,
            )
    print(f"worst {worst:.2%}, demanded below {DEMAND:.0%}")
    return 1 if worst >= DEMAND else 0


if __name__ == "__main__":
    sys.exit(main())

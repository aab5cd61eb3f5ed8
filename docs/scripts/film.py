"""The picture of docs/how-to/thin-films.md, and its first tables: those of `python -m proxiscope.experiments.films`.

python docs/scripts/film.py [docs/images/film.png]
"""

import sys
from argparse import Namespace
from pathlib import Path

from proxiscope.experiments.films import DEPTHS, ROWS, experiment
from proxiscope.experiments.report import draw

if __name__ == "__main__":
    report = experiment(Namespace(rows=ROWS, depths=DEPTHS))
    print(report.markdown("python docs/scripts/film.py"))
    draw(report, Path(*sys.argv[1:] or ["docs", "images", "film.png"]))

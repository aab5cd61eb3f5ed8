"""Figure 2.2 and section 2.4.1: algorithms of phase retrieval on the noisy pattern of a vesicle, from many starts.

The authors' vesicle of 63 x 63 in a frame of 192 (the frame is not printed), its bounding box grown by a pixel as
support, 6 % noise by eq. 2.30 (1.12e7 photons, read-out noise 2). R_F is eq. 2.21 over all pixels, R_real eq. 2.31
after alignment; a start succeeds if R_real ends below 5 %. *Thesis* is the relaxation sigma that is printed for the
yeast spore (0.01, from iteration 400 on 0.1), as none is for the vesicle; the others are our defaults. *No returns*:
stages do not go back to the best iterate.

Needs the authors' vesicle_2D.mat. At full scale five minutes or so.
"""

import argparse
from typing import TYPE_CHECKING

from ..figures import COLOURS
from ..phase import ER, ERHIO, GPSR, HIO, RAAR, DifferenceMap
from ._vesicle_pattern import GOOD, METHODS, Starts, Vesicle, run, three
from .report import Report, Table, bar, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALGORITHMS = {
    "ER": ER(),
    "HIO": HIO(),
    "ER-HIO": ERHIO(),
    "RAAR": RAAR(),
    "difference map": DifferenceMap(),
    **METHODS,
    "GPS-R, no returns, 2000 iterations": GPSR(restart=False, max_iterations=2000),
}
PRINTED = {
    "HIO": "12.87 / 21.14",
    "OSS": "6.08 / 3.59",
    "GPS-R, thesis": "5.90 / 2.85",
    "GPS-F, thesis": "5.89 / 0.7",
}
"""R_F and R_real of one reconstruction each, in per cent."""

COUNTED = [name for name in METHODS if name != "GPS-R, no returns"]
DRAWN = ("HIO", "OSS", "GPS-R, thesis", "GPS-F, thesis", "GPS-R", "GPS-F")


def experiment(options: argparse.Namespace) -> Report:
    """All algorithms on the first noise; how often those of the thesis succeed on further ones."""
    vesicle = Vesicle.of(options.data)
    noises = range(options.seed, options.seed + options.noises)
    pattern = vesicle.pattern(options.seed)
    found = {name: run(ALGORITHMS[name], pattern, vesicle.truth, options.trials) for name in bar(ALGORITHMS)}
    counts = {name: [found[name].successes] for name in COUNTED}
    for noise, name in bar([(noise, name) for noise in noises[1:] for name in COUNTED]):
        starts = run(ALGORITHMS[name], vesicle.pattern(noise), vesicle.truth, options.trials)
        counts[name].append(starts.successes)
    rows = tuple((name, *_cells(starts), PRINTED.get(name, "")) for name, starts in found.items())
    columns = "", "R_F, %", "R_real, %", f"successes of {options.trials}", "printed R_F / R_real, %"
    tables = [Table(columns, rows)]
    if len(noises) > 1:
        heads = "successes", *(f"noise seed {noise}" for noise in noises), f"of {options.trials * len(noises)}"
        of_noises = tuple((name, *map(str, c), str(sum(c))) for name, c in counts.items())
        tables.append(Table(heads, of_noises))
    return Report(
        f"{options.trials} starts of 1000 iterations, noise seed {options.seed}. Minimum / median / standard deviation "
        "over the starts.",
        tables,
        lambda figure: _draw(figure, found),
        f"R_real over R_F of each start; the line is at {GOOD:g} %",
    )


def _cells(starts: Starts) -> tuple[str, ...]:
    return three(starts.r_f), three(starts.r_real), str(starts.successes)


def _draw(figure: "Figure", found: dict[str, Starts]) -> None:
    axes = figure.subplots()
    for name, colour in zip(DRAWN, COLOURS, strict=False):
        axes.plot(found[name].r_f, found[name].r_real, "o", color=colour, markersize=3, alpha=0.6, label=name)
    axes.axhline(GOOD, color="0.7", linewidth=0.8)
    axes.set(xlabel="R_F (%)", ylabel="R_real (%)", yscale="log")
    axes.legend()


if __name__ == "__main__":
    noises = ("--noises", {"type": number, "default": 3, "help": "noises on which successes are counted (3)"})
    raise SystemExit(main(experiment, noises, trials=32, reduced={"trials": 8, "noises": 1}))

"""A missing centre (section 2.3.3, eq. 2.28), and a support that is too large, on the pattern of figure 2.2.

The thesis says how a missing centre is treated and shows none in its simulations; its experimental patterns have one.
Counted are the starts whose R_real ends below 5 %.

Needs the authors' vesicle_2D.mat. At full scale four minutes.
"""

import argparse
from typing import TYPE_CHECKING

from ..figures import COLOURS
from ..phase import GPSF, GPSR, OSS
from ..phase.base import PhaseRetrieval
from ..simulate import missing_centre
from ._vesicle_pattern import FRAME, METHODS, THESIS, Vesicle, run
from .report import Report, Table, bar, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CENTRES = {5: "centre of 5 x 5 missing", 13: "centre of 13 x 13 missing, three speckles"}
ON_CENTRES = ("HIO", "OSS", "GPS-R, thesis", "GPS-F, thesis", "GPS-R", "GPS-R, no returns")

TOO_LARGE = 5
"""Pixels on each side, beyond the one by which the support is wider anyway."""

ON_SUPPORTS: dict[str, PhaseRetrieval] = {
    "OSS": OSS(),
    "GPS-F, thesis": GPSF(**THESIS),
    "GPS-F": GPSF(),
    "GPS-F, widest=4, no returns, 3000 iterations": GPSF(widest=4, restart=False, max_iterations=3000),
    "GPS-R, no returns": GPSR(restart=False),
}


def experiment(options: argparse.Namespace) -> Report:
    """Successes by algorithm, for both centres on the first noise and the support on each."""
    vesicle, noises = Vesicle.of(options.data), range(options.seed, options.seed + options.noises)

    def successes(algorithm: PhaseRetrieval, **pattern) -> int:
        return run(algorithm, vesicle.pattern(**pattern), vesicle.truth, options.trials).successes

    centres = {}
    for size, name in bar([(size, name) for size in CENTRES for name in ON_CENTRES]):
        known = missing_centre((FRAME, FRAME), size)
        centres[size, name] = successes(METHODS[name], noise=options.seed, known=known)
    supports = {}
    for noise, name in bar([(noise, name) for noise in noises for name in ON_SUPPORTS]):
        supports[noise, name] = successes(ON_SUPPORTS[name], noise=noise, margin=1 + TOO_LARGE)
    of = f"successes of {options.trials}"
    rows = tuple((words, *(str(centres[size, name]) for name in ON_CENTRES)) for size, words in CENTRES.items())
    large = tuple((name, *(str(supports[noise, name]) for noise in noises)) for name in ON_SUPPORTS)
    heads = f"support {TOO_LARGE} pixels too large on each side, {of}", *(f"noise seed {noise}" for noise in noises)
    counts = {name: centres[5, name] for name in ON_CENTRES}
    return Report(
        f"{options.trials} starts of 1000 iterations unless said, noise seed {options.seed} unless said.",
        [Table((of, *ON_CENTRES), rows), Table(heads, large)],
        lambda figure: _draw(figure, counts, {name: supports[noises[0], name] for name in ON_SUPPORTS}, options.trials),
        "Share of starts that find the object: 5 x 5 pixels missing, and with a support that is too large",
    )


def _draw(figure: "Figure", centres: dict[str, int], supports: dict[str, int], starts: int) -> None:
    for axes, counts, colour in zip(figure.subplots(2, 1, sharex=True), (centres, supports), COLOURS, strict=False):
        axes.barh(list(counts), [100 * count / starts for count in counts.values()], color=colour)
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
    figure.axes[0].set_title("centre of 5 x 5 missing", loc="left")
    figure.axes[1].set_title(f"support {TOO_LARGE} pixels too large on each side", loc="left")
    figure.axes[1].set_xlabel("starts that find the object (%)")


if __name__ == "__main__":
    noises = ("--noises", {"type": number, "default": 3, "help": "noises for the support (3)"})
    raise SystemExit(main(experiment, noises, trials=16, reduced={"trials": 4, "noises": 1}))

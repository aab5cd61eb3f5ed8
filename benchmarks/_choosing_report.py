"""Tables and pictures of what ``choosing.py`` measured."""

from collections.abc import Callable, Iterable
from pathlib import Path

import matplotlib
import numpy as np
from _choosing import FLUXES, KINDS, NOISES, OBJECTS, PHASE, SUCCESS, SUPPORTS, TILTS, TIMES, TOMOGRAPHY, WEDGES
from matplotlib.figure import Figure

from proxiscope.figures import COLOURS, STYLE

SHORT = {
    "resire-tv": "TV", "resire-tv, weight 1": "TV, weight 1", "resire-accelerated": "accelerated", "resire": "RESIRE",
    "sirt": "SIRT", "sart": "SART", "sgd": "SGD", "genfire": "GENFIRE", "fbp": "FBP", "wbp": "WBP",
    "hio": "HIO", "er-hio": "ER-HIO", "er-hio, shrink": "ER-HIO, shrink-wrap", "raar": "RAAR", "oss": "OSS",
    "gps-r": "GPS-R", "gps-r, shrink": "GPS-R, shrink-wrap", "gps-f": "GPS-F", "best-quality": "best quality",
}  # fmt: skip


def parts(figures: dict[str, list]) -> dict[str, str]:
    """Tables in Markdown, by the names of their marks."""
    cells, patterns = figures["tomography"], figures["phase"]
    return {
        "tomography in short": tomography_in_short(cells),
        "stopping": stopping(cells),
        **{f"tomography, {tilts} tilts": tomography(cells, tilts) for tilts in TILTS},
        "phase in short": phase_in_short(patterns),
        "phase": phase(patterns),
    }


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """In Markdown."""
    columns = list(columns)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def mean(cell: dict, name: str, figure: str = "error") -> float:
    """Mean over the seeds of a method's figure; NaN where it was not run."""
    return float(np.mean(cell["methods"][name][figure])) if name in cell["methods"] else np.nan


def ratios(cells: list[dict], name: str) -> np.ndarray:
    """A method's error in each cell over the lowest of that cell."""
    lowest = [min(mean(cell, other) for other in cell["methods"]) for cell in cells]
    found = np.array([mean(cell, name) for cell in cells]) / lowest
    return found[~np.isnan(found)]


def bold_lowest(values: list[float], write: Callable[[float], str] = "{:.3f}".format) -> list[str]:
    """Numbers as text, the lowest in bold; a dash for NaN."""
    lowest = np.nanmin(values)
    texts = ["-" if np.isnan(v) else write(v) for v in values]
    return [f"**{t}**" if v == lowest else t for t, v in zip(texts, values, strict=True)]


def tomography_in_short(cells: list[dict]) -> str:
    """How many times the lowest error of its cell a method has: geometric means by condition, and the worst."""
    groups: dict[str, Callable[[dict], bool]] = {
        **{f"noise {noise}": lambda c, noise=noise: c["noise"] == noise for noise in NOISES},
        **{f"wedge {wedge}": lambda c, wedge=wedge: c["wedge"] == wedge for wedge in WEDGES},
        **{f"{tilts} tilts": lambda c, tilts=tilts: c["tilts"] == tilts for tilts in TILTS},
        **{name: lambda c, name=name: c["object"] == name for name in OBJECTS},
    }
    rows, factor = [], "{:.2f}".format
    for title, belongs in groups.items():
        some = [cell for cell in cells if belongs(cell)]
        found = [ratios(some, name) for name in TOMOGRAPHY]
        rows.append([title, *bold_lowest([np.exp(np.log(r).mean()) if len(r) else np.nan for r in found], factor)])
    rows.append(["worst of all", *bold_lowest([ratios(cells, name).max() for name in TOMOGRAPHY], factor)])
    most = [cell for cell in cells if cell["tilts"] == TILTS[-1]]
    seconds = [np.nanmedian([mean(cell, name, "seconds") for cell in most]) for name in TOMOGRAPHY]
    rows.append([f"seconds, {TILTS[-1]} tilts", *(f"{s:.2g}" for s in seconds)])
    return table(["", *(SHORT[name] for name in TOMOGRAPHY)], rows)


def stopping(cells: list[dict]) -> str:
    """Error at the end of the run over that where the discrepancy principle stopped it, by noise."""
    names = [name for name in TOMOGRAPHY if name in ("resire-accelerated", "resire", "sirt", "sart", "sgd")]
    rows = []
    for noise in NOISES:
        some = [cell for cell in cells if cell["noise"] == noise]
        gain = [
            np.exp(np.nanmean([np.log(mean(c, n, "end") / mean(c, n)) if n in c["methods"] else np.nan for c in some]))
            for n in names
        ]
        rows.append([noise, *(f"{g:.2f}" for g in gain)])
    return table(["noise", *(SHORT[name] for name in names)], rows)


def tomography(cells: list[dict], tilts: int) -> str:
    """Mean errors, and the median spread of a row."""
    rows = []
    for cell in cells:
        if cell["tilts"] == tilts:
            spreads = [np.std(found["error"], ddof=1) / np.mean(found["error"]) for found in cell["methods"].values()]
            what = [cell["object"], f"{cell['wedge']}°", cell["noise"]]
            errors = bold_lowest([mean(cell, name) for name in TOMOGRAPHY])
            rows.append([*what, *errors, f"{np.median(spreads):.0%}".replace("%", " %")])
    return table(["object", "wedge", "noise", *(SHORT[name] for name in TOMOGRAPHY), "spread"], rows)


def right(cell: dict, name: str) -> float:
    """Share of the seeds whose image is right."""
    limits = np.maximum(SUCCESS, TIMES * np.array(cell["floor"]))
    values = np.array(cell["methods"][name]["r_real"])
    return float((values < limits[: len(values)]).mean())


def phase_in_short(cells: list[dict]) -> str:
    """Share of right images by condition."""
    groups: dict[str, Callable[[dict], bool]] = {
        **{
            f"{kind}, {support}, {'complete' if not centre else f'centre of {centre} x {centre} missing'}": (
                lambda c, k=kind, s=support, m=centre: (c["kind"], c["support"], c["centre"]) == (k, s, m)
            )
            for kind in KINDS
            for centre in sorted({cell["centre"] for cell in cells})
            for support in SUPPORTS
        }
    }
    rows = []
    for title, belongs in groups.items():
        some = [cell for cell in cells if belongs(cell)]
        shares = [np.mean([right(cell, name) for cell in some]) for name in PHASE]
        rows.append([title, *_bold_highest(shares)])
    rows.append(["seconds", *(f"{np.median([c['methods'][n]['seconds'] for c in cells]):.2g}" for n in PHASE)])
    return table(["object, support, pattern", *(SHORT[name] for name in PHASE)], rows)


def _bold_highest(shares: list[float]) -> list[str]:
    texts = [f"{100 * s:.0f} %" for s in shares]
    return [f"**{t}**" if s == max(shares) > 0 else t for t, s in zip(texts, shares, strict=True)]


def phase(cells: list[dict]) -> str:
    """Median R_real of each cell, in per cent."""
    rows = []
    for cell in cells:
        what = [cell["kind"], cell["support"], str(cell["centre"] or ""), f"{cell['flux']:.0e}".replace("e+0", "e")]
        medians = [100 * np.median(cell["methods"][name]["r_real"]) for name in PHASE]
        rows.append([*what, _per_cent(100 * np.mean(cell["floor"])), *bold_lowest(medians, _per_cent)])
    return table(["object", "support", "missing", "photons", "floor", *(SHORT[name] for name in PHASE)], rows)


def _per_cent(value: float) -> str:
    """With two digits, or all before the point."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


# ---- pictures


def draw_tomography(cells: list[dict], path: Path) -> None:
    """Errors over the wedge, an axis for each object and noise, of the series with the most tilts."""
    names = ("resire-tv", "resire-tv, weight 1", "resire-accelerated", "sirt", "sgd", "genfire", "wbp")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.4, 5.6), layout="constrained", dpi=150)
        axes = figure.subplots(len(NOISES), len(OBJECTS), sharex=True, sharey="row")
        for row, noise in zip(axes, NOISES, strict=True):
            for ax, what in zip(row, OBJECTS, strict=True):
                some = [c for c in cells if (c["object"], c["noise"], c["tilts"]) == (what, noise, TILTS[-1])]
                for name, colour in zip(names, COLOURS, strict=True):
                    values = [mean(cell, name) for cell in some]
                    ax.plot([c["wedge"] for c in some], values, "o-", color=colour, label=SHORT[name], markersize=3)
                ax.set(yscale="log", xticks=WEDGES)
                ax.set_title(f"{what}, noise {noise}")
        for ax in axes[:, 0]:
            ax.set_ylabel("error")
        for ax in axes[-1]:
            ax.set_xlabel("missing wedge (degrees)")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(names))
        figure.savefig(path, metadata={"Software": None})


def draw_phase(cells: list[dict], path: Path) -> None:
    """Shares of right images over the photons, an axis for each object and support, of complete patterns."""
    names = ("gps-r", "gps-r, shrink", "gps-f", "oss", "hio", "er-hio, shrink", "best-quality")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.4, 5.6), layout="constrained", dpi=150)
        axes = figure.subplots(len(KINDS), len(SUPPORTS), sharex=True, sharey=True)
        for row, kind in zip(axes, KINDS, strict=True):
            for ax, support in zip(row, SUPPORTS, strict=True):
                some = [c for c in cells if (c["kind"], c["support"], c["centre"]) == (kind, support, 0)]
                for i, (name, colour) in enumerate(zip(names, COLOURS, strict=True)):
                    at = np.array(FLUXES) * 1.12 ** (i - 3)  # side by side
                    values = [100 * right(cell, name) for cell in some]
                    ax.plot(at, values, "o-", color=colour, label=SHORT[name], markersize=3)
                ax.set(xscale="log", ylim=(-5, 105))
                ax.set_title(f"{kind}, {support}")
        for ax in axes[:, 0]:
            ax.set_ylabel("right images (%)")
        for ax in axes[-1]:
            ax.set_xlabel("photons in the pattern")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        figure.savefig(path, metadata={"Software": None})

"""Figures for print: images with scale bar and colour bar, and curves, by matplotlib without a window.

They are made for one column of a journal, in sizes that stay readable there, with colours that a colour-blind reader
tells apart.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .core import InputError
from .core.files import atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN, WIDER = 85.0, 120.0
"""Widths in mm of a column, and of one and a half."""

FORMATS = (".pdf", ".svg", ".png")
"""Suffixes that `save_figure` writes."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of curves, after Okabe and Ito."""

STYLE: dict[Any, Any] = {
    "font.size": 8, "axes.titlesize": 9, "axes.labelsize": 8, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.fontsize": 8, "font.family": "sans-serif", "font.sans-serif": ["Arial", "Helvetica", "DejaVu Sans"],
    "mathtext.default": "regular", "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
    "xtick.major.size": 3, "ytick.major.size": 3, "lines.linewidth": 1.2, "pdf.fonttype": 42, "svg.fonttype": "none",
    "legend.frameon": False,
}  # fmt: skip
"""Fonts stay text in vector formats."""

_MM = 1 / 25.4
_BAR = 0.3
"""Share of the width that a scale bar may take."""


def image_figure(
    image: ArrayLike,
    *,
    pixel_size: float | None = None,
    title: str = "",
    label: str = "",
    limits: tuple[float, float] | None = None,
    gamma: float = 1.0,
    colours: str | ArrayLike = "gray",
    axes: tuple[str, str] = ("y", "x"),
    ticks: bool = True,
    width: float | None = None,
) -> "Figure":
    """An image with a scale bar, axes in nm and a colour bar.

    Parameters
    ----------
    image : array_like, (y, x)
        Real, or complex: then the magnitude and the phase stand side by side, the phase over a cyclic scale.
    pixel_size : float, optional
        In nm; without it axes are in pixels and there is no scale bar.
    title : str
    label : str
        What the values are, beside the colour bar.
    limits : (float, float), optional
        Of the colours, of a complex image of the magnitude's; the least and largest value by default.
    gamma : float
        Power that values, brought between the limits, are raised to before they are coloured.
    colours : str or array_like, (n, 3) or (n, 4)
        Name of a colour map of matplotlib, or its colours.
    axes : (str, str)
        Names of the axes of the image.
    ticks : bool
        Whether axes have ticks and labels; without them the scale bar alone tells the size.
    width : float, optional
        In mm, one column by default and one and a half of a complex image; the height follows.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If it is no image, or empty.
    """
    image = np.asarray(image)
    if image.ndim != 2 or image.size == 0:
        raise InputError("image", f"an array of shape {image.shape}", "Give an image (y, x)")
    shown: dict[str, Any] = {"pixel_size": pixel_size, "axes": axes, "ticks": ticks}
    with _styled():
        if not np.iscomplexobj(image):
            figure, (place,) = _frames(image, 1, width or COLUMN, ticks)
            _draw(figure, place, image, limits, gamma, colours, label, **shown)
            place.set_title(_text(title), wrap=True)
            return figure
        figure, places = _frames(image, 2, width or WIDER, ticks)
        _draw(figure, places[0], np.abs(image), limits, gamma, colours, label, **shown)
        phase = np.where(image == 0, np.nan, np.angle(image))
        bar = _draw(figure, places[1], phase, (-np.pi, np.pi), 1.0, "twilight", "", **shown | {"axes": ("", axes[1])})
        bar.set_ticks([-np.pi, 0, np.pi], labels=["\N{MINUS SIGN}π", "0", "π"])
        places[1].tick_params(labelleft=False)
        for place, name in zip(places, ("magnitude", "phase"), strict=True):
            place.set_title(_text(f"{title}, {name}" if title and name == "magnitude" else name.capitalize()))
        return figure


def curve_figure(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    x_label: str = "Iteration",
    y_label: str = "R-factor",
    title: str = "",
    log: bool = False,
    level: tuple[str, float] | None = None,
    marked: Sequence[tuple[float, float]] = (),
    width: float = COLUMN,
) -> "Figure":
    """Curves over a common axis, such as the R-factors of several runs, or a Fourier shell correlation.

    Parameters
    ----------
    curves : Mapping of str to (x, y)
        By what the legend calls them; a single one has none.
    x_label, y_label, title : str
    log : bool
        Whether the values are on a logarithmic axis.
    level : (str, float), optional
        A horizontal line and its name, such as the threshold of a correlation.
    marked : sequence of (x, y)
        Points to mark, such as the best iterates.
    width : float
        In mm.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there are no curves.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not curves:
        raise InputError("curves", "there are none", "Give at least one")
    with _styled():
        figure = Figure(figsize=(width * _MM, 0.68 * width * _MM), layout="constrained")
        place = figure.add_subplot()
        for i, (name, (x, y)) in enumerate(curves.items()):
            style = "-" if i < len(COLOURS) else "--"
            place.plot(x, y, style, color=COLOURS[i % len(COLOURS)], label=_text(name))
        if level is not None:
            place.axhline(level[1], color="0.4", linewidth=0.8, linestyle=":", label=_text(level[0]))
        for x, y in marked:
            place.plot(x, y, "o", markersize=4, markerfacecolor="none", color="black")
        place.set(xlabel=x_label, ylabel=y_label, yscale="log" if log else "linear")
        place.set_title(_text(title), wrap=True)
        place.margins(x=0.02)
        if all(np.asarray(x).dtype.kind in "iu" for x, _ in curves.values()):
            place.xaxis.set_major_locator(MaxNLocator(integer=True))
        if log:
            low, high = place.get_ylim()
            labelled = (1, 2, 5) if high < 100 * low else (1,)
            for formatted in (place.yaxis.set_major_formatter, place.yaxis.set_minor_formatter):
                formatted(lambda value, _at: _plain(value, labelled))
        place.spines[["top", "right"]].set_visible(False)
        if len(curves) > 1 or level is not None:
            place.legend()
        return figure


def save_figure(path: str | os.PathLike[str], figure: "Figure", dpi: int = 300) -> None:
    """Write a figure; the file is complete or not there.

    Parameters
    ----------
    path : path-like
        Its suffix is one of `FORMATS`.
    figure : matplotlib.figure.Figure
    dpi : int
        Dots an inch, of a .png.

    Raises
    ------
    InputError
        If the suffix is another, or the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(str(path), f"the suffix {suffix!r}", f"Choose one of {', '.join(FORMATS)}")
    with _styled(), atomic(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], dpi=dpi)


def round_length(extent: float) -> float:
    """The longest round length, 1, 2 or 5 times a power of ten, that takes no more than 0.3 of an extent.

    Parameters
    ----------
    extent : float
        Of the image, in any unit.

    Returns
    -------
    float
        In the same unit.
    """
    power = 10.0 ** np.floor(np.log10(_BAR * extent))
    return float(max(f for f in (1, 2, 5) if f * power <= _BAR * extent * (1 + 1e-9)) * power)


def length_text(length: float) -> str:
    """A length in nm, in the unit that suits it.

    Parameters
    ----------
    length : float
        In nm.

    Returns
    -------
    str
        Such as ``"50 nm"``.
    """
    for unit, size in (("mm", 1e6), ("µm", 1e3), ("nm", 1.0)):
        if length >= size:
            return f"{length / size:g} {unit}"
    return f"{10 * length:g} Å"


def _plain(value: float, leading: Sequence[int]) -> str:
    """A number on a logarithmic axis, if its leading digit is one of those."""
    return f"{value:g}" if value > 0 and round(value / 10.0 ** np.floor(np.log10(value))) in leading else ""


def _styled() -> Any:
    from matplotlib import rc_context

    return rc_context(STYLE)


def _frames(image: NDArray[Any], count: int, width: float, ticks: bool) -> tuple["Figure", Sequence[Any]]:
    """A figure with places for images side by side, as high as they need."""
    from matplotlib.figure import Figure

    rows, columns = image.shape
    each = width / count - (22 if ticks else 14)  # mm, without colour bar and labels
    height = min(max(each * rows / columns, 15), 2 * width) + (16 if ticks else 8)
    figure = Figure(figsize=(width * _MM, height * _MM), layout="constrained")
    places = figure.subplots(1, count, squeeze=False)[0]
    return figure, places


def _draw(
    figure: "Figure", place: Any, image: NDArray[Any], limits: Any, gamma: float, colours: Any, label: str, *,
    pixel_size: float | None, axes: tuple[str, str], ticks: bool,
) -> Any:  # fmt: skip
    """Draw an image with its colour bar, which is returned."""
    from matplotlib.colors import Normalize, PowerNorm

    low, high = limits or _range(image)
    norm = Normalize(low, high) if gamma == 1 else PowerNorm(gamma, low, high)
    size = pixel_size or 1.0
    rows, columns = image.shape
    extent = (0, columns * size, rows * size, 0)
    drawn = place.imshow(image, cmap=_map(colours), norm=norm, extent=extent, interpolation="nearest")
    bar = figure.colorbar(drawn, cax=place.inset_axes((1.03, 0, 0.05, 1)))
    bar.set_label(_text(label))
    bar.outline.set_linewidth(0.6)
    unit = "nm" if pixel_size else "px"
    if ticks:
        place.set(xlabel=f"{axes[1]} ({unit})", ylabel=f"{axes[0]} ({unit})" if axes[0] else "")
    else:
        place.set(xticks=[], yticks=[])
    if pixel_size:
        behind = drawn.to_rgba(image[-max(1, rows // 8) :, : max(1, columns // 3)])
        _scale_bar(place, columns * size, rows * size, _seen_on(behind))
    return bar


def _seen_on(colours: NDArray[Any]) -> str:
    """Black on light colours (y, x, rgba), white on dark ones; what is transparent is white paper."""
    alpha = colours[..., 3:]
    light = ((alpha * colours[..., :3] + 1 - alpha) @ [0.2126, 0.7152, 0.0722]).mean()
    return "black" if light > 0.5 else "white"


def _scale_bar(place: Any, width: float, height: float, colour: str) -> None:
    """A bar of a round length in the lower left corner."""
    from matplotlib.patches import Rectangle

    length, margin = round_length(width), 0.05 * min(width, height)
    thick, low = 0.015 * min(width, height), height - margin
    place.add_patch(Rectangle((margin, low - thick), length, thick, facecolor=colour, edgecolor="none"))
    place.text(
        margin + length / 2, low - 2.5 * thick, length_text(length), color=colour, ha="center", va="bottom", fontsize=8
    )


def _range(image: NDArray[Any]) -> tuple[float, float]:
    values = image[np.isfinite(image)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1)


def _map(colours: Any) -> Any:
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap, ListedColormap

    if isinstance(colours, str):
        return colormaps[colours] if colours in colormaps else colormaps["gray"]
    colours = np.asarray(colours, float)
    made = ListedColormap(colours) if len(colours) >= 64 else LinearSegmentedColormap.from_list("layer", colours)
    return made.with_extremes(bad="0.5")


def _text(text: str) -> str:
    """Text as it stands: a dollar sign would begin a formula."""
    return text.replace("$", r"\$")

"""Colours of what we draw ourselves: they follow the theme of the window, and can be told apart by everybody."""

from typing import NamedTuple

from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QWidget

OKABE_ITO = {
    "sky blue": "#56b4e9",
    "bluish green": "#009e73",
    "reddish purple": "#cc79a7",
    "vermilion": "#d55e00",
    "blue": "#0072b2",
    "yellow": "#f0e442",
    "orange": "#e69f00",
    "grey": "#999999",
}
"""Colours that colour-blind people tell apart (Okabe and Ito, Color Universal Design, 2008)."""

RUN_COLOURS = tuple(list(OKABE_ITO.values())[:6])
"""Of runs, in their order; orange is left for what is best."""

BEST = OKABE_ITO["orange"]

LEAST_CONTRAST = 3.2
"""Ratio of the luminances of a line and what is behind it: a little more than graphics need (3 in WCAG 2.2).

Text needs 4.5, and is drawn in the theme's own colour.
"""


class Colours(NamedTuple):
    """Of text, of what is behind it, and of axes and their grid."""

    text: QColor
    background: QColor
    faint: QColor


def colours(widget: QWidget) -> Colours:
    """The colours that the window's theme gives a widget.

    napari's style sheets set the palettes of all widgets of a window, whoever changed the theme: the preferences, or
    the viewer alone. `QWidget.changeEvent` tells when they do.
    """
    widget.ensurePolished()
    palette = widget.palette()
    text, background = (palette.color(role) for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Window))
    return Colours(text, background, mixed(text, background, 0.4))


def readable(colour: str | QColor, background: QColor, contrast: float = LEAST_CONTRAST) -> QColor:
    """A colour as it is, or as much darker or lighter as a background needs it to be."""
    colour = QColor(colour)
    towards = QColor("black" if _luminance(background) > 0.18 else "white")
    for share in range(0, 100, 5):
        changed = mixed(colour, towards, share / 100)
        if _contrast(changed, background) >= contrast:
            return changed
    return towards


def mixed(one: QColor, other: QColor, share: float) -> QColor:
    """One colour with a share of another."""
    pairs = zip(one.getRgbF()[:3], other.getRgbF()[:3], strict=True)
    return QColor.fromRgbF(*((1 - share) * a + share * b for a, b in pairs))


def _contrast(one: QColor, other: QColor) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: QColor) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour.getRgbF()[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

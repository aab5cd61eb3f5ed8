"""Combo boxes of layers."""

from collections.abc import Callable, Sequence
from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from .layers import note


def named(layers: Sequence[Any]) -> list[tuple[str, Any]]:
    """Layers by their names, told apart where two are called alike: a combo box would know one of them only."""
    names: list[str] = []
    for layer in layers:
        alike = sum(name == layer.name or name.startswith(f"{layer.name} (") for name in names)
        names.append(f"{layer.name} ({alike + 1})" if layer.name in names else layer.name)
    return list(zip(names, layers, strict=True))


def choose_layers(
    combo: ComboBox,
    layers: list[Any],
    prefer: Callable[[Any], bool],
    *,
    required: bool = False,
    fixed: Sequence[tuple[str, Any]] = (),
) -> None:
    """Offer `layers`, after choices that are always there, and keep the choice, none included, while it is offered.

    The newest of the layers that were not offered before and that `prefer` likes is chosen if it was just prepared, or
    if the present choice is none or is not liked. When one is `required`, the newest is taken for want of a better.
    """
    before, offered = combo.value, list(combo.choices)
    combo.choices = [*fixed, *named(layers)]
    liked = [layer for layer in layers if layer not in offered and prefer(layer)]
    always = [value for _, value in fixed]
    if before not in layers and before not in always:
        before = always[0] if always else None
    if liked and (before not in layers or not prefer(before) or note(liked[-1], "prepared_from")):
        before = liked[-1]
    combo.value = layers[-1] if required and before is None and layers else before
    _show_in_full(combo.native)


def _show_in_full(box: QComboBox) -> None:
    """Make the list as wide as its longest name; what is made of a layer is called like it, and more."""
    view, widths = box.view(), box.fontMetrics()
    view.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends; the window's font may be wider
    longest = max((widths.horizontalAdvance(box.itemText(i)) for i in range(box.count())), default=0)
    view.setMinimumWidth(longest + 2 * view.frameWidth() + view.verticalScrollBar().sizeHint().width())

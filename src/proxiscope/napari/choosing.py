"""What is chosen in a panel, as plain values for a session file, and back."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from magicgui.widgets import ComboBox, PushButton
from magicgui.widgets.bases import ValueWidget
from napari.layers import Layer

from ..core import InputError, build, to_dict

_LAYER = "layer"


def chosen_values(panel: Any) -> dict[str, Any]:
    """The values of a panel's own widgets, layers by name, and its algorithm with the parameters shown."""
    values = {name: _plain(widget.value) for name, widget in _widgets(panel).items()}
    with suppress(InputError):  # text that does not parse is not worth keeping
        values["parameters"] = to_dict(panel.form.algorithm())
    return values


def choose_values(panel: Any, values: Mapping[str, Any]) -> None:
    """Choose them again; what cannot be chosen any more stays as it is."""
    widgets = _widgets(panel)
    for name in sorted(widgets.keys() & values.keys(), key=lambda name: name != "input"):  # which others depend on
        with suppress(ValueError, KeyError, TypeError, StopIteration):
            widgets[name].value = _found(widgets[name], values[name])
    with suppress(InputError, KeyError, TypeError, ValueError):
        panel.form.show_algorithm(build(panel.form.cls, values["parameters"]))


def _widgets(panel: Any) -> dict[str, ValueWidget]:
    return {n: w for n, w in vars(panel).items() if isinstance(w, ValueWidget) and not isinstance(w, PushButton)}


def _plain(value: Any) -> Any:
    if isinstance(value, Layer):
        return {_LAYER: value.name}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _found(widget: ValueWidget, value: Any) -> Any:
    """The value, or the layer of that name among those that are offered."""
    if not (isinstance(value, Mapping) and isinstance(widget, ComboBox)):
        return value
    return next(choice for choice in widget.choices if isinstance(choice, Layer) and choice.name == value[_LAYER])

"""What is chosen in a panel, as plain values for a session file, and back."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, PushButton
from magicgui.widgets.bases import BaseValueWidget
from napari.layers import Layer

from ..core import InputError, build, to_dict
from .form import ParameterForm

_LAYER = "layer"
NOT_CHOSEN = (AttributeError, LookupError, TypeError, ValueError, StopIteration)
"""What comes of values that cannot be chosen any more; InputError is a ValueError."""


def chosen_values(panel: Any) -> dict[str, Any]:
    """The values of a panel's own widgets, layers by name; its algorithm, starts and criterion as they are shown."""
    values = values_of(widgets_of(panel))
    for name, form in _forms(panel).items():
        with suppress(InputError):  # text that does not parse is not worth keeping
            values[name] = to_dict(form.algorithm())
    with suppress(InputError):
        values["stopping"] = [{"name": one.name, **to_dict(one)} for one in panel.stopping.criteria()]
    return values


def choose_values(panel: Any, values: Mapping[str, Any]) -> None:
    """Choose them again; what cannot be chosen any more stays as it is."""
    choose_all(widgets_of(panel), values)
    for name, form in _forms(panel).items():  # which the chosen algorithm decides
        with suppress(*NOT_CHOSEN):
            form.show_algorithm(build(form.cls, values[name]))
    with suppress(*NOT_CHOSEN):
        _choose_criterion(panel.stopping, values["stopping"])


def widgets_of(holder: Any) -> dict[str, BaseValueWidget]:
    """The magicgui widgets among the attributes of an object, by their names."""
    return {n: w for n, w in vars(holder).items() if isinstance(w, BaseValueWidget) and not isinstance(w, PushButton)}


def values_of(widgets: Mapping[str, BaseValueWidget]) -> dict[str, Any]:
    """The values of widgets, layers by name."""
    return {name: plain(widget.value) for name, widget in widgets.items()}


def choose_all(widgets: Mapping[str, BaseValueWidget], values: Mapping[str, Any]) -> None:
    """Choose them again, the input first, since others depend on it."""
    for name in sorted(widgets.keys() & values.keys(), key=lambda name: name != "input"):
        with suppress(*NOT_CHOSEN):
            widgets[name].value = _found(widgets[name], values[name])


def _forms(panel: Any) -> dict[str, ParameterForm]:
    """Of the algorithm, and of many starts of it where the panel offers them."""
    many = getattr(panel, "many", None)
    return {"parameters": panel.form} | ({} if many is None else {"many": many})


def _choose_criterion(section: Any, kept: Iterable[Mapping[str, Any]]) -> None:
    section.choice.value = ""
    for one in kept:
        values = {name: value for name, value in one.items() if name != "name"}
        form = section.forms[one["name"]]
        form.show_algorithm(build(form.cls, values))
        section.choice.value = one["name"]


def plain(value: Any) -> Any:
    """The value of a widget as JSON can hold it; a layer as a mapping to its name."""
    if isinstance(value, Layer):
        return {_LAYER: value.name}
    if isinstance(value, Path):
        return "" if value == Path() else str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _found(widget: BaseValueWidget, value: Any) -> Any:
    """The value, or the layer of that name among those that are offered."""
    if not (isinstance(value, Mapping) and isinstance(widget, ComboBox)):
        return value
    return next(choice for choice in widget.choices if isinstance(choice, Layer) and choice.name == value[_LAYER])

"""Figures of a layer: the image as the viewer shows it, and the curves that a result carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from .layers import note, pixel_size_of

IMAGE, COMPLEX = "Image as shown", "Magnitude and phase"
CONVERGENCE, LOG_CONVERGENCE, TRANSFER = "Convergence", "Convergence, logarithmic", "Phase retrieval transfer"

CURVES = {"r_factor": "R-factor", "free_r_factor": "free R-factor", "median_r_factor": "median of the starts"}


@dataclass(frozen=True)
class Wishes:
    """What the user wants of a figure."""

    title: str = ""
    label: str = ""
    ticks: bool = True
    width: float = 85.0


@dataclass(frozen=True, eq=False)
class Shown:
    """A plane of an image layer as the viewer shows it, taken in the thread of the window.

    `data` (y, x) may be lazy. `limits`, `gamma` and `colours` (256, 4) are those of the layer, `axes` the names of its
    axes, and `at` says where a volume was cut.
    """

    name: str
    data: Any
    pixel_size: float | None
    limits: tuple[float, float]
    gamma: float
    colours: NDArray
    axes: tuple[str, str]
    at: str
    values: Any = None
    metrics: Mapping[str, Any] | None = None
    products: Mapping[str, Any] | None = None

    def kinds(self) -> list[str]:
        """The figures that can be made."""
        found = [IMAGE] if self.values is None else [IMAGE, COMPLEX]
        found += [CONVERGENCE, LOG_CONVERGENCE] if len((self.metrics or {}).get("iteration", ())) > 1 else []
        return found + ([TRANSFER] if {"prtf", "prtf_frequency"} <= (self.products or {}).keys() else [])


def shown(viewer: Any, layer: Any) -> Shown:
    """What a viewer shows of an image layer; raises InputError in the 3-D view, which no figure can repeat."""
    if viewer.dims.ndisplay != 2:
        raise InputError("figure", "the viewer shows the volume in 3-D", "Switch to the 2-D view, and choose a slice")
    order = [axis - (viewer.dims.ndim - layer.ndim) for axis in viewer.dims.displayed]
    if min(order) < 0:
        raise InputError(layer.name, "is not shown along both axes of the view", "Show its y and x axes")
    point = layer.world_to_data(viewer.dims.point)
    hidden = [axis for axis in range(layer.ndim) if axis not in order]
    key: list[Any] = [slice(None)] * layer.ndim
    for axis in hidden:
        key[axis] = min(max(round(float(point[axis])), 0), layer.data.shape[axis] - 1)
    size = pixel_size_of(layer) if note(layer, "kind") != "pattern" else None
    labels = [str(label) for label in layer.axis_labels]
    if any(labels[axis] == "tilt" for axis in order):  # a sinogram
        size = None
    values = _plane(note(layer, "complex"), key, order) if note(layer, "complex") is not None else None
    return Shown(
        name=layer.name,
        data=_plane(layer.data, key, order),
        pixel_size=size,
        limits=tuple(float(limit) for limit in layer.contrast_limits),
        gamma=float(layer.gamma),
        colours=layer.colormap.map(np.linspace(0, 1, 256, dtype=np.float32)),
        axes=tuple(labels[axis] if not labels[axis].startswith("-") else "yx"[i] for i, axis in enumerate(order)),
        at=", ".join(_place(labels[axis], key[axis], layer, size) for axis in hidden),
        values=values,
        metrics=note(layer, "metrics"),
        products=note(layer, "products"),
    )


def figure_of(found: Shown, kind: str, wishes: Wishes) -> Any:
    """A figure of one of the `kinds`; for a worker thread."""
    from ..figures import curve_figure, image_figure

    plain = {"title": wishes.title, "width": wishes.width}
    if kind == TRANSFER:
        products, size = found.products, found.pixel_size
        frequency = np.asarray(products["prtf_frequency"]) / (size or 1.0)
        label = f"Spatial frequency (1/{'nm' if size else 'px'})"
        curve = {"PRTF": (frequency, products["prtf"])}
        return curve_figure(curve, x_label=label, y_label="PRTF", level=("1/e", float(np.exp(-1))), **plain)
    if kind in (CONVERGENCE, LOG_CONVERGENCE):
        metrics = found.metrics
        curves = {title: (metrics["iteration"], metrics[name]) for name, title in CURVES.items() if name in metrics}
        return curve_figure(curves, log=kind == LOG_CONVERGENCE, **plain)
    shared = {"pixel_size": found.pixel_size, "label": wishes.label, "axes": found.axes, "ticks": wishes.ticks}
    if kind == COMPLEX:
        return image_figure(np.asarray(found.values), limits=found.limits, **shared, **plain)
    look = {"limits": found.limits, "gamma": found.gamma, "colours": found.colours}
    return image_figure(np.asarray(found.data), **look, **shared, **plain)


def _plane(data: Any, key: list[Any], order: list[int]) -> Any:
    plane = data[tuple(key)]
    return plane.T if order[0] > order[1] else plane


def _place(label: str, index: int, layer: Any, size: float | None) -> str:
    name = "slice" if label.startswith("-") else label
    if name == "tilt":
        angles = note(layer, "rotations")
        return f"tilt {index}" if angles is None else f"tilt {index}, {angles[index][1]:g}°"
    return f"{name} = {index * size:.4g} nm" if size else f"{name} {index}"

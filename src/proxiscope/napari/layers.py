"""Between problems and napari layers. What napari does not hold travels in ``layer.metadata["proxiscope"]``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # opening a file must not wait for the numerics to be imported
    from ..phase import DiffractionPattern
    from ..reconstruction import Result
    from ..tomography import TiltSeries

KEY = "proxiscope"
DERIVED = ("result", "companion", "preview")
"""Kinds of layers that are no data to reconstruct from."""

PLANES, PIXELS = 5, 2**20
"""How many images of a stack, and about how many pixels of each, are looked at for the contrast."""

LayerData = tuple[Any, dict[str, Any], str]


def note(layer: Any, name: str, default: Any = None) -> Any:
    """What `layer` carries under `name`."""
    return layer.metadata.get(KEY, {}).get(name, default)


def image_layer(data: Any, name: str, pixel_size: float | None, **notes: Any) -> LayerData:
    """An image layer, in nm when the pixel size is known."""
    ndim = np.ndim(data)
    axes = ("tilt" if notes.get("kind") == "tilt-series" else "z", "y", "x")[-ndim:]
    options: dict[str, Any] = {
        "name": name,
        "axis_labels": axes,
        "rgb": False,  # also where it is three or four pixels wide
        "metadata": {KEY: {"pixel_size": pixel_size, **notes}},
    }
    if pixel_size:
        options |= {"scale": (pixel_size,) * ndim, "units": ("nm",) * ndim}
    return data, options, "image"


def sampled_limits(data: Any, clipped: float = 0.001) -> tuple[float, float]:
    """A range for the contrast, from a few images of a stack, which may be too large to be read as a whole.

    A share `clipped` of the pixels may lie below it, and one above: single hot pixels must not darken the rest.
    """
    stack = data if data.ndim == 3 else data[None]
    few = stack.size <= PLANES * PIXELS and isinstance(stack, np.ndarray)
    planes = np.unique(np.linspace(0, len(stack) - 1, len(stack) if few else PLANES).round().astype(int))
    stride = max(1, round((stack[0].size / PIXELS) ** 0.5))
    values = np.concatenate([np.asarray(stack[i, ::stride, ::stride], np.float32).ravel() for i in planes])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.quantile(values, (clipped, 1 - clipped)))
    if high <= low:  # sparse
        low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def pattern_layers(pattern: "DiffractionPattern", name: str) -> list[LayerData]:
    """A pattern as an image (NaN where not measured) and its support as labels."""
    magnitudes = np.where(pattern.known, pattern.magnitudes, np.nan)
    notes = {"object": pattern.object, "quantity": "magnitudes"}
    return [
        pattern_layer(magnitudes, name, pattern.pixel_size, **notes),
        support_layer(pattern.support, f"{name} support"),
    ]


def pattern_layer(
    data: Any, name: str, pixel_size: float | None, limits: tuple[float, float] | None = None, **notes: Any
) -> LayerData:
    """A pattern as an image; `pixel_size` is that of the reconstruction."""
    # reciprocal space: the pixel size of the reconstruction is a note, not this layer's scale
    data, options, kind = image_layer(data, name, None, **{"kind": "pattern"} | notes)
    options["metadata"][KEY]["pixel_size"] = pixel_size
    # patterns span decades: a low gamma shows the speckles at the edge without touching the data
    gamma = 0.2 if notes.get("quantity") == "intensities" else 0.35
    highest = (limits or sampled_limits(data, clipped=0))[1]
    return data, options | {"gamma": gamma, "colormap": "inferno", "contrast_limits": (0.0, highest)}, kind


def support_layer(support: NDArray, name: str) -> LayerData:
    """A support as labels."""
    return support.astype(np.uint8, copy=False), {"name": name, "opacity": 0.3, "visible": False}, "labels"


def series_layer(series: "TiltSeries", name: str) -> LayerData:
    """A tilt series as an image layer (tilt, y, x)."""
    return image_layer(
        series.projections,
        name,
        series.pixel_size,
        kind="tilt-series",
        rotations=series.rotations,
        shifts=series.shifts if series.shifts.any() else None,
        source=series.source,
    )


def blocked_layer(blocked: NDArray, name: str, pixel_size: float | None) -> LayerData:
    """Pixels of a tilt series that are not to be used, as labels."""
    options: dict[str, Any] = {"name": f"{name} blocked", "opacity": 0.5}
    if pixel_size:
        options |= {"scale": (pixel_size,) * 3, "units": ("nm",) * 3}
    return blocked.astype(np.uint8), options, "labels"


def estimate_layer(data: NDArray, name: str, pixel_size: float | None) -> LayerData:
    """A reconstruction in progress, in nm when a pixel size is given.

    Those of tilt series are, like the series. Those of patterns stay in pixels, like the patterns: napari shows
    reciprocal and real space in one viewer only without units.
    """
    return image_layer(data, name, pixel_size, kind="result")


def result_metadata(result: "Result", make_problem: Callable[[], Any] | None = None) -> dict[str, Any]:
    """What a result layer carries; of a complex result, whose modulus is shown, the array itself too.

    `make_problem` makes the problem that it solves once more.
    """
    notes = {
        "kind": "result",
        "make_problem": make_problem,
        "pixel_size": result.pixel_size,
        "provenance": dict(result.provenance),
        "metrics": dict(result.metrics),
        "products": dict(result.products),
    }
    if np.iscomplexobj(result.array):
        notes["complex"] = result.array
    return {KEY: notes}


class Companion(NamedTuple):
    """An image to be shown beside a result, under the result's name with a suffix."""

    suffix: str
    data: NDArray
    options: dict[str, Any]


def companions(array: NDArray, products: Mapping[str, NDArray]) -> list[Companion]:
    """The phase of a complex result, relative to its mean; mean and variance of the best starts of an ensemble."""
    found = []
    if np.iscomplexobj(array):
        mean = array.sum(dtype=np.complex128)  # a constant phase means nothing, and may wrap
        phase = np.where(array != 0, np.angle(array * mean.conj()), np.nan).astype(np.float32)
        found.append(Companion("phase", phase, {"colormap": "hsv", "contrast_limits": (-np.pi, np.pi)}))
    for name in ("variance", "mean"):
        if name in products:
            data = np.abs(products[name]) if np.iscomplexobj(products[name]) else products[name]
            low, high = float(data.min()), float(data.max())
            limits = {"contrast_limits": (low, high)} if high > low else {}
            found.append(Companion(name, data, {"visible": False, **limits}))
    return found


def companion_layer(companion: Companion, name: str, pixel_size: float | None) -> LayerData:
    """What is shown beside the result called `name`."""
    data, options, kind = estimate_layer(companion.data, f"{name} {companion.suffix}", pixel_size)
    options["metadata"][KEY]["kind"] = "result" if companion.suffix == "mean" else "companion"
    return data, options | companion.options, kind


def array_of(data: Any, notes: dict[str, Any]) -> Any:
    """The values of a layer: of a complex result the complex ones, as long as the layer shows their modulus."""
    values = notes.get("complex")
    return values if values is not None and np.array_equal(np.abs(values), data) else data


def pixel_size_of(layer: Any) -> float | None:
    """In nm: what the layer carries, else its scale if that is a length."""
    from ..io.raw import to_nm

    known = note(layer, "pixel_size")
    return known or to_nm(layer.scale[-1], str(layer.units[-1]))


def source_of(layer: Any) -> str:
    """Where a layer's data came from, for the record."""
    return note(layer, "source") or (str(Path(layer.source.path)) if layer.source.path else layer.name)

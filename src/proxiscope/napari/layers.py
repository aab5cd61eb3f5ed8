"""Between problems and napari layers. What napari does not hold travels in ``layer.metadata["proxiscope"]``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # opening a file must not wait for the numerics to be imported
    from ..io import RawData
    from ..phase import DiffractionPattern
    from ..reconstruction import Result
    from ..tomography import TiltSeries

KEY = "proxiscope"
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
        "metadata": {KEY: {"pixel_size": pixel_size, **notes}},
    }
    if pixel_size:
        options |= {"scale": (pixel_size,) * ndim, "units": ("nm",) * ndim}
    return data, options, "image"


def pattern_layers(pattern: "DiffractionPattern", name: str) -> list[LayerData]:
    """A pattern as an image (NaN where not measured) and its support as labels."""
    magnitudes = np.where(pattern.known, pattern.magnitudes, np.nan)
    return [
        _pattern_layer(magnitudes, name, pattern.pixel_size, object=pattern.object),
        support_layer(pattern.support, f"{name} support"),
    ]


def _pattern_layer(magnitudes: NDArray, name: str, pixel_size: float | None, **notes: Any) -> LayerData:
    # reciprocal space: the pixel size of the reconstruction is a note, not this layer's scale
    data, options, kind = image_layer(magnitudes, name, None, kind="pattern", **notes)
    options["metadata"][KEY]["pixel_size"] = pixel_size
    # magnitudes span decades: a low gamma shows the speckles at the edge without touching the data
    return (
        data,
        options | {"gamma": 0.35, "colormap": "inferno", "contrast_limits": _limits(magnitudes)},
        kind,
    )


def support_layer(support: NDArray, name: str) -> LayerData:
    """A support as labels."""
    return support.astype(np.uint8, copy=False), {"name": name, "opacity": 0.3, "visible": False}, "labels"


def _limits(values: NDArray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (0.0, float(finite.max()) or 1.0) if finite.size else (0.0, 1.0)


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


def raw_layer(raw: "RawData") -> LayerData:
    """What a file holds as an image layer; a tilt series with its axis along x is turned so that it lies along y."""
    from ..io.series import TURNED, turn

    name, data, notes = raw.source.name, raw.data, list(raw.notes)
    rotations = raw.rotations
    if raw.angles is not None:
        rotations = np.stack([np.zeros_like(raw.angles), raw.angles, np.zeros_like(raw.angles)], axis=1)
    turned = rotations is not None and raw.tilt_axis == "x"
    if turned:
        data = turn(data)
        notes.append(TURNED)
    common = {"source": str(raw.source), "notes": notes}
    if rotations is None and data.ndim == 2:
        return _pattern_layer(np.asarray(data), name, None, **common)
    if rotations is None:
        return image_layer(data, name, raw.pixel_size, kind="stack", rotations=None, **common)
    tilts = {"rotations": rotations, "shifts": raw.shifts, "refined": raw.shifts is not None, "turned": turned}
    return image_layer(data, name, raw.pixel_size, kind="tilt-series", **tilts, **common)


def estimate_layer(data: NDArray, name: str, pixel_size: float | None) -> LayerData:
    """A reconstruction in progress, in nm when a pixel size is given.

    Those of tilt series are, like the series. Those of patterns stay in pixels, like the patterns: napari shows
    reciprocal and real space in one viewer only without units.
    """
    return image_layer(data, name, pixel_size, kind="result")


def result_metadata(result: "Result") -> dict[str, Any]:
    """What a result layer carries; of a complex result, whose modulus is shown, the array itself too."""
    notes = {
        "kind": "result",
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


def companions(result: "Result") -> list[Companion]:
    """The phase of a complex result, relative to its mean; mean and variance of the best starts of an ensemble."""
    found, products = [], result.products
    if np.iscomplexobj(result.array):
        mean = result.array.sum(dtype=np.complex128)  # a constant phase means nothing, and may wrap
        phase = np.where(result.array != 0, np.angle(result.array * mean.conj()), np.nan).astype(np.float32)
        found.append(Companion("phase", phase, {"colormap": "hsv", "contrast_limits": (-np.pi, np.pi)}))
    for name in ("variance", "mean"):
        if name in products:
            data = np.abs(products[name]) if np.iscomplexobj(products[name]) else products[name]
            low, high = float(data.min()), float(data.max())
            limits = {"contrast_limits": (low, high)} if high > low else {}
            found.append(Companion(name, data, {"visible": False, **limits}))
    return found


def array_of(data: Any, notes: dict[str, Any]) -> Any:
    """The values of a layer: of a complex result the complex ones, as long as the layer shows their modulus."""
    values = notes.get("complex")
    return values if values is not None and np.array_equal(np.abs(values), data) else data


def source_of(layer: Any) -> str:
    """Where a layer's data came from, for the record."""
    return note(layer, "source") or (str(Path(layer.source.path)) if layer.source.path else layer.name)

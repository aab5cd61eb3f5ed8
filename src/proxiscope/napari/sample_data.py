"""Sample data, simulated on the spot: opened as if they had been saved, so that their results can be had again."""

from typing import Any

from .layers import KEY, LayerData, blocked_layer


def diffraction_pattern() -> list[LayerData]:
    """A noisy diffraction pattern of a vesicle, with its support."""
    return _opened("pattern", "vesicle pattern")


def phase_object() -> list[LayerData]:
    """A noisy diffraction pattern of an object that turns the phase, with its support."""
    return _opened("phase-object", "phase object pattern")


def missing_centre() -> list[LayerData]:
    """A noisy diffraction pattern of a vesicle whose centre was not measured, with its support."""
    return _opened("missing-centre", "pattern without centre")


def bragg() -> list[LayerData]:
    """A three-dimensional Bragg pattern of a strained crystal, a complex object, with a loose support."""
    return _opened("bragg", "crystal")


def exposures() -> list[LayerData]:
    """Raw exposures of a vesicle's pattern, off the centre, with background, hot pixels and cosmic rays."""
    return _opened("exposures", "raw exposures", quantity="intensities")


def tilt_series() -> list[LayerData]:
    """A noisy tilt series of a vesicle, with a missing wedge."""
    return _opened("tilt-series", "vesicle tilts")


def raw_series() -> list[LayerData]:
    """A raw tilt series of a vesicle: shifted, its axis at an angle, with hot pixels and background."""
    return _opened("raw-series", "raw tilts")


def few_tilts() -> list[LayerData]:
    """A tilt series of a vesicle with few tilts and a wide missing wedge."""
    return _opened("few-tilts", "few tilts")


def double_tilt() -> list[LayerData]:
    """Two noisy tilt series of a vesicle that was turned by 90 degrees in between."""
    below, first = (_opened(f"double-tilt-{i}", f"vesicle tilts, axis {i}")[0] for i in (2, 1))
    notes = below[1]["metadata"][KEY]
    notes |= {"rotations": notes["rotations"] * [0, 1, 0], "in_plane": 90.0}
    below[1]["visible"] = False
    return [below, first]


def blocked_series() -> list[LayerData]:
    """A noisy tilt series of a vesicle with a bar in the way at high tilt, and the pixels that it covers."""
    from ..io.sampled import sample

    name = "barred tilts"
    series = _opened("blocked-series", name)
    blocked = sample("blocked-series-2")
    return [*series, blocked_layer(blocked, name, series[0][1]["metadata"][KEY]["pixel_size"])]


def film() -> list[LayerData]:
    """A noisy tilt series of a thin film that goes on beyond the field of view."""
    return _opened("film", "film tilts, 24 slices deep")


def needle() -> list[LayerData]:
    """A noisy tilt series of a needle, tilted all the way."""
    return _opened("needle", "needle tilts")


def _opened(sample: str, name: str, **notes: Any) -> list[LayerData]:
    """The layers of a sample under a name, with further notes."""
    from ..io import read
    from .opening import raw_layers

    layers = raw_layers(read(f"sample:{sample}"))
    first = layers[0][1]["name"]
    for _, options, _ in layers:
        options["name"] = options["name"].replace(first, name)
    layers[0][1]["metadata"][KEY] |= notes
    return layers

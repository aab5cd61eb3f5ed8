"""Sample data, simulated on the spot."""

from .layers import KEY, LayerData, blocked_layer, pattern_layers, series_layer


def diffraction_pattern() -> list[LayerData]:
    """A noisy diffraction pattern of a vesicle, with its support."""
    from ..simulate import sample_pattern

    return pattern_layers(sample_pattern(), "vesicle pattern")


def bragg() -> list[LayerData]:
    """A three-dimensional Bragg pattern of a strained crystal, a complex object, with a loose support."""
    from ..simulate import sample_bragg

    return pattern_layers(sample_bragg(), "crystal")


def tilt_series() -> list[LayerData]:
    """A noisy tilt series of a vesicle, with a missing wedge."""
    from ..simulate import sample_tilt_series

    return [series_layer(sample_tilt_series(), "vesicle tilts")]


def double_tilt() -> list[LayerData]:
    """Two noisy tilt series of a vesicle that was turned by 90 degrees in between."""
    from ..simulate import sample_double_tilt

    first, second = sample_double_tilt()
    below = series_layer(second.copy_with(angles=second.angles), "vesicle tilts, axis 2")
    below[1]["visible"] = False
    below[1]["metadata"][KEY]["in_plane"] = 90.0
    return [below, series_layer(first, "vesicle tilts, axis 1")]


def blocked_series() -> list[LayerData]:
    """A noisy tilt series of a vesicle with a bar in the way at high tilt, and the pixels that it covers."""
    from ..simulate import sample_blocked_series

    name, (series, blocked) = "barred tilts", sample_blocked_series()
    return [series_layer(series, name), blocked_layer(blocked, name, series.pixel_size)]

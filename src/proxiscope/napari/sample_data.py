"""Sample data, simulated on the spot."""

from .layers import LayerData, pattern_layers, series_layer


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

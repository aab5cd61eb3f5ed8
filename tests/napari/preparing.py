"""Words that the tests of the panel *Prepare data* share."""

from tests.problems import small_series

from proxiscope.napari.layers import series_layer
from proxiscope.preparation import step


def add_series(viewer):
    """The small tilt series with one hot pixel."""
    data, options, _ = series_layer(small_series().copy_with(pixel_size=2.0), "series")
    data = data.copy()
    data[4, 5, 6] = 1000
    return viewer.add_image(data, **options)


def choose(panel, name, **parameters):
    """Show a step with some parameters."""
    panel.chooser.show_step(step(name, parameters))


def names(viewer):
    """Of the layers."""
    return [layer.name for layer in viewer.layers]

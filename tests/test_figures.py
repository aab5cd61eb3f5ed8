"""Figures show what they should, in files that can be opened."""

import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.figures import FORMATS, curve_figure, image_figure, length_text, round_length, save_figure

IMAGE = np.arange(12.0).reshape(3, 4)


@pytest.fixture(autouse=True)
def no_warnings():
    """What matplotlib warns of, such as a missing letter, is a fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def texts(place):
    return [text.get_text() for text in place.texts]


def test_an_image_has_axes_in_nm_a_scale_bar_and_a_colour_bar():
    figure = image_figure(IMAGE, pixel_size=5.0, title="a $ and b", label="Density", limits=(2, 8), axes=("z", "x"))
    place, bar = figure.axes[0], figure.axes[0].child_axes[0]
    (drawn,) = place.images
    np.testing.assert_array_equal(drawn.get_array(), IMAGE)
    assert drawn.get_extent() == [0, 20, 15, 0]
    assert drawn.get_clim() == (2, 8)
    assert (place.get_xlabel(), place.get_ylabel()) == ("x (nm)", "z (nm)")
    assert texts(place) == ["5 nm"]
    assert place.patches[0].get_width() == 5.0
    assert bar.get_ylabel() == "Density"
    assert figure.get_size_inches()[0] == pytest.approx(85 / 25.4)


def test_without_a_pixel_size_there_is_no_scale():
    place = image_figure(IMAGE).axes[0]
    assert place.get_xlabel() == "x (px)"
    assert not texts(place)
    assert not image_figure(IMAGE, pixel_size=2.0, ticks=False).axes[0].get_xticks().size


def test_colours_are_those_of_the_layer():
    colours = np.linspace([0, 0, 0, 1], [1, 0.5, 0, 1], 256)
    place = image_figure(IMAGE, limits=(0, 11), gamma=0.5, colours=colours).axes[0]
    shown = place.images[0].to_rgba(np.array([[0.0, 11 / 4, 11.0]]))[0, :, 0]
    np.testing.assert_allclose(shown, [0, 0.5, 1], atol=0.005)


def test_a_complex_image_is_magnitude_and_phase():
    image = IMAGE * np.exp(1j * np.linspace(-3, 3, 12).reshape(3, 4))
    magnitude, phase = image_figure(image, pixel_size=1.0, title="crystal").axes[:2]
    np.testing.assert_allclose(magnitude.images[0].get_array(), IMAGE)
    assert phase.images[0].get_array().mask[0, 0]  # where there is nothing, there is no phase
    assert phase.images[0].get_clim() == (-np.pi, np.pi)
    assert phase.images[0].cmap.name == "twilight"
    assert [place.get_title() for place in (magnitude, phase)] == ["crystal, magnitude", "Phase"]


@pytest.mark.parametrize("background", ["black", "white"])
def test_the_scale_bar_is_seen(background):
    image = np.full((40, 40), 0.0 if background == "black" else 1.0)
    place = image_figure(image, pixel_size=1.0, limits=(0, 1)).axes[0]
    assert place.texts[0].get_color() != background


@pytest.mark.parametrize("image", [np.full((3, 4), np.nan), np.zeros((3, 4)), np.full((1, 900), 2.0)])
def test_images_of_one_value_or_of_none_are_drawn(image, tmp_path):
    save_figure(tmp_path / "a.png", image_figure(image, pixel_size=3.0))


def test_what_is_no_image_is_refused():
    with pytest.raises(InputError, match=r"shape \(2, 3, 4\)"):
        image_figure(np.zeros((2, 3, 4)))
    with pytest.raises(InputError, match="curves"):
        curve_figure({})


def test_curves_have_names_and_colours_that_can_be_told_apart():
    x = np.arange(1, 30)
    curves = {"SIRT": (x, 1 / x), "RESIRE": (x, 0.5 / x)}
    figure = curve_figure(curves, log=True, level=("noise", 0.1), marked=[(29, 0.02)])
    place = figure.axes[0]
    assert [text.get_text() for text in place.get_legend().get_texts()] == ["SIRT", "RESIRE", "noise"]
    assert len({line.get_color() for line in place.lines[:2]}) == 2
    assert place.get_yscale() == "log"
    figure.canvas.draw()
    labels = [label.get_text() for label in place.get_yticklabels(which="both")]
    assert {"1", "0.1"} <= set(labels)
    assert all(float(tick).is_integer() for tick in place.get_xticks())
    assert curve_figure({"FSC": (x, 1 / x)}).axes[0].get_legend() is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_files(tmp_path, suffix):
    path = tmp_path / f"figure{suffix}"
    save_figure(path, image_figure(IMAGE, pixel_size=5.0, title="Vesicle, µm & Å"))
    begin = path.read_bytes()[:8]
    assert begin.startswith({".pdf": b"%PDF", ".svg": b"<?xml", ".png": b"\x89PNG"}[suffix])
    if suffix == ".svg":  # text that can be edited
        assert "Vesicle, µm & Å" in "".join(ET.parse(path).getroot().itertext())


def test_files_that_cannot_be_written(tmp_path):
    for name in ("a.bmp", "none/a.pdf"):
        with pytest.raises(InputError):
            save_figure(tmp_path / name, curve_figure({"a": ([1, 2], [3, 4])}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("extent", "length", "text"),
    [(480, 100, "100 nm"), (5, 1, "1 nm"), (0.9, 0.2, "2 Å"), (20, 5, "5 nm"), (9000, 2e3, "2 µm"), (1e7, 2e6, "2 mm")],
)
def test_scale_bars_have_round_lengths(extent, length, text):
    assert round_length(extent) == pytest.approx(length)
    assert length_text(length) == text

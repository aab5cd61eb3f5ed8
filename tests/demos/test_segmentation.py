"""What a layer holds at its points, as clusters."""

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.demos._features import features, prepared
from proxiscope.demos._grains import grains
from proxiscope.demos.segmentation import Segmentation

RNG = np.random.default_rng(0)


def last(data=None, **values):
    *_, frame = Segmentation(**{"restarts": 3, "max_iterations": 10} | values).run(data)
    return frame


def layer(frame, name="labels"):
    return next(data for data, options, _ in frame.layers if options["name"] == name)


def agreement(labels, truth):
    """Share of the points whose cluster is, for most of its points, the class that they have."""
    table = np.zeros((labels.max() + 1, truth.max() + 1), int)
    np.add.at(table, (labels.ravel(), truth.ravel()), 1)
    return table.max(axis=1).sum() / truth.size


@pytest.mark.parametrize("method", ["SBE", "k-means++"])
def test_the_grains_are_found(method):
    frame = last(method=method, max_iterations=60)
    _, truth = grains(np.random.default_rng(0))
    assert frame.over == (0, 1)
    assert agreement(layer(frame), truth) > 0.99
    assert layer(frame, "sum").shape == truth.shape


@pytest.mark.parametrize(
    ("shape", "compared", "places", "over"),
    [
        ((8, 9), "guess", (8, 9), (0, 1)),
        ((8, 9, 3), "guess", (8, 9), (0, 1)),  # colours
        ((2, 8, 9), "guess", (8, 9), (1, 2)),  # channels
        ((32, 40, 50), "guess", (40, 50), (1, 2)),
        ((100, 8, 9), "guess", (8, 9), (1, 2)),  # frames of many energies
        ((20, 18, 40), "guess", (20, 18), (0, 1)),  # spectra
        ((8, 9, 100), "guess", (8, 9), (0, 1)),
        ((4, 5, 6, 7), "guess", (4, 5), (0, 1)),  # patterns
        ((4, 5, 6), "each pixel", (4, 5, 6), (0, 1, 2)),
        ((4, 5, 6), "first axis", (5, 6), (1, 2)),
        ((3, 4, 5, 6, 7), "last two axes", (3, 4, 5), (0, 1, 2)),
    ],
)
def test_which_axes_are_scanned(shape, compared, places, over):
    data = RNG.random(shape)
    found = features(data, compared)
    assert (found.shape, found.over) == (places, over)
    inside = [axis for axis in range(len(shape)) if axis not in over]
    expected = np.transpose(data, (*over, *inside)).reshape(len(found.values), -1)
    np.testing.assert_array_equal(found.values, expected)


@pytest.mark.parametrize("rows", [30, 1])  # with one row there are fewer points than coordinates
def test_components_hold_the_most_variance(rows):
    spectra = RNG.normal(size=(rows, 20, 2)) @ (RNG.normal(size=(2, 50)) * 10) + RNG.normal(size=(rows, 20, 50)) + 5
    found = features(spectra, "last axis")
    centred = found.values - found.values.mean(axis=0)
    scores = np.multiply(*np.linalg.svd(centred, full_matrices=False)[:2])[:, :2]
    points = whole(found, 2)
    points *= np.sign((points * scores).sum(axis=0))
    np.testing.assert_allclose(points, scores, atol=1e-3 * np.abs(scores).max())


def whole(found, components, **options):
    """The points that are clustered."""
    steps = prepared(found, found.finite, components, **{"standard": False, "smoothing": 0.0, "rng": RNG} | options)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value[0]


def test_scaling_and_smoothing():
    image = RNG.normal(3, [1, 100], (50, 40, 2))
    points = whole(features(image, "last axis"), 0, standard=True)
    np.testing.assert_allclose(points.std(axis=0), 1, rtol=1e-3)
    smooth = whole(features(image, "last axis"), 0, standard=True, smoothing=2.0)
    assert (smooth.std(axis=0) < 0.3).all()


def test_what_is_not_finite_has_label_0():
    image = np.where(np.arange(40) < 20, 0.0, 1.0) + RNG.normal(0, 0.05, (30, 40))
    image[:2] = np.nan
    image[5, 5] = np.inf
    frame = last(image, n_clusters=2)
    labels = layer(frame)
    np.testing.assert_array_equal(labels == 0, ~np.isfinite(image))
    assert np.unique(labels[6:, :20]).size == 1
    assert np.unique(labels[6:, 20:]).size == 1
    assert "81 points that are not finite have label 0" in frame.figures


def test_a_fit_to_some_of_the_points_labels_all(monkeypatch):
    monkeypatch.setattr("proxiscope.demos.segmentation.FITTED", 100)
    image = np.where(np.arange(40) < 20, 0.0, 1.0) + RNG.normal(0, 0.05, (30, 40))
    labels = layer(last(image, n_clusters=2))
    assert np.unique(labels[:, :20]).size == np.unique(labels[:, 20:]).size == 1
    assert labels.min() == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((4, 4), complex), "real numbers"),
        (np.full((4, 4), np.nan), "no point is finite"),
        (np.zeros((2, 2)), "at most as many clusters as points"),
        (np.zeros((2, 2, 2, 2, 2)), "2 or 3 axes"),
    ],
)
def test_what_cannot_be_clustered_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        last(data)


def test_points_along_a_line_are_refused():  # a layer has two axes or more
    with pytest.raises(InputError, match="2 or 3 axes beside the last axis"):
        last(np.ones((5, 6)), compared="last axis")


def test_of_many_clusters_the_largest_are_told():
    frame = last(RNG.random((30, 30)), n_clusters=14, method="EM", max_iterations=1, restarts=1)
    told = frame.figures.split("; ")[1]
    assert told.startswith("sizes ")
    assert told.endswith("and 4 smaller %")
    assert told.count(",") == 9


def test_small_regions_are_lost_by_sbe():
    image = RNG.normal(0, 0.3, (100, 100))
    image[:10, :10] += 5  # a hundredth of the area
    found = {method: layer(last(image, n_clusters=3, method=method, max_iterations=60)) for method in ("SBE", "EM")}
    small = image > 2.5
    assert agreement(found["EM"], small.astype(int)) > 0.999
    assert "k-means++" in Segmentation.loses
    errors = {c.name.split(",")[0]: c.y[-1] for c in last(image, n_clusters=3, max_iterations=60).plot.curves}
    assert errors["SBE"] > 1.5 * errors["k-means++"]

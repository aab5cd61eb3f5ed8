"""The estimators keep to the interface of scikit-learn, and do what the algorithms do."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from proxiscope.core import DivergedError, InputError
from proxiscope.learning import LloydKMeans, MiniBatchKMeans, SBEKMeans
from proxiscope.learning.gaussians import START, four_gaussians

POINTS = four_gaussians(np.random.default_rng(0), each=250)

WEIGHTS = "from points drawn at random, weights are not the same as repetitions"


def expected_failures(estimator):
    """Those that scikit-learn expects of its own KMeans and MiniBatchKMeans."""
    if isinstance(estimator, SBEKMeans):
        return {}
    return {f"check_sample_weight_equivalence_on_{kind}_data": WEIGHTS for kind in ("dense", "sparse")}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [SBEKMeans(max_iter=40), LloydKMeans(), MiniBatchKMeans()], expected_failed_checks=expected_failures
)
def test_of_scikit_learn(estimator, check):
    check(estimator)


def test_the_defaults_are_those_of_the_thesis():
    parameters = SBEKMeans().get_params()
    del parameters["n_clusters"], parameters["random_state"]
    assert parameters == {
        "init": "partition", "gamma0": None, "batch_size": 1000, "alpha": 0.75, "beta": 1 / 1.01, "max_iter": 150,
        "inner_iter": 10, "n_init": 1,
    }  # fmt: skip
    for other in (LloydKMeans(), MiniBatchKMeans()):
        assert (other.init, other.n_init) == ("random", 1)


@pytest.mark.parametrize("cls", [SBEKMeans, LloydKMeans, MiniBatchKMeans])
def test_what_is_found_fits_together(cls):
    fitted = cls(4, random_state=0).fit(POINTS)
    distances = fitted.transform(POINTS)
    expected = np.sqrt(np.square(POINTS[:, None] - fitted.cluster_centers_).sum(-1))
    np.testing.assert_allclose(distances, expected, atol=1e-6)
    np.testing.assert_array_equal(fitted.labels_, expected.argmin(1))
    np.testing.assert_array_equal(fitted.predict(POINTS), fitted.labels_)
    assert fitted.inertia_ == pytest.approx((expected.min(1) ** 2).sum())
    assert fitted.objective_ == pytest.approx((expected.min(1) ** 2).mean() / 2)
    assert fitted.score(POINTS) == pytest.approx(-fitted.inertia_)
    assert list(fitted.get_feature_names_out()) == [f"{cls.__name__.lower()}{i}" for i in range(4)]
    np.testing.assert_array_equal(clone(fitted).fit_predict(POINTS), fitted.labels_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype):
    fitted = SBEKMeans(4, random_state=0, max_iter=5).fit(POINTS.astype(dtype))
    assert fitted.cluster_centers_.dtype == dtype
    assert fitted.predict(POINTS.astype(np.float32)).dtype == np.int32


def test_in_a_pipeline_the_four_clusters_are_found():
    labels = make_pipeline(StandardScaler(), SBEKMeans(4, gamma0=6, random_state=0)).fit_predict(POINTS)
    assert adjusted_rand_score(np.repeat(range(4), 250), labels) > 0.8


def test_a_given_start_is_left_as_it_is():
    start = START.copy()
    assert SBEKMeans(4, init=start, max_iter=2).fit(POINTS).n_iter_ == 2
    np.testing.assert_array_equal(start, START)


def test_the_best_of_several_runs_is_kept():
    points = POINTS[:500]
    several = SBEKMeans(4, n_init=4, max_iter=3, random_state=7).fit(points)
    one = SBEKMeans(4, n_init=1, max_iter=3)
    random = np.random.RandomState(7)
    alone = [clone(one).set_params(random_state=random).fit(points).objective_ for _ in range(4)]
    assert several.objective_ == min(alone)
    assert len(set(alone)) == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [("init", "best"), ("init", START[:2]), ("max_iter", 0), ("inner_iter", 0), ("n_init", 0), ("n_init", "auto"),
     ("n_init", 2.5), ("alpha", 1.5),
     ("gamma0", -1), ("n_clusters", 0), ("n_clusters", 5000)],
)  # fmt: skip
def test_a_bad_parameter_is_named(name, value):
    with pytest.raises(InputError, match=f"^{name}:"):
        SBEKMeans(**{"n_clusters": 4, name: value}).fit(POINTS)


def test_steps_that_diverge_are_told():
    with pytest.raises(DivergedError, match="gamma0"):
        SBEKMeans(4, gamma0=40, random_state=0).fit(POINTS)


def test_of_several_runs_those_that_diverge_are_left_out():
    several = SBEKMeans(4, gamma0=12, max_iter=20, n_init=8, random_state=0).fit(POINTS)
    one, random, ended = SBEKMeans(4, gamma0=12, max_iter=20), np.random.RandomState(0), []
    for _ in range(8):
        try:
            ended.append(clone(one).set_params(random_state=random).fit(POINTS).objective_)
        except DivergedError:
            continue
    assert 0 < len(ended) < 8
    assert several.objective_ == min(ended)

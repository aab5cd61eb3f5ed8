"""Many starts: each is the single run with its seed, whatever else runs beside it."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from proxiscope import InputError, load_checkpoint, reconstruct, save_checkpoint
from proxiscope.core import DivergedError, algorithms, build, iterate, to_dict
from proxiscope.core.threads import set_num_threads
from proxiscope.phase import GPSF, GPSR, HIO, BestQuality, Ensemble, PoissonML
from proxiscope.phase.metrics import align, r_real
from proxiscope.simulate import diffraction_pattern, vesicle
from proxiscope.tomography import RESIRE
from tests.problems import small_pattern

INNER = GPSF(max_iterations=45, check_every=20)
SHRINKING = HIO(max_iterations=60, shrink_every=15, polish=15)
WHOLE = Ensemble(algorithm=INNER, starts=5, batch=2, generations=2, refined=3, exchanges=1, keep=3)


def last(algorithm, problem, **options):
    """The last progress of a run."""
    for progress in iterate(algorithm, problem, **options):  # noqa: B007
        pass
    return progress


@pytest.mark.parametrize("inner", [INNER, SHRINKING], ids=["gps-f", "shrink-wrap"])
@pytest.mark.parametrize("batch", [1, 3, 16])
def test_start_i_is_the_single_run_with_seed_plus_i(inner, batch):
    problem = small_pattern()
    singles = [reconstruct(inner, problem, seed=7 + i) for i in range(4)]
    state = last(Ensemble(algorithm=inner, starts=4, batch=batch), problem, seed=7).state
    for single, image, r_factor in zip(singles, state.images, state.r_factors, strict=True):
        np.testing.assert_array_equal(image, single.array)
        assert r_factor == single.r_factor


def test_neither_threads_nor_batches_change_a_result():
    problem = small_pattern()
    expected = last(WHOLE, problem, seed=1).state
    for threads, batch in ((1, 2), (3, 5)):
        set_num_threads(threads)
        try:
            found = last(replace(WHOLE, batch=batch), problem, seed=1).state
        finally:
            set_num_threads(0)
        np.testing.assert_array_equal(found.r_factors, expected.r_factors)
        np.testing.assert_array_equal(found.images, expected.images)


@pytest.mark.parametrize("stop", [20, 45, 100, 180, 250, 330])
def test_resuming_at_any_point_gives_the_same(stop, tmp_path):
    problem = small_pattern()
    whole = last(WHOLE, problem, seed=2)
    for progress in iterate(WHOLE, problem, seed=2):
        if progress.iteration >= stop:
            break
    save_checkpoint(tmp_path / "run.h5", WHOLE, progress.state)
    algorithm, state = load_checkpoint(tmp_path / "run.h5")
    assert algorithm == WHOLE
    resumed = last(algorithm, problem, state=state)
    assert resumed.iteration == whole.iteration
    np.testing.assert_array_equal(resumed.estimate(), whole.estimate())


def test_iterations_add_up():
    progress = last(WHOLE, small_pattern())
    assert WHOLE.iterations == 2 * 3 * 45 + 2 * 2 * 100
    assert progress.iteration == progress.total == WHOLE.iterations


def test_the_best_start_comes_first():
    state = last(Ensemble(algorithm=INNER, starts=6), small_pattern()).state
    ensemble = Ensemble(algorithm=INNER, starts=6)
    ranked = state.r_factors[ensemble.ranking(state)]
    assert (np.diff(ranked) >= 0).all()
    assert ensemble.metrics(small_pattern(), state)["r_factor"] == ranked[0]
    np.testing.assert_array_equal(ensemble.estimate(small_pattern(), state), state.images[state.r_factors.argmin()])


def test_ranking_by_the_free_r_factor_needs_held_out_pixels():
    ensemble = Ensemble(algorithm=INNER, starts=4, rank="free_r_factor")
    with pytest.raises(InputError, match="held-out"):
        iterate(ensemble, small_pattern())
    state = last(ensemble, small_pattern().hold_out(0.1)).state
    assert ensemble.ranking(state)[0] == state.free_r_factors.argmin()


def test_a_given_start_is_refused_for_many_starts():
    with pytest.raises(InputError, match="all be the same"):
        iterate(Ensemble(algorithm=INNER, starts=2), small_pattern().starting_from(small_pattern().support * 1.0))


def test_a_start_that_blows_up_is_out_and_the_others_go_on(monkeypatch):
    usual = GPSF.metrics

    def blown_up(self, problem, state):
        return {"r_factor": np.nan} if state.z[0, 0] == marked else usual(self, problem, state)

    problem, inner = small_pattern(), replace(INNER, check_every=45)
    marked = last(inner, problem, seed=1).state.z[0, 0]
    monkeypatch.setattr(GPSF, "metrics", blown_up)
    ensemble = Ensemble(algorithm=inner, starts=3)
    progress = last(ensemble, problem)
    assert np.isinf(progress.state.r_factors[1])
    assert np.isfinite(progress.state.r_factors[[0, 2]]).all()
    assert len(ensemble.products(problem, progress.state)["images"]) == 2


def test_all_starts_that_blow_up_are_an_error(monkeypatch):
    monkeypatch.setattr(GPSF, "metrics", lambda self, problem, state: {"r_factor": np.nan})
    with pytest.raises(DivergedError):
        last(Ensemble(algorithm=INNER, starts=2), small_pattern())


def test_a_guided_generation_never_loses_the_best():
    problem = small_pattern()
    first = last(Ensemble(algorithm=INNER, starts=5), problem).state
    second = last(Ensemble(algorithm=INNER, starts=5, generations=2), problem).state
    assert (second.r_factors <= first.r_factors).all()
    assert np.median(second.r_factors) < np.median(first.r_factors)


def test_refinement_stays_in_the_support_that_a_start_has_found():
    """Not in the large one that it began with."""
    problem = small_pattern()
    state = last(Ensemble(algorithm=SHRINKING, starts=3, refined=3), problem).state
    for image, support in zip(state.images, state.supports, strict=True):
        assert support.sum() < 0.9 * problem.support.sum()
        assert not image[~support].any()


def test_refined_starts_are_ranked_by_likelihood_before_the_others():
    ensemble = Ensemble(algorithm=INNER, starts=5, refined=2)
    state = last(ensemble, small_pattern()).state
    assert np.isfinite(state.deviances).sum() == 2
    assert np.isfinite(state.deviances[ensemble.ranking(state)[:2]]).all()


def test_exchanges_only_improve_the_likelihood():
    problem = small_pattern()
    without = last(replace(WHOLE, exchanges=0), problem).state
    rounds = last(replace(WHOLE, exchanges=3), problem).state
    assert (rounds.deviances <= without.deviances).all()


def test_what_an_ensemble_leaves(tmp_path):
    problem = small_pattern()
    result = reconstruct(WHOLE, problem)
    assert result.provenance["parameters"]["algorithm"]["name"] == "gps-f"
    products = result.products
    assert products["images"].shape == (3, *problem.shape)
    np.testing.assert_allclose(products["mean"], products["images"].mean(axis=0), rtol=1e-5)
    assert products["r_factors"].shape == (5,)
    assert products["mode_weights"].sum() == pytest.approx(1)
    assert products["prtf"].shape == products["prtf_frequency"].shape
    result.save(tmp_path / "many.npz")
    with np.load(tmp_path / "many.npz") as file:
        np.testing.assert_array_equal(file["products_variance"], products["variance"])


def test_best_quality_is_an_ensemble_that_every_face_offers():
    assert algorithms("phase")["best-quality"] is BestQuality
    assert "ensemble" not in algorithms()
    assert build(BestQuality, to_dict(BestQuality())) == BestQuality()


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_other_objects_too(kind):
    image = vesicle((9, 8, 7)).astype(np.float32)
    image = image * np.exp(1j * image) if kind == "complex" else image - 0.3 * (image > 0)
    pattern = diffraction_pattern(image, (20, 19, 16), flux=1e7, object=kind)
    progress = last(replace(WHOLE, algorithm=HIO(max_iterations=20)), pattern)
    assert progress.estimate().dtype == (np.complex64 if kind == "complex" else np.float32)


def test_likelihood_reaches_the_noise_from_a_good_start_and_keeps_to_its_constraints():
    truth = vesicle((36, 28))
    pattern = diffraction_pattern(truth, (96, 80), flux=3e6)
    frame = np.zeros(pattern.shape, np.float32)
    frame[30:66, 26:54] = truth
    noisy_start = np.maximum(frame + np.random.default_rng(0).normal(0, 0.05, frame.shape) * pattern.support, 0)
    result = reconstruct(PoissonML(), pattern.starting_from(noisy_start))
    assert r_real(result.image, frame) < 0.4 * r_real(noisy_start, frame)
    assert result.image.min() == 0
    assert not result.image[~pattern.support].any()
    deviances = result.metrics["deviance"]
    assert (np.diff(deviances) <= 0).all()


def test_align_takes_out_what_a_pattern_leaves_open():
    rng = np.random.default_rng(0)
    image = rng.random((12, 15)) * np.exp(1j * rng.random((12, 15)))
    other = np.roll(np.flip(image).conj(), (3, -2), (0, 1)) * np.exp(0.7j)
    np.testing.assert_allclose(align(other, image), image, atol=1e-12)


def test_agreement_is_that_of_starts_that_know_nothing_of_each_other():
    problem = small_pattern()
    alone = reconstruct(replace(WHOLE, generations=1, exchanges=0, refined=0), problem).products
    for dependent in (replace(WHOLE, refined=0, exchanges=0), WHOLE):
        products = reconstruct(dependent, problem).products
        np.testing.assert_array_equal(products["images"], alone["images"])
        np.testing.assert_array_equal(products["prtf"], alone["prtf"])


def test_a_later_generation_with_shrink_wrap_never_loses_the_best():
    problem = small_pattern()
    first, second = (
        last(Ensemble(algorithm=SHRINKING, starts=4, generations=n), problem).state.r_factors for n in (1, 2)
    )
    assert (second <= first).all()


@pytest.mark.parametrize("wrong", [GPSF, "gps-f", None, PoissonML(), RESIRE(), BestQuality()], ids=str)
def test_what_is_no_algorithm_with_random_starts_is_refused(wrong):
    with pytest.raises(InputError, match="algorithm"):
        Ensemble(algorithm=wrong)


@pytest.mark.parametrize(
    "other",
    [
        replace(WHOLE, algorithm=HIO(max_iterations=45, check_every=20)),
        replace(WHOLE, algorithm=GPSR(max_iterations=45, check_every=20)),
        replace(WHOLE, batch=5),
        replace(WHOLE, algorithm=replace(INNER, max_iterations=30)),
    ],
    ids=["hio", "gps-r", "batch", "iterations"],
)
def test_a_state_of_another_ensemble_is_refused(other):
    problem = small_pattern()
    for progress in iterate(WHOLE, problem):
        if progress.iteration == 65:
            break
    with pytest.raises(InputError, match="state"):
        next(iterate(other, problem, state=progress.state))


def test_a_start_that_blew_up_is_not_refined(monkeypatch):
    usual, problem = HIO.metrics, small_pattern()
    inner = HIO(max_iterations=20, check_every=20)
    marked = last(inner, problem, seed=1).state.input[0, 0]

    def blown_up(self, problem, state):
        return {"r_factor": np.nan} if state.input[0, 0] == marked else usual(self, problem, state)

    monkeypatch.setattr(HIO, "metrics", blown_up)
    progress = last(Ensemble(algorithm=inner, starts=3, refined=3, exchanges=1), problem)
    assert np.isinf(progress.state.deviances[1])
    assert np.isfinite(progress.state.deviances[[0, 2]]).all()


def test_a_real_object_and_its_negative_are_the_same_to_its_pattern():
    image = np.random.default_rng(0).standard_normal((12, 15))
    np.testing.assert_allclose(align(-np.roll(image, 3, axis=0), image), image)


def test_guided_starts_lie_in_the_support_of_their_guide():
    problem = small_pattern()
    ensemble = Ensemble(algorithm=SHRINKING, starts=4, generations=2)
    for progress in iterate(ensemble, problem):
        if progress.iteration > ensemble.iterations // 2:
            break
    state = progress.state
    guide = state.guide_support
    assert guide.sum() < 0.9 * problem.support.sum()
    assert not state.guide[~guide].any()
    for member in state.members:  # the support is a fresh one, or has shrunk from there
        assert (member.support == guide).all() or member.shrunk


def test_one_warning_of_a_large_support_is_enough():
    support = np.pad(np.ones((44, 36), bool), 2)
    with pytest.warns(UserWarning, match="under-samples"):
        pattern = small_pattern().within(support)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        last(replace(WHOLE, algorithm=HIO(max_iterations=10)), pattern)

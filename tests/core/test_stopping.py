"""When to stop: the exact iteration at which each criterion ends a run, and what is left of it."""

from dataclasses import replace

import numpy as np
import pytest

import proxiscope
from proxiscope.core import (
    Discrepancy,
    HeldOut,
    InputError,
    Plateau,
    Progress,
    State,
    algorithms,
    build,
    criteria,
    iterate,
    parameters,
    to_dict,
    until,
)
from proxiscope.core.checkpoint import load_checkpoint, save_checkpoint
from proxiscope.phase import ER, HIO, Ensemble
from proxiscope.reconstruction import NOT_MET, criteria_for
from proxiscope.tomography import FBP, RESIRE, SIRT, AcceleratedRESIRE
from proxiscope.tomography.noise import noise_level
from tests.problems import Walkers, random_walk, small_pattern, small_series


def made_up(values, figure="r_factor", every=1):
    """Progress with these figures, recorded at every n-th iteration."""
    total = every * len(values)
    for i in range(1, total + 1):
        metrics = {} if i % every else {"r_factor": 0.5, figure: values[i // every - 1]}
        yield Progress(i, total, metrics, State(iteration=i), lambda: np.zeros((1, 1)))


def run(values, *chosen, figure="r_factor", every=1, **options):
    """Where a run with these figures ends, and why."""
    watched = until(made_up(values, figure, every), *chosen, **options)
    seen = [progress.iteration for progress in watched]
    assert seen == list(range(1, len(seen) + 1))
    assert next(watched, None) is None
    return len(seen), watched.reason


def test_without_criteria_all_comes_through():
    assert run([0.5] * 7) == (7, "")


class TestDiscrepancy:
    def stops(self, values, **options):
        return run(values, Discrepancy(**options), figure="misfit")

    def test_ends_at_the_first_misfit_within_the_level(self):
        end, why = self.stops([4, 3, 2.1, 2.0, 1.9], noise=2, factor=1)
        assert end == 4
        assert why == "Stopped at iteration 4: the misfit of 2 is within 1 times the noise of 2."

    def test_the_factor_scales_the_level(self):
        values = np.linspace(4, 1, 31)
        for factor, end in ((1.5, 11), (1.25, 16), (0.5, 31)):
            assert self.stops(values, noise=2.0001, factor=factor)[0] == end

    def test_runs_to_the_end_above_the_level(self):
        assert self.stops([4, 3, 2.1], noise=2, factor=1) == (3, "")

    def test_noise_that_is_to_be_estimated_is_asked_for_at_once(self):
        with pytest.raises(InputError, match=r"noise: 0, to be estimated\. Give its level"):
            until(made_up([1.0]), Discrepancy())


class TestHeldOut:
    def stops(self, values, **options):
        return run(values, HeldOut(**options), figure="free_r_factor")

    @pytest.mark.parametrize("patience", [1, 2, 5])
    def test_ends_after_the_minimum_and_the_patience(self, patience):
        values = [0.9, 0.5, 0.3, 0.31, 0.32, 0.33, 0.34, 0.35, 0.36]
        end, why = self.stops(values, patience=patience)
        assert end == 3 + patience
        assert "has not fallen below 30.00%" in why
        assert f"for {patience} recorded iterations" in why

    def test_a_new_minimum_in_time_begins_the_patience_anew(self):
        assert self.stops([0.5, 0.6, 0.6, 0.49, 0.6, 0.6, 0.6], patience=3)[0] == 7

    def test_a_fall_within_the_tolerance_is_none(self):
        values = [0.5, 0.499, 0.498, 0.497, 0.496]
        assert self.stops(values, patience=3, tolerance=0.01)[0] == 4
        assert self.stops(values, patience=3, tolerance=0.005) == (5, "")

    def test_a_value_that_stays_has_not_fallen(self):
        assert self.stops([0.5] * 20, patience=4)[0] == 5

    def test_zero_is_no_trouble(self):
        assert self.stops([0.0] * 20, patience=4)[0] == 5


class TestPlateau:
    def stops(self, values, every=1, **options):
        return run(values, Plateau(**options), every=every)

    def test_ends_when_the_fall_over_the_patience_is_small(self):
        values = 0.2 + 0.8 * 0.5 ** np.arange(30)
        end, why = self.stops(values, patience=3, tolerance=0.1)
        falls = 1 - values[3:] / values[:-3]
        assert end == np.flatnonzero(falls <= 0.1)[0] + 4
        assert f"R_F fell by {falls[end - 4]:.2%} of itself, to {values[end - 1]:.2%}, in 3" in why

    def test_ups_and_downs_are_judged_by_their_lows(self):
        """Every other value lies high: seen one by one they would stand still."""
        falling = [0.9 - 0.02 * i + 0.3 * (i % 2) for i in range(20)]
        assert self.stops(falling, patience=3, tolerance=0.01) == (20, "")

    def test_counts_records_not_iterations(self):
        assert self.stops([0.5] * 9, every=10, patience=3)[0] == 40


def test_the_first_criterion_that_is_met_ends_the_run():
    values = [0.5, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3]
    slow, quick = Plateau(patience=4), Plateau(patience=2)
    for chosen in ((slow, quick), (quick, slow)):
        end, why = run(values, *chosen)
        assert end == 5
        assert "in 2 recorded" in why


def test_a_criterion_serves_many_runs():
    plateau = Plateau(patience=3)
    assert [run([0.5] * 9, plateau)[0] for _ in range(3)] == [4, 4, 4]


def test_a_new_era_is_watched_anew():
    assert run([0.5] * 9, Plateau(patience=3), era=lambda state: state.iteration > 3)[0] == 7


@pytest.mark.parametrize("criterion", [HeldOut(), Discrepancy(noise=1)])
def test_a_figure_that_is_not_recorded_is_said_at_the_first_record(criterion):
    watched = until(made_up([0.5] * 5, every=2), criterion)
    next(watched)
    with pytest.raises(InputError, match=f"stop: {criterion.name}, and no {criterion.figure} is recorded"):
        next(watched)


def test_any_iterative_method_can_be_watched():
    with random_walk() as walk:
        algorithm = walk(max_iterations=1000, every=3)
        *_, last = iterate(replace(algorithm, max_iterations=15), Walkers())
        watched = until(iterate(algorithm, Walkers()), Discrepancy(noise=1))
        with pytest.raises(InputError, match="no misfit"):
            list(watched)
        watched = until(iterate(algorithm, Walkers()), Plateau(patience=4, tolerance=0))
        (*_, end) = watched
        assert end.iteration == 15  # the walk goes upward from its first record on
        np.testing.assert_array_equal(end.estimate(), last.estimate())


def test_a_run_that_is_taken_up_again_is_watched_anew(tmp_path):
    algorithm, stop = SIRT(max_iterations=400), Plateau(patience=20, tolerance=0.05)
    *_, whole = until(iterate(algorithm, small_series()), stop)
    progresses = iterate(algorithm, small_series())
    for progress in progresses:
        if progress.iteration == whole.iteration - 5:
            save_checkpoint(tmp_path / "a.h5", algorithm, progress.state)
            break
    algorithm, state = load_checkpoint(tmp_path / "a.h5")
    *_, resumed = until(iterate(algorithm, small_series(), state=state), stop)
    assert resumed.iteration == whole.iteration - 5 + 21


class TestReconstruct:
    def test_is_the_run_of_so_many_iterations(self):
        result = proxiscope.reconstruct(AcceleratedRESIRE(max_iterations=300), small_series(), stop=Discrepancy())
        end = result.iteration
        assert 5 < end < 100
        expected = proxiscope.reconstruct(AcceleratedRESIRE(max_iterations=end), small_series())
        np.testing.assert_array_equal(result.volume, expected.volume)
        noise = noise_level(small_series().projections)
        assert result.provenance["stop"] == [{"name": "discrepancy", "noise": noise, "factor": 0.95}]
        assert result.provenance["stopped"].startswith(f"Stopped at iteration {end}: the misfit of ")
        misfits = result.metrics["misfit"]
        assert misfits[-1] <= 0.95 * noise < misfits[-2]

    def test_a_level_that_is_given_is_taken(self):
        ends = [
            proxiscope.reconstruct(SIRT(), small_series(), stop=Discrepancy(noise=noise)).iteration
            for noise in (0.4, 0.2)
        ]
        assert 1 < ends[0] < ends[1] < 200

    @pytest.mark.parametrize("algorithm", [RESIRE(max_iterations=300), ER(max_iterations=300, check_every=2)])
    def test_held_out_data_keep_the_iterate_at_their_minimum(self, algorithm):
        problem = small_series().hold_out(4) if algorithm.family == "tomography" else small_pattern().hold_out(0.1)
        result = proxiscope.reconstruct(algorithm, problem, stop=HeldOut(patience=5))
        recorded, free = result.metrics["iteration"], result.metrics["free_r_factor"]
        assert result.iteration == recorded[free.argmin()]
        assert recorded[-1] == recorded[free.argmin() + 5] < 300
        expected = proxiscope.iterate(replace(algorithm, max_iterations=result.iteration), problem)
        *_, last = expected
        np.testing.assert_array_equal(result.array, last.estimate())

    def test_several_criteria(self):
        stop = (Plateau(tolerance=0), Discrepancy(noise=0.3))
        result = proxiscope.reconstruct(SIRT(), small_series(), stop=stop)
        assert "the misfit of" in result.provenance["stopped"]
        assert [entry["name"] for entry in result.provenance["stop"]] == ["plateau", "discrepancy"]

    def test_one_that_is_not_met_is_said(self):
        result = proxiscope.reconstruct(SIRT(max_iterations=3), small_series(), stop=Plateau())
        assert (result.iteration, result.provenance["stopped"]) == (3, NOT_MET)

    def test_nothing_is_said_without_any(self):
        result = proxiscope.reconstruct(SIRT(max_iterations=3), small_series())
        assert not {"stop", "stopped"} & result.provenance.keys()

    @pytest.mark.parametrize(
        ("algorithm", "problem", "stop", "words"),
        [
            (FBP(), small_series, Plateau(), "stop: plateau does not go with fbp. Leave it out"),
            (Ensemble(), small_pattern, Plateau(), "stop: plateau does not go with ensemble"),
            (HIO(), small_pattern, Discrepancy(), "discrepancy does not go with hio. Choose one of held-out, plateau"),
            (HIO(), small_pattern, HeldOut(), "stop: held-out, and nothing is held out"),
            (SIRT(), small_series, (Plateau(), HeldOut()), "stop: held-out, and nothing is held out"),
            (SIRT(), small_series, "plateau", "stop: 'plateau' does not go with sirt"),
        ],
    )
    def test_one_that_does_not_apply_is_refused_at_once(self, monkeypatch, algorithm, problem, stop, words):
        monkeypatch.setattr("proxiscope.reconstruction.iterate", lambda *a, **k: pytest.fail("the run began"))
        with pytest.raises(InputError, match=words):
            proxiscope.reconstruct(algorithm, problem(), stop=stop)

    def test_noise_that_cannot_be_told_is_asked_for(self):
        series = proxiscope.TiltSeries(np.ones((3, 4, 4)), [-10, 0, 10])
        with pytest.raises(InputError, match=r"noise: it cannot be told .* Give its level"):
            proxiscope.reconstruct(SIRT(), series, stop=Discrepancy())

    def test_the_estimate_leaves_the_criterion_as_it_was(self):
        criterion = Discrepancy()
        (fitted,) = criteria_for(SIRT(), small_series(), criterion)
        assert criterion == Discrepancy()
        assert fitted == Discrepancy(noise=noise_level(small_series().projections))

    def test_a_callback_still_ends_the_run(self):
        result = proxiscope.reconstruct(
            SIRT(), small_series(), stop=Plateau(), callback=lambda progress: progress.iteration == 4
        )
        assert (result.iteration, result.provenance["stopped"]) == (4, NOT_MET)


class TestParameters:
    @pytest.mark.parametrize("cls", criteria().values())
    def test_are_declared_like_those_of_an_algorithm(self, cls):
        assert all(p.doc for p in parameters(cls))
        assert build(cls, to_dict(cls())) == cls()

    @pytest.mark.parametrize(
        ("cls", "values"),
        [
            (Discrepancy, {"noise": -1}),
            (Discrepancy, {"factor": 0}),
            (HeldOut, {"patience": 0}),
            (Plateau, {"tolerance": 2}),
        ],
    )
    def test_out_of_range_are_refused(self, cls, values):
        with pytest.raises(InputError, match=next(iter(values))):
            cls(**values)

    def test_criteria_are_offered_where_they_make_sense(self):
        for name, cls in algorithms().items():
            found = set(criteria(cls))
            if name in ("fbp", "best-quality"):
                assert not found
            elif "max_iterations" in {p.name for p in parameters(cls)}:
                assert found == {"held-out", "plateau"} | ({"discrepancy"} if cls.family == "tomography" else set())

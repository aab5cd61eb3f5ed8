"""Runs whose parameters change on the way."""

from dataclasses import replace

import numpy as np
import pytest

from proxiscope.core import InputError, Plateau, algorithms, iterate
from proxiscope.core.algorithm import copy_of
from proxiscope.phase import ER, HIO
from proxiscope.reconstruction import reconstruct
from proxiscope.tomography import RESIRE, SIRT, AcceleratedRESIRE
from tests.problems import problem_for, quick, small_pattern, small_series

ITERATIVE = {name: cls for name, cls in algorithms().items() if quick(cls).iterations > 1}


@pytest.mark.parametrize("cls", ITERATIVE.values(), ids=ITERATIVE)
def test_a_change_to_the_same_parameters_changes_nothing(cls):
    """As bits: work that was prepared is made again."""
    algorithm, problem = quick(cls), problem_for(cls)
    iterations = algorithm.iterations
    plain = reconstruct(algorithm, problem, seed=2)
    changed = reconstruct(algorithm, problem, seed=2, changes={iterations // 2: replace(algorithm)})
    np.testing.assert_array_equal(plain.array, changed.array)
    np.testing.assert_array_equal(plain.metrics["r_factor"], changed.metrics["r_factor"])


@pytest.mark.parametrize("cls", ITERATIVE.values(), ids=ITERATIVE)
def test_a_copy_of_a_state_goes_on_to_the_same(cls):
    """Also of one that holds other states, and work that cannot be copied."""
    algorithm, problem = quick(cls, iterations=6), problem_for(cls)
    progresses = iterate(algorithm, problem)
    kept = copy_of(next(progresses).state)
    *_, expected = progresses
    expected = expected.estimate()
    *_, found = iterate(algorithm, problem, state=kept)
    np.testing.assert_array_equal(found.estimate(), expected)


def test_what_follows_a_change_is_what_the_other_makes_of_the_state():
    first, second, series = RESIRE(max_iterations=9), RESIRE(max_iterations=12, step_size=0.5), small_series()
    for progress in iterate(first, series):
        if progress.iteration == 4:
            break
    *_, expected = iterate(second, series, state=copy_of(progress.state))
    found = reconstruct(first, series, changes={4: second})
    np.testing.assert_array_equal(found.array, expected.estimate())
    assert found.iteration == 12
    assert found.algorithm == second
    assert found.provenance["parameters"]["step_size"] == 2.0
    (change,) = found.provenance["changes"]
    assert (change["iteration"], change["algorithm"], change["parameters"]["step_size"]) == (4, "resire", 0.5)


def test_a_change_that_was_never_reached_is_not_on_record():
    found = reconstruct(RESIRE(max_iterations=5), small_series(), changes={5: RESIRE(max_iterations=5, step_size=1)})
    assert "changes" not in found.provenance


def test_changes_may_be_made_while_the_run_waits():
    first, changes = RESIRE(max_iterations=6), {}
    for progress in iterate(first, small_series(), changes=changes):
        if progress.iteration == 6:  # the last one
            changes[6] = RESIRE(max_iterations=8, step_size=1.5)
    assert progress.iteration == progress.total == 8
    assert progress.algorithm is changes[6]
    np.testing.assert_array_equal(progress.estimate(), reconstruct(first, small_series(), changes=changes).array)


def test_a_state_goes_on_with_the_change_that_is_due():
    first, changes = RESIRE(max_iterations=9), {3: RESIRE(max_iterations=9, step_size=0.7)}
    states = {p.iteration: copy_of(p.state) for p in iterate(first, small_series(), changes=changes)}
    whole = reconstruct(first, small_series(), changes=changes)
    for at in (2, 3, 5):
        *_, last = iterate(first, small_series(), state=copy_of(states[at]), changes=changes)
        np.testing.assert_array_equal(last.estimate(), whole.array)


def test_another_algorithm_may_go_on_from_a_state_of_its_kind():
    end = reconstruct(HIO(max_iterations=60), small_pattern(), changes={40: ER(max_iterations=60)})
    assert isinstance(end.algorithm, ER)
    assert end.provenance["changes"][0]["algorithm"] == "er"
    assert isinstance(reconstruct(RESIRE(max_iterations=6), small_series(), changes={3: SIRT()}).algorithm, SIRT)


@pytest.mark.parametrize("other", [AcceleratedRESIRE(), HIO()], ids=["another state", "another kind of data"])
def test_what_cannot_go_on_is_refused(other):
    with pytest.raises(InputError, match=r"state|algorithm"):
        reconstruct(RESIRE(max_iterations=9), small_series(), changes={4: other})


def test_criteria_watch_what_follows_the_last_change():
    """A plateau before a change is none after it."""
    pattern, flat = small_pattern(), Plateau(patience=2, tolerance=1.0)
    algorithm = HIO(max_iterations=300)
    plain = reconstruct(algorithm, pattern, stop=flat)
    assert plain.provenance["iterations"] == 30
    changed = reconstruct(algorithm, pattern, stop=flat, changes={120: replace(algorithm, beta=0.5)})
    assert changed.provenance["iterations"] == 150

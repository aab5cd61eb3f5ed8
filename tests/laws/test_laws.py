"""Laws that every registered algorithm obeys."""

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.problems import problem_for, quick, random_problem, scaled

from proxiscope.cli.commands import algorithm_from
from proxiscope.cli.main import parser
from proxiscope.core import (
    InputError,
    NotEnoughMemoryError,
    Record,
    algorithms,
    build,
    iterate,
    parameters,
    to_dict,
)
from proxiscope.core.checkpoint import load_checkpoint, save_checkpoint
from proxiscope.phase.metrics import r_factor as pattern_r_factor
from proxiscope.tomography.metrics import r_factor as series_r_factor

every_algorithm = pytest.mark.parametrize("cls", algorithms().values(), ids=algorithms().keys())


def run(algorithm, problem, **options):
    """(estimate, metrics, last progress) of a run."""
    record = Record(algorithm)
    for progress in iterate(algorithm, problem, **options):
        record.add(progress)
    return progress.estimate(), record.metrics(), progress


def test_the_registry_holds_the_algorithms_of_the_first_release():
    phase = {"er", "hio", "er-hio", "raar", "difference-map", "oss", "gps-r", "gps-f"}
    assert phase | {"fbp", "sirt", "resire"} <= set(algorithms())


@every_algorithm
def test_stays_finite_on_noise(cls):
    estimate, metrics, _ = run(quick(cls), random_problem(cls, seed=1))
    assert np.isfinite(estimate).all()
    assert all(np.isfinite(values).all() for values in metrics.values())


@every_algorithm
def test_the_estimate_is_fresh_and_in_single_precision(cls):
    algorithm, problem = quick(cls, 3), problem_for(cls)
    for progress in iterate(algorithm, problem):
        first = progress.estimate()
        kept = first.copy()
        assert first.dtype == (np.complex64 if cls.family == "phase" and not problem.real else np.float32)
        assert first.ndim == len(problem.shape)
        first[...] = -1
        np.testing.assert_array_equal(progress.estimate(), kept)


@every_algorithm
def test_a_seeded_run_repeats(cls):
    problem = problem_for(cls)
    first, _, _ = run(quick(cls), problem, seed=3)
    second, _, _ = run(quick(cls), problem, seed=3)
    np.testing.assert_array_equal(first, second)


@every_algorithm
def test_resume_from_a_checkpoint_is_bit_identical(cls, tmp_path):
    algorithm, problem = quick(cls), problem_for(cls)
    whole, whole_metrics, _ = run(algorithm, problem, seed=2)
    for stop in (1, 13):
        if stop > algorithm.iterations:
            continue
        progress = None
        for progress in iterate(algorithm, problem, seed=2):
            if progress.iteration >= stop:
                break
        save_checkpoint(tmp_path / "run.h5", algorithm, progress.state)
        loaded, state = load_checkpoint(tmp_path / "run.h5")
        assert loaded == algorithm
        if progress.iteration == algorithm.iterations:
            np.testing.assert_array_equal(loaded.estimate(problem, state), whole)
            continue
        resumed, metrics, _ = run(loaded, problem, state=state)
        np.testing.assert_array_equal(resumed, whole)
        tail = len(metrics["r_factor"])
        np.testing.assert_array_equal(metrics["r_factor"], whole_metrics["r_factor"][-tail:])


@every_algorithm
@pytest.mark.parametrize("factor", [2**-13, 2**15])
def test_scaling_the_data_scales_the_result(cls, factor):
    """Powers of two change no rounding error, which chaotic iterations would let grow."""
    problem = problem_for(cls)
    algorithm = quick(cls, 10)
    plain, metrics, _ = run(algorithm, problem)
    other, other_metrics, _ = run(algorithm, scaled(problem, factor))
    np.testing.assert_allclose(other / factor, plain, atol=2e-3 * plain.max())
    np.testing.assert_allclose(other_metrics["r_factor"], metrics["r_factor"], rtol=1e-3)


@every_algorithm
def test_the_reported_r_factor_is_that_of_the_estimate(cls):
    problem = problem_for(cls)
    algorithm = quick(cls, 20)
    checked = 0
    for progress in iterate(algorithm, problem):
        if progress.metrics:
            if cls.family == "phase":
                recomputed = pattern_r_factor(progress.estimate(), problem)
            else:
                series = algorithm.series(problem, progress.state) if hasattr(algorithm, "series") else problem
                recomputed = series_r_factor(progress.estimate(), series)
            assert progress.metrics["r_factor"] == pytest.approx(recomputed, rel=2e-4)
            checked += 1
    assert checked


@every_algorithm
def test_the_r_factor_falls_on_data_that_an_object_explains(cls):
    _, metrics, _ = run(quick(cls, 60), problem_for(cls))
    first = metrics["r_factor"][0] if len(metrics["iteration"]) > 1 else 1.0  # that of an empty volume
    assert metrics["r_factor"].min() < first


def values_of(parameter):
    """Values that a parameter accepts."""
    i = parameter.interval
    if parameter.kind == "bool":
        return st.booleans()
    if parameter.kind == "choice":
        return st.sampled_from(parameter.choices)
    low = next((b for b in (i.ge, i.gt) if b is not None), -1e6)
    high = next((b for b in (i.le, i.lt) if b is not None), 1e6)
    if parameter.kind == "int":
        return st.integers(low, high)
    number = st.floats(low, high, exclude_min=i.gt is not None, exclude_max=i.lt is not None, allow_subnormal=False)
    number = number.filter(parameter._inside)
    if parameter.kind == "float":
        return number
    starts = st.lists(st.floats(0.01, 0.99), unique=True, max_size=3).map(sorted)
    return starts.flatmap(
        lambda s: st.tuples(*[number] * (len(s) + 1)).map(lambda v: tuple(zip([0.0, *s], v, strict=True)))
    )


def instances(cls):
    """Any instance of an algorithm."""
    return st.fixed_dictionaries({p.name: values_of(p) for p in parameters(cls)}).map(lambda values: cls(**values))


@every_algorithm
def test_parameters_survive_the_command_line_and_json(cls):
    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(instances(cls))
    def check(algorithm):
        assert build(cls, to_dict(algorithm)) == algorithm
        options = [
            f"--{p.name.replace('_', '-')}={p.format(getattr(algorithm, p.name))}" for p in parameters(algorithm)
        ]
        parsed = parser().parse_args(["reconstruct", cls.name, "in.mrc", "-o", "out.mrc", *options])
        assert algorithm_from(cls, parsed) == algorithm

    check()


@every_algorithm
def test_parameters_survive_a_checkpoint(cls, tmp_path):
    state = quick(cls).init(problem_for(cls), 0)

    @settings(max_examples=5, deadline=None, derandomize=True)
    @given(instances(cls))
    def check(algorithm):
        save_checkpoint(tmp_path / "c.h5", algorithm, state)
        assert load_checkpoint(tmp_path / "c.h5")[0] == algorithm

    check()


@every_algorithm
def test_a_parameter_out_of_range_is_refused_by_name(cls):
    for parameter in parameters(cls):
        with pytest.raises(InputError, match=parameter.name):
            cls(**{parameter.name: "nonsense"})
        if parameter.interval.le is not None:
            above = parameter.interval.le + 1
            value = ((0.0, above),) if parameter.kind == "schedule" else above
            with pytest.raises(InputError, match=parameter.name):
                cls(**{parameter.name: value})


@every_algorithm
def test_every_parameter_is_explained(cls):
    assert cls.__doc__
    assert cls.title
    for parameter in parameters(cls):
        assert parameter.doc.endswith(".")


@every_algorithm
def test_the_wrong_problem_is_refused(cls):
    other = next(c for c in algorithms().values() if c.Problem is not cls.Problem)
    with pytest.raises(InputError, match=cls.Problem.__name__):
        iterate(cls(), problem_for(other))


@every_algorithm
def test_too_little_memory_is_said_before_anything_is_allocated(cls, monkeypatch):
    class Full:
        available = 1000

    monkeypatch.setattr(psutil, "virtual_memory", lambda: Full)
    with pytest.raises(NotEnoughMemoryError, match="available"):
        iterate(cls(), problem_for(cls))

"""Phase retrieval on arrays of PyTorch: it follows the compiled kernels, and obeys the same laws."""

import inspect
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

from proxiscope.core import InputError, NotEnoughMemoryError, Record, algorithms, arrays, iterate, parameters
from proxiscope.core.algorithm import check_state, copy_of
from proxiscope.core.checkpoint import load_checkpoint, save_checkpoint
from proxiscope.core.engine import InProcess
from proxiscope.phase import ER, GPSR, HIO, DifferenceMap, Ensemble, GradientDescent, PoissonML, array_kernels, kernels
from proxiscope.phase.base import PhaseRetrieval
from proxiscope.phase.metrics import r_factor
from proxiscope.phase.shrink_wrap import shrink_wrapped
from proxiscope.physics.fourier import FourierTransform
from proxiscope.physics.on_device import fourier_transform
from tests.problems import clean_pattern, problem_for, quick, random_problem, small_pattern

torch = pytest.importorskip("torch")

DEVICE = "torch-cpu"
PHASING = {name: cls for name, cls in algorithms().items() if issubclass(cls, PhaseRetrieval)}
every_algorithm = pytest.mark.parametrize("cls", PHASING.values(), ids=PHASING.keys())
COMPILED = sorted(name for name, kernel in vars(kernels).items() if hasattr(kernel, "py_func"))
LIBRARIES = ["torch", *(["array_api_strict"] if find_spec("array_api_strict") else [])]
SHAPE = (24, 18)


def on(device, algorithm):
    return replace(algorithm, device=device)


def moved(array):
    return arrays.place(array.copy(), DEVICE)


class Arguments:
    """Random arguments of a kernel by the names of its parameters."""

    def __init__(self, complex_, non_negative):
        self.rng, self.complex = np.random.default_rng(0), complex_
        self.scalars = {
            "non_negative": non_negative, "background": 0.1,
            **dict.fromkeys(("beta", "step", "eps", "t", "kept", "s"), np.float32(0.7)),
        }  # fmt: skip
        self.counts = self.rng.integers(0, 3, SHAPE).astype(float)

    def array(self, kernel, name):
        rng = self.rng
        if name in ("support", "rows", "columns"):
            return {"support": rng.random(SHAPE) < 0.5, "rows": rng.random(SHAPE[0]), "columns": rng.random(SHAPE[1])}[
                name
            ].astype(bool if name == "support" else np.float32)
        if name == "b":  # a third not measured, and zeros
            return (rng.random(SHAPE) * rng.integers(0, 2, SHAPE) - (rng.random(SHAPE) < 0.3)).clip(-1).astype("f4")
        if name in ("counts", "intensities"):
            values = {"counts": self.counts, "intensities": rng.random(SHAPE) * rng.integers(0, 2, SHAPE)}[name]
            return values * (self.counts > 0)
        values = rng.standard_normal(SHAPE)
        if self.complex or name in ("spectrum", "z"):
            values = (values + 1j * rng.standard_normal(SHAPE)) * rng.integers(0, 2, SHAPE)  # of which half are zero
        if name == "h":
            values = np.zeros(SHAPE, complex)
        double = kernel == "poisson"
        return values.astype(("c16" if double else "c8") if np.iscomplexobj(values) else "f4")


def test_each_compiled_kernel_has_a_counterpart_with_the_same_parameters():
    assert len(COMPILED) > 10
    for name in COMPILED:
        counterpart = getattr(array_kernels, name)
        assert [*inspect.signature(counterpart).parameters] == [
            *inspect.signature(getattr(kernels, name).py_func).parameters
        ]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("non_negative", [False, True])
@pytest.mark.parametrize("name", COMPILED)
def test_a_counterpart_does_what_the_compiled_kernel_does(name, complex_, non_negative, library):
    """To a few roundings; with array_api_strict by nothing that is not in the standard."""
    xp, kernel, make = import_module(library), getattr(kernels, name), Arguments(complex_, non_negative)
    names = inspect.signature(kernel.py_func).parameters
    scalars = [make.scalars[n] for n in names if n in make.scalars]
    ours = [make.array(name, n) for n in names if n not in make.scalars]
    theirs = [xp.asarray(a.copy()) for a in ours]
    flat = "rows" not in names
    value = kernel(*(a.reshape(-1) if flat else a for a in ours), *scalars)
    theirs_value = getattr(array_kernels, name)(*theirs, *(s.item() if hasattr(s, "item") else s for s in scalars))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(other), one, rtol=2e-6, atol=1e-6)
    if value is not None:
        assert float(theirs_value) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("shape", [(6, 7), (7, 6), (4, 5, 6), (5, 6, 7)], ids=str)
@pytest.mark.parametrize("real", [True, False])
def test_transforms_follow_the_same_conventions(shape, real):
    ours, theirs = FourierTransform(shape, real), fourier_transform(shape, real, DEVICE)
    rng = np.random.default_rng(0)
    image, spectrum = (rng.standard_normal(a.shape).astype(a.dtype) for a in (ours.image(), ours.spectrum()))
    spectrum.imag = rng.standard_normal(spectrum.shape)  # of no real image
    expected = ours.forward(image, ours.spectrum())
    found = theirs.forward(moved(image), theirs.spectrum())
    np.testing.assert_allclose(arrays.on_host(found), expected, atol=1e-5)
    symmetric, theirs_too = spectrum.copy(), moved(spectrum)
    ours.symmetrize(symmetric)
    theirs.symmetrize(theirs_too)
    np.testing.assert_array_equal(arrays.on_host(theirs_too), symmetric)
    back, expected = theirs.inverse(moved(spectrum), theirs.image()), ours.inverse(spectrum, ours.image())
    np.testing.assert_allclose(arrays.on_host(back), expected, atol=1e-6)


@pytest.mark.parametrize("blur", [0, 1.5, 12.0])
@pytest.mark.parametrize("kind", ["non-negative", "complex"])
@pytest.mark.parametrize("shape", [(25, 18), (12, 9, 10)], ids=str)
def test_shrink_wrap_finds_the_same_support(shape, kind, blur):
    """Also where the blur reaches around the frame more than once."""
    pattern = clean_pattern(kind, shape)
    image = np.fft.ifftn(np.fft.ifftshift(pattern.magnitudes))
    image = image.astype("c8") if kind == "complex" else image.real.astype("f4")
    expected = shrink_wrapped(image, 0.5, blur, pattern.non_negative)
    found = shrink_wrapped(moved(image), 0.5, blur, pattern.non_negative)
    assert (found is None) == (expected is None)
    if expected is not None:
        np.testing.assert_array_equal(arrays.on_host(found), expected)


SHRINKING = {"shrink_every": 2, "shrink_threshold": ((0.0, 0.2),)}
VARIANTS = {
    **{name: quick(cls) for name, cls in PHASING.items()},
    "hio, shrinking": HIO(max_iterations=10, **SHRINKING),
    "gps-r, shrinking": GPSR(max_iterations=10, **SHRINKING),
    "difference map with four transforms": DifferenceMap(max_iterations=10, beta=0.8),
    "smoothed along indices": GradientDescent(max_iterations=10, smoothing="indices", sigma=2.0),
    "smoothed over the image": GradientDescent(max_iterations=10, smoothing="image", order=2),
}
PATTERNS = {
    "noisy, with held-out pixels": lambda: small_pattern().hold_out(0.05, seed=1),
    "real": lambda: clean_pattern("real", (32, 36)),
    "complex": lambda: clean_pattern("complex", (33, 36)),
    "complex-positive volume": lambda: clean_pattern("complex-positive", (14, 16, 12)),
    "non-negative volume": lambda: clean_pattern("non-negative", (14, 16, 13)),
}


def started(algorithm, pattern):
    if not getattr(algorithm, "needs_start", False):
        return pattern
    *_, progress = iterate(ER(max_iterations=10), pattern)
    return pattern.starting_from(progress.estimate())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", PATTERNS)
def test_it_follows_the_compiled_kernels_as_closely_as_rounding_lets_it(variant, kind):
    """These iterations amplify every rounding error. So the yardstick is a run of the compiled kernels on the same
    data, each changed by its last bit: up to ten times as far may the two be apart, since several roundings differ."""
    algorithm = VARIANTS[variant]
    pattern = started(algorithm, PATTERNS[kind]())
    last_bit = 1 + 2.0**-23 * np.random.default_rng(0).choice([-1, 1], pattern.shape)
    disturbed = pattern.copy_with(magnitudes=(pattern.magnitudes * last_bit).astype(np.float32))
    runs = [(algorithm, pattern), (on(DEVICE, algorithm), pattern), (algorithm, disturbed)]
    compared = []
    for ours, theirs, changed in zip(*(iterate(a, p, seed=3) for a, p in runs), strict=False):
        if ours.iteration in (1, 5):
            image, found, yardstick = (np.asarray(p.estimate(), complex) for p in (ours, theirs, changed))
            size = np.linalg.norm(image)
            apart, allowed = np.linalg.norm(found - image) / size, np.linalg.norm(yardstick - image) / size
            assert apart <= 10 * max(allowed, 2.0**-24)
            assert apart < 1e-4
            np.testing.assert_array_equal(arrays.on_host(theirs.state.support), ours.state.support)
            compared.append(ours.iteration)
        if ours.iteration == 5:
            break
    assert compared == [1, 5]


@every_algorithm
def test_it_comes_as_far_in_the_end(cls):
    """To the same R-factor where an algorithm is not chaotic, else to within what seeds differ by."""
    problem, algorithm, seeds = problem_for(cls), quick(cls, 40), range(4 if cls.random_start else 1)
    ours, theirs = (
        np.array([[*iterate(on(device, algorithm), problem, seed=s)][-1].metrics["r_factor"] for s in seeds])
        for device in ("cpu", DEVICE)
    )
    if cls in (ER, GradientDescent, PoissonML):
        np.testing.assert_allclose(theirs, ours, rtol=1e-5)
    else:
        assert abs(theirs.mean() - ours.mean()) < np.ptp(ours)


def run(algorithm, problem, **options):
    record = Record(algorithm)
    for progress in iterate(algorithm, problem, **options):
        record.add(progress)
    return progress.estimate(), record.metrics(), progress


@every_algorithm
def test_it_stays_finite_on_noise_and_its_figures_are_those_of_the_estimate(cls):
    algorithm, problem = on(DEVICE, quick(cls)), random_problem(cls, seed=1)
    for progress in iterate(algorithm, problem):
        estimate = progress.estimate()
        assert type(estimate) is np.ndarray
        assert estimate.dtype == np.float32
        assert np.isfinite(estimate).all()
        assert all(type(value) is float and np.isfinite(value) for value in progress.metrics.values())
        if progress.metrics:
            assert progress.metrics["r_factor"] == pytest.approx(r_factor(estimate, problem), rel=2e-4)


@every_algorithm
def test_a_seeded_run_repeats_and_its_estimates_are_fresh(cls):
    algorithm, problem = on(DEVICE, quick(cls, 8)), problem_for(cls)
    (first, _, progress), (second, _, _) = run(algorithm, problem, seed=3), run(algorithm, problem, seed=3)
    np.testing.assert_array_equal(first, second)
    progress.estimate()[...] = -1
    np.testing.assert_array_equal(progress.estimate(), first)


@every_algorithm
def test_it_resumes_from_a_checkpoint_bit_for_bit(cls, tmp_path):
    algorithm, problem = on(DEVICE, quick(cls)), problem_for(cls)
    whole, metrics, _ = run(algorithm, problem, seed=2)
    progress = next(p for p in iterate(algorithm, problem, seed=2) if p.iteration == 13)
    save_checkpoint(tmp_path / "run.h5", algorithm, progress.state)
    loaded, state = load_checkpoint(tmp_path / "run.h5")
    assert loaded == algorithm
    assert isinstance(state.support, np.ndarray)
    resumed, tail, end = run(loaded, problem, state=state)
    np.testing.assert_array_equal(resumed, whole)
    np.testing.assert_array_equal(tail["r_factor"], metrics["r_factor"][-len(tail["r_factor"]) :])
    assert arrays.device_of(end.state.support) == DEVICE


@every_algorithm
@pytest.mark.parametrize(("first", "then"), [("cpu", DEVICE), (DEVICE, "cpu")])
def test_what_one_device_has_begun_another_goes_on_with(cls, first, then):
    problem = problem_for(cls)
    begin = next(p for p in iterate(on(first, quick(cls)), problem) if p.iteration == 10)
    state = copy_of(begin.state)
    check_state(on(then, quick(cls)), problem, state)
    assert arrays.device_of(state.support) == first  # looking at a state does not move it
    before = begin.estimate()
    progress = next(iterate(on(then, quick(cls)), problem, state=state))
    assert progress.iteration == 11
    assert arrays.device_of(progress.state.support) == then
    expected = next(iterate(on(first, quick(cls)), problem, state=copy_of(begin.state))).estimate()
    np.testing.assert_allclose(progress.estimate(), expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(begin.estimate(), before)


def test_a_state_of_another_shape_is_refused_on_a_device_too():
    algorithm = on(DEVICE, quick(ER))
    state = next(iterate(algorithm, small_pattern())).state
    with pytest.raises(InputError, match=r"its support is bool of shape \(48, 40\)"):
        next(iterate(algorithm, clean_pattern("real", (32, 36)), state=state))


def test_a_change_may_move_a_run_to_another_device():
    algorithm = quick(HIO)
    moves = {10: on(DEVICE, algorithm), 20: algorithm}
    devices = [arrays.device_of(p.state.support) for p in iterate(algorithm, small_pattern(), changes=moves)]
    assert devices == ["cpu"] * 10 + [DEVICE] * 10 + ["cpu"] * 5


def test_starts_of_an_ensemble_are_the_single_runs_of_their_seeds():
    inner, problem = GPSR(max_iterations=20, device=DEVICE), small_pattern()
    *_, end = iterate(Ensemble(algorithm=inner, starts=3), problem, seed=5)
    singles = [min(run(inner, problem, seed=5 + i)[1]["r_factor"]) for i in range(3)]
    assert end.state.r_factors.tolist() == singles


def test_an_ensemble_resumes_in_the_middle_of_its_starts_bit_for_bit(tmp_path):
    ensemble, problem = Ensemble(algorithm=GPSR(max_iterations=20, device=DEVICE), starts=3, refined=1), small_pattern()
    whole, _, _ = run(ensemble, problem, seed=5)
    half = next(p for p in iterate(ensemble, problem, seed=5) if p.iteration == 10)
    assert len(half.state.members) == 3
    save_checkpoint(tmp_path / "run.h5", ensemble, half.state)
    loaded, state = load_checkpoint(tmp_path / "run.h5")
    resumed, _, _ = run(loaded, problem, state=state)
    np.testing.assert_array_equal(resumed, whole)


def test_what_is_not_there_or_too_large_is_refused_before_anything_is_allocated(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for algorithm in (ER(device="cuda"), Ensemble(algorithm=ER(device="cuda"))):
        with pytest.raises(InputError, match="device: cuda, and torch finds no GPU"):
            iterate(algorithm, small_pattern())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1000, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 0)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 0)
    for algorithm in (ER(device="cuda"), Ensemble(algorithm=ER(device="cuda"))):
        with pytest.raises(NotEnoughMemoryError, match="1e-06 GB are available for cuda"):
            iterate(algorithm, small_pattern())


def test_with_an_engine_it_is_the_workers_that_need_the_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    begun = iterate(Ensemble(algorithm=ER(device="cuda", max_iterations=10), engine=InProcess()), small_pattern())
    with pytest.raises(InputError, match="device: cuda, and torch finds no GPU"):  # as a worker says
        next(begun)


def test_the_device_is_a_parameter_of_every_phasing_that_no_preset_sets():
    for cls in PHASING.values():
        (device,) = (p for p in parameters(cls) if p.name == "device")
        assert device.default == "cpu"
        assert set(device.choices) == {"cpu", "cuda", "cupy", DEVICE}
        assert not device.preset

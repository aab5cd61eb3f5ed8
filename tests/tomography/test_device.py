"""Tomography on arrays of PyTorch against the compiled kernels, and the laws of algorithms on it."""

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from proxiscope.core import InputError, NotEnoughMemoryError, Record, iterate
from proxiscope.core import arrays as core_arrays
from proxiscope.core.arrays import device_of, on_host, place
from proxiscope.core.checkpoint import load_checkpoint, save_checkpoint
from proxiscope.physics.projectors import projector
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import (
    RESIRE,
    SIRT,
    TVRESIRE,
    AcceleratedRESIRE,
    InSlabs,
    array_kernels,
    array_total_variation,
    kernels,
    total_variation,
)
from proxiscope.tomography.metrics import r_factor
from tests.problems import scaled, small_series
from tests.projections import random, relative

torch = pytest.importorskip("torch")

DEVICE = "torch-cpu"
CLASSES = (RESIRE, AcceleratedRESIRE, SIRT, TVRESIRE)

every_class = pytest.mark.parametrize("cls", CLASSES, ids=[cls.name for cls in CLASSES])


def there(cls, device=DEVICE, **values):
    """The algorithm by the Fourier slice theorem on a device."""
    return cls(**{"projector": "fourier-slice", "device": device, "max_iterations": 20} | values)


@cache
def series(kind):
    """`small_series`, plain or with blind pixels, a support and tilts that are held out."""
    plain = small_series()
    if kind == "plain":
        return plain
    valid, support = plain.valid.copy(), np.zeros((24, 20, 24), bool)
    valid[:, :3, 4:9], valid[3, :, :5] = False, False
    support[3:21, :, 2:22] = True
    return plain.copy_with(valid=valid, support=support).hold_out(5)


def run(algorithm, problem, **options):
    """(estimate, metrics, last progress) of a run."""
    record = Record(algorithm)
    for progress in iterate(algorithm, problem, **options):
        record.add(progress)
    return progress.estimate(), record.metrics(), progress


CASES = [(cls, kind, {}) for cls in CLASSES for kind in ("plain", "constrained")]
CASES += [(cls, "plain", {"film": True, "depth": 8}) for cls in (AcceleratedRESIRE, SIRT)]
CASES += [(AcceleratedRESIRE, "plain", values) for values in ({"positivity": False}, {"depth": 18, "width": 30})]


@pytest.mark.parametrize(("cls", "kind", "values"), CASES, ids=lambda v: getattr(v, "name", v if v else "-"))
def test_follows_the_run_on_the_processor(cls, kind, values):
    """Single projections differ by 2e-5, most of it finufft's, which descents of 20 steps do not let grow tenfold."""
    algorithm, problem = there(cls, **values), series(kind)
    runs = [iterate(a, problem) for a in (replace(algorithm, device="cpu"), algorithm)]
    for expected, found in zip(*runs, strict=True):
        if found.iteration in (1, 5, 20):
            assert relative(found.estimate(), expected.estimate()) < 2e-4
            assert found.metrics == pytest.approx(expected.metrics, rel=2e-4)
            assert ("free_r_factor" in found.metrics) == (kind == "constrained")
    assert found.iteration == 20


@every_class
def test_keeps_to_the_constraints(cls):
    problem = series("constrained")
    volume, _, _ = run(there(cls, max_iterations=6), problem)
    assert volume.any()
    assert volume.min() == 0
    assert not volume[~problem.support].any()


@every_class
def test_resume_from_a_checkpoint_is_bit_identical_and_runs_repeat(cls, tmp_path):
    algorithm, problem = there(cls, max_iterations=9), series("constrained")
    whole, whole_metrics, _ = run(algorithm, problem)
    for progress in iterate(algorithm, problem):
        if progress.iteration == 4:
            break
    save_checkpoint(tmp_path / "run.h5", algorithm, progress.state)
    loaded, state = load_checkpoint(tmp_path / "run.h5")
    assert loaded == algorithm
    resumed, metrics, _ = run(loaded, problem, state=state)
    np.testing.assert_array_equal(resumed, whole)
    for name, values in metrics.items():
        np.testing.assert_array_equal(values, whole_metrics[name][-5:])
    again, _, _ = run(algorithm, problem)
    np.testing.assert_array_equal(again, whole)


@every_class
def test_volumes_stay_on_the_device_and_figures_are_plain_numbers(cls):
    algorithm, problem = there(cls, max_iterations=3), series("constrained")
    for progress in iterate(algorithm, problem):
        for name in ("volume", "residual", "previous", "previous_residual", "dual"):
            assert device_of(getattr(progress.state, name, torch.zeros(1))) == DEVICE
        for field in fields(progress.state):
            if field.metadata.get("on_host"):
                assert isinstance(getattr(progress.state, field.name), np.ndarray)
        assert all(type(value) is float for value in progress.metrics.values())
        first = progress.estimate()
        assert isinstance(first, np.ndarray)
        assert first.dtype == np.float32
        kept = first.copy()
        first[...] = -1
        np.testing.assert_array_equal(progress.estimate(), kept)


@every_class
def test_the_reported_r_factor_is_that_of_the_estimate(cls):
    """Of the projector that the method uses: that along rays gives another."""
    problem = series("plain")
    a = projector("fourier-slice", problem.rotations, problem.shape[1:])
    for progress in iterate(there(cls), problem):
        if progress.iteration in (1, 20):
            residual = a.forward(progress.estimate()) - problem.projections
            recomputed = np.mean(abs(residual).sum(axis=(1, 2)) / abs(problem.projections).sum(axis=(1, 2)))
            assert progress.metrics["r_factor"] == pytest.approx(recomputed, rel=2e-4)
            assert progress.metrics["r_factor"] != pytest.approx(r_factor(progress.estimate(), problem), rel=2e-4)


@every_class
def test_scaling_the_data_scales_the_result(cls):
    """Down to where squares are no longer numbers in single precision."""
    algorithm, problem = there(cls, max_iterations=5), series("plain")
    plain, metrics, _ = run(algorithm, problem)
    for factor in (2.0**-90, 2.0**20):
        other, other_metrics, _ = run(algorithm, scaled(problem, np.float32(factor)))
        np.testing.assert_allclose(other / factor, plain, atol=1e-5 * plain.max())
        np.testing.assert_allclose(other_metrics["r_factor"], metrics["r_factor"], rtol=1e-4)
        np.testing.assert_allclose(other_metrics["misfit"] / factor, metrics["misfit"], rtol=1e-4)


@every_class
def test_a_run_may_move_to_another_device(cls):
    problem = series("plain")
    here, moved = there(cls, "cpu", max_iterations=12), there(cls, max_iterations=12)
    whole, _, _ = run(here, problem)
    changed, _, progress = run(here, problem, changes={6: moved})
    assert progress.algorithm is moved
    assert device_of(progress.state.volume) == DEVICE
    assert relative(changed, whole) < 2e-4
    back, _, progress = run(moved, problem, changes={6: here})
    assert device_of(progress.state.volume) == "cpu"
    assert relative(back, whole) < 2e-4


def test_slabs_on_a_device(tmp_path):
    """Also when resumed in the middle of the second, of which NumPy's arrays are on record."""
    problem = tilt_series(vesicle((16, 56, 16)), np.arange(-60, 61, 12.0))
    algorithm = InSlabs(algorithm=there(RESIRE, max_iterations=4), slices=32)
    whole, _, _ = run(algorithm.algorithm, problem)
    slabs, metrics, _ = run(algorithm, problem)
    assert len(metrics["iteration"]) == 8
    assert relative(slabs, whole) < 1e-5
    for progress in iterate(algorithm, problem):
        if progress.iteration == 6:
            break
    save_checkpoint(tmp_path / "run.h5", algorithm, progress.state)
    resumed, _, _ = run(algorithm, problem, state=load_checkpoint(tmp_path / "run.h5")[1])
    np.testing.assert_array_equal(resumed, slabs)


@pytest.mark.parametrize("second_axis", [0, 90])
def test_sirt_fits_projections_by_the_theorem_that_they_were_made_by(second_axis):
    """Sooner than along rays; on the processor about any axes."""
    rotations = [[i % 2 * second_axis, tilt, 0] for i, tilt in enumerate(np.arange(-60, 61, 6.0))]
    problem = tilt_series(vesicle((24, 24, 24)), rotations)
    ends = [
        run(SIRT(projector=kind, max_iterations=15), problem)[1]["r_factor"][-1]
        for kind in ("real-space", "fourier-slice")
    ]
    assert ends[1] < 0.9 * ends[0] < 0.15


def test_a_device_needs_the_fourier_slice_projector():
    for algorithm in (RESIRE(device=DEVICE), SIRT(device=DEVICE), AcceleratedRESIRE(device=DEVICE, projector="thesis")):
        with pytest.raises(InputError, match=r"device: torch-cpu with the .* projector\. Choose .*fourier-slice"):
            iterate(algorithm, series("plain"))


def test_tilts_about_other_axes_are_refused():
    rotations = series("plain").rotations.copy()
    rotations[:, 0] = 2
    for problem in (
        series("plain").copy_with(rotations=rotations),
        series("plain").copy_with(shifts=np.full((21, 2), 0.5)),
    ):
        with pytest.raises(InputError, match="single tilt axis"):
            iterate(there(RESIRE), problem)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_said():
    with pytest.raises(InputError, match=r"cuda.*no GPU"):
        iterate(there(RESIRE, "cuda"), series("plain"))


def test_too_little_memory_on_the_device_is_said_before_anything_is_allocated(monkeypatch):
    algorithm, problem = there(AcceleratedRESIRE), series("plain")
    need = algorithm.memory(problem)
    assert need > replace(algorithm, device="cpu").memory(problem) / 4
    monkeypatch.setattr(core_arrays, "available", lambda: need - 1)
    with pytest.raises(NotEnoughMemoryError, match="for torch-cpu"):
        iterate(algorithm, problem)
    monkeypatch.setattr(core_arrays, "available", lambda: need)
    next(iterate(algorithm, problem))


def both(function, *arguments, **options):
    """What the compiled kernel and its counterpart leave in their arrays (one each), and return."""
    out = []
    for module, device in ((kernels, "cpu"), (array_kernels, DEVICE)):
        mine = [place(a.copy(), device) if isinstance(a, np.ndarray) and a.ndim else a for a in arguments]
        returned = getattr(module, function)(*mine, **options)
        out.append([on_host(a) for a in mine if not isinstance(a, float | bool | None)] + [returned])
    return out


def volumes(count):
    return [random((5, 6, 7), seed) for seed in range(count)]


@pytest.mark.parametrize("positivity", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_kernels_of_descent(positivity, weighted):
    weights = (abs(random((5, 6, 7), 9)),) if weighted else ()
    (one, *_), (other, *_) = both("descend", *volumes(2), 0.3, positivity, *weights)
    assert relative(other, one) < 1e-6
    assert (one.min() == 0) == positivity
    if not weighted:
        expected, found = both("leap", *volumes(3), 0.7, 0.3, positivity)
        for one, other in zip(expected[:3], found[:3], strict=True):
            assert relative(other, one) < 1e-6


def test_kernels_of_residuals():
    calculated, measured = random((4, 6, 7)), random((4, 6, 7), 1)
    kept = np.array([1, 0, 1, 1], np.float32)
    for valid in (None, (random((4, 6, 7), 2) > 0).astype(np.float32)):
        expected, found = both("subtract", calculated, measured, valid, kept)
        np.testing.assert_allclose(found[-1], expected[-1], rtol=1e-6)
        assert found[-1].shape == (1, 4, 2)
        assert relative(found[0], expected[0]) < 1e-6
        assert not found[0][1].any()
        assert found[-1][0, 1].all()
    expected, found = both("extrapolate", calculated, measured, 0.8)
    assert relative(found[1], expected[1]) < 1e-6
    expected, found = both("multiply", calculated, measured, np.zeros_like(measured))
    np.testing.assert_array_equal(found[2], expected[2])


def test_kernels_of_volumes():
    volume, support = random((5, 6, 7)), random((5, 6, 7), 1) > 0
    expected, found = both("restrict", volume, support)
    np.testing.assert_array_equal(found[0], expected[0])
    expected, found = both("normalise", volume)
    assert found[-1] == pytest.approx(expected[-1], rel=1e-6)
    assert relative(found[0], expected[0]) < 1e-6


@pytest.mark.parametrize("shape", [(6, 7, 8), (1, 5, 4)])
@pytest.mark.parametrize("constrained", [True, False])
def test_total_variation_and_its_proximal_map(shape, constrained):
    volume, support, weights = random(shape), random(shape, 1) > -1, 1 + abs(random((shape[0], shape[2]), 2))
    found = array_total_variation.total_variation(place(volume, DEVICE))
    assert found == pytest.approx(total_variation.total_variation(volume), rel=1e-6)
    for scale in (0.0, 0.4):
        results = []
        for module, device in ((total_variation, "cpu"), (array_total_variation, DEVICE)):
            dual = place(np.zeros((3, *shape), np.float32), device)
            more = {"weights": weights, "support": support} if constrained else {}
            options = {name: place(a, device) for name, a in more.items()} | {"positivity": constrained}
            for _ in range(2):  # the second begins where the first ended
                out = module.proximal(place(volume, device), dual, scale, **options)
            results.append((on_host(out), on_host(dual)))
        (expected, dual), (found, other) = results
        np.testing.assert_allclose(found, expected, atol=2e-6)
        np.testing.assert_allclose(other, dual, atol=2e-6)

"""Reconstruction in slabs: the bits of the whole about a single axis, nearly the whole elsewhere, within a memory."""

import tracemalloc
from dataclasses import replace

import numpy as np
import psutil
import pytest

from proxiscope.core import InputError, NotEnoughMemoryError, algorithm, algorithms, build, check, iterate, to_dict
from proxiscope.core.checkpoint import load_checkpoint, save_checkpoint
from proxiscope.physics.projectors import projector
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import FBP, RESIRE, SIRT, AcceleratedRESIRE, AngleRefinement, InSlabs, metrics
from proxiscope.tomography.genfire import GENFIRE
from proxiscope.tomography.resire_tv import TVRESIRE
from proxiscope.tomography.sart import SART
from proxiscope.tomography.slabs import Geometry

ANGLES = np.arange(-60, 61, 10.0)
OBJECT = vesicle((20, 80, 20))
DIRECT = {
    cls.name: cls() for cls in algorithms("tomography").values() if cls.slice_reach == 0 and not hasattr(cls, "Setup")
}
EXACT = {
    "resire": RESIRE(max_iterations=12),
    "resire-accelerated": AcceleratedRESIRE(max_iterations=12),
    "sirt": SIRT(max_iterations=12),
    "sart": SART(max_iterations=3),
    "thin": RESIRE(max_iterations=12, depth=9),
    "film": AcceleratedRESIRE(max_iterations=12, depth=9, film=True),
    "thesis": RESIRE(max_iterations=12, projector="thesis"),
    **DIRECT,
}


def last(algorithm, problem, **options):
    """The last progress of a run."""
    *_, progress = iterate(algorithm, problem, **options)
    return progress


def difference(algorithm, series, **options):
    """Root mean square of what slabs change, as a share of that of the whole."""
    whole = last(algorithm, series).estimate()
    found = last(InSlabs(algorithm=algorithm, **{"slices": 32} | options), series).estimate()
    return np.sqrt(np.square(found - whole).sum() / np.square(whole).sum())


@pytest.fixture(scope="module")
def series():
    """80 rows about a single axis: slabs of 32, and one of 48."""
    return tilt_series(OBJECT, ANGLES, noise=0.1)


@pytest.fixture(scope="module")
def masked(series):
    """The same with blind pixels, different from row to row, an empty corner, and tilts held out."""
    rng, valid, projections = np.random.default_rng(0), np.ones(series.shape, bool), series.projections.copy()
    valid[:, 20:60, 5:9] = False
    valid[5, :40] = False
    valid[:, 50:] = rng.random((len(ANGLES), 30, 20)) > 0.2
    projections[4, 40:] = 0
    return series.copy_with(projections=projections, valid=valid).hold_out(5)


@pytest.fixture(scope="module")
def large():
    """256 slices of 64 x 64."""
    return tilt_series(vesicle((64, 256, 64)), np.arange(-60, 61, 6.0))


def nearly(size, height=80, seed=0, shift=1.0):
    """A series whose tilts are turned by `size` degrees about x and z, and shifted, at random."""
    rng = np.random.default_rng(seed)
    n = len(ANGLES)
    rotations = np.stack([rng.normal(0, size, n), ANGLES, rng.normal(0, size, n)], axis=1)
    volume = vesicle((20, height, 20))
    return tilt_series(volume, rotations, shifts=shift * rng.standard_normal((n, 2)), noise=0.1)


class TestAboutASingleAxis:
    @pytest.mark.parametrize("name", EXACT)
    def test_the_volume_is_that_of_the_whole_bit_for_bit(self, series, name):
        whole, found = last(EXACT[name], series), last(InSlabs(algorithm=EXACT[name], slices=32), series)
        np.testing.assert_array_equal(found.estimate(), whole.estimate())
        for figure, value in whole.metrics.items():
            assert found.metrics[figure] == pytest.approx(value, rel=1e-12)

    @pytest.mark.parametrize("name", sorted(set(EXACT) - set(DIRECT)))
    def test_also_with_blind_pixels_and_held_out_tilts(self, masked, name):
        whole, found = last(EXACT[name], masked), last(InSlabs(algorithm=EXACT[name], slices=32), masked)
        np.testing.assert_array_equal(found.estimate(), whole.estimate())
        assert set(found.metrics) == {"r_factor", "free_r_factor", "misfit"}
        for figure, value in whole.metrics.items():
            assert found.metrics[figure] == pytest.approx(value, rel=1e-12)

    def test_whatever_the_thickness(self, series):
        inner = AcceleratedRESIRE(max_iterations=8)
        whole = last(inner, series).estimate()
        for slices in (1, 64, 79, 1000):
            found = last(InSlabs(algorithm=inner, slices=slices, overlap=5), series)
            np.testing.assert_array_equal(found.estimate(), whole)

    @pytest.mark.parametrize("inner", [RESIRE(max_iterations=6), AcceleratedRESIRE(max_iterations=6)])
    def test_with_blind_pixels_in_all_slices_of_a_slab_and_in_no_others(self, series, inner):
        """The step is that of slices in which all are usable, of which those of this slab know nothing."""
        valid = np.ones(series.shape, bool)
        valid[:, :40, 3:8] = False
        problem = series.copy_with(valid=valid)
        found = last(InSlabs(algorithm=inner, slices=32), problem).estimate()
        np.testing.assert_array_equal(found, last(inner, problem).estimate())

    def test_with_a_support(self, series):
        support = np.ones((15, 80, 18), bool)
        support[:4, 30:50] = False
        problem, inner = series.copy_with(support=support), RESIRE(max_iterations=8)
        found = last(InSlabs(algorithm=inner, slices=32), problem).estimate()
        np.testing.assert_array_equal(found, last(inner, problem).estimate())
        assert not found[~support].any()

    def test_with_steps_that_had_to_be_shortened(self):
        """Each block shortens its own step."""
        problem = tilt_series(OBJECT, np.linspace(-85, 85, 15), noise=0.3)
        inner = RESIRE(max_iterations=15, depth=30, width=60)
        whole, found = last(inner, problem), last(InSlabs(algorithm=inner, slices=32), problem)
        np.testing.assert_array_equal(found.estimate(), whole.estimate())

    def test_slabs_without_anything_in_them_stay_empty(self, series):
        projections = series.projections.copy()
        projections[:, :40] = 0
        problem = series.copy_with(projections=projections)
        inner = SIRT(max_iterations=5)
        found = last(InSlabs(algorithm=inner, slices=32), problem)
        np.testing.assert_array_equal(found.estimate(), last(inner, problem).estimate())
        assert found.iteration == found.total == 10

    @pytest.mark.parametrize("inner", [RESIRE, AcceleratedRESIRE])
    def test_the_fourier_slice_projector_gives_it_to_its_precision(self, series, inner):
        assert difference(inner(max_iterations=20, projector="fourier-slice"), series) < 5e-5

    def test_a_short_series_is_one_slab(self):
        short = tilt_series(vesicle((20, 14, 20)), ANGLES)
        inner = RESIRE(max_iterations=4)
        found = last(InSlabs(algorithm=inner, slices=8), short)
        assert found.total == 4
        np.testing.assert_array_equal(found.estimate(), last(inner, short).estimate())


class TestMethodsThatLookAcrossSlices:
    def test_total_variation(self, series):
        assert difference(TVRESIRE(max_iterations=20), series) < 0.01

    def test_genfire(self, series):
        inner = GENFIRE(max_iterations=30)
        assert difference(inner, series) < 0.02
        assert difference(inner, series, overlap=1) > 1.3 * difference(inner, series)

    def test_the_r_factor_is_that_of_the_estimate(self, series):
        for progress in iterate(InSlabs(algorithm=TVRESIRE(max_iterations=3), slices=32), series):
            expected = metrics.r_factor(progress.estimate(), series)
            assert progress.metrics["r_factor"] == pytest.approx(expected, rel=1e-5)


class TestNearlyASingleAxis:
    @pytest.mark.parametrize("kind", ["real-space", "fourier-slice"])
    @pytest.mark.parametrize("height", [80, 73, 96])
    def test_slabs_project_like_the_whole(self, kind, height):
        """The rays to the rows of a slab pass through its slices only, and meet them where those of the whole do."""
        series = nearly(2.0)
        volume = vesicle((18, height, 22))
        if kind == "real-space":  # by the other one, the tails of what changes from voxel to voxel have no end
            volume = np.random.default_rng(1).random(volume.shape, np.float32)
        geometry = Geometry(series, volume.shape, False)
        a = projector(kind, series.rotations, series.shape[1:], volume.shape, series.shifts)
        whole = a.forward(volume)
        slabs = geometry.slabs(24, 4)
        assert len(slabs) > 2
        for slab in slabs:
            part = geometry.part(slab.slices, slab.rows)
            inside = np.ascontiguousarray(volume[:, slice(*slab.slices)])
            b = projector(kind, part.rotations, part.shape[1:], inside.shape, part.shifts)
            tolerance = {"real-space": 1e-5, "fourier-slice": 0.03}[kind]
            np.testing.assert_allclose(b.forward(inside), whole[:, slice(*slab.rows)], atol=tolerance * whole.max())
            kept = np.zeros_like(volume)
            kept[:, slice(*slab.kept)] = volume[:, slice(*slab.kept)]
            shown = np.abs(a.forward(kept)).max(axis=(0, 2))
            shown[slice(*slab.seen)] = 0
            assert shown.max() < tolerance * whole.max()

    def test_also_by_the_fourier_slice_projector(self):
        inner = RESIRE(max_iterations=15, projector="fourier-slice")
        assert difference(inner, nearly(0.5, height=96)) < 0.02

    @pytest.mark.parametrize("size", [0.3, 2.0])
    def test_the_volume_is_nearly_that_of_the_whole(self, size):
        problem = nearly(size, height=128)
        assert difference(AcceleratedRESIRE(max_iterations=30), problem) < 2e-3
        assert difference(RESIRE(max_iterations=30), problem) < 2e-3

    def test_the_more_overlap_the_nearer(self):
        inner, problem = AcceleratedRESIRE(max_iterations=30), nearly(0.5, height=128, seed=3)
        differences = [difference(inner, problem, overlap=overlap) for overlap in (1, 8, 24)]
        assert differences[0] > differences[1] > differences[2]

    def test_the_r_factor_is_that_of_the_estimate_all_along(self):
        problem = nearly(1.0).hold_out(5)
        for progress in iterate(InSlabs(algorithm=RESIRE(max_iterations=3), slices=20), problem):
            volume = progress.estimate()
            assert progress.metrics["r_factor"] == pytest.approx(metrics.r_factor(volume, problem), rel=1e-5)
            assert progress.metrics["free_r_factor"] == pytest.approx(metrics.free_r_factor(volume, problem), rel=1e-5)

    def test_a_volume_of_another_height_than_the_detector(self):
        problem = tilt_series(OBJECT, ANGLES, noise=0.1)
        for height in (60, 130):
            inner = AcceleratedRESIRE(max_iterations=20, height=height)
            assert difference(inner, problem) < 2e-3

    def test_a_film(self):
        problem = nearly(0.5, height=96)
        inner = AcceleratedRESIRE(max_iterations=20, depth=6, film=True)
        assert difference(inner, problem) < 0.02
        found = last(InSlabs(algorithm=inner, slices=32), problem)
        expected = metrics.r_factor(found.estimate(), problem, film=True)
        assert found.metrics["r_factor"] == pytest.approx(expected, rel=1e-5)

    def test_tilts_that_turn_too_much_are_named(self, series):
        rotations = series.rotations.copy()
        rotations[3, 0] = 90
        with pytest.raises(InputError, match=r"tilt 3 \(phi 90.*90 degrees from y.*as a whole"):
            iterate(InSlabs(), series.copy_with(rotations=rotations))
        rotations[3] = [0, 10, -11]
        with pytest.raises(InputError, match=r"tilt 3 .*psi -11.*11 degrees from y"):
            iterate(InSlabs(), series.copy_with(rotations=rotations))


class TestRuns:
    WHOLE = InSlabs(algorithm=AcceleratedRESIRE(max_iterations=6), slices=32)

    @pytest.mark.parametrize(
        ("inner", "make"),
        [(AcceleratedRESIRE(max_iterations=6), lambda: nearly(1.0)), (SIRT(max_iterations=6), None),
         (TVRESIRE(max_iterations=6), None), (FBP(), None)],
    )  # fmt: skip
    def test_resume_from_a_checkpoint_is_bit_identical(self, series, masked, tmp_path, inner, make):
        problem, slabs = make() if make else masked, InSlabs(algorithm=inner, slices=32)
        record = [(p.iteration, dict(p.metrics), p.estimate()) for p in iterate(slabs, problem)]
        for stop in range(1, len(record)):
            for progress in iterate(slabs, problem):
                if progress.iteration >= stop:
                    break
            save_checkpoint(tmp_path / "run.h5", slabs, progress.state)
            loaded, state = load_checkpoint(tmp_path / "run.h5")
            assert loaded == slabs
            np.testing.assert_array_equal(loaded.estimate(problem, state), record[stop - 1][2])
            resumed = [(p.iteration, dict(p.metrics), p.estimate()) for p in iterate(loaded, problem, state=state)]
            assert [r[:2] for r in resumed] == [r[:2] for r in record[stop:]]
            np.testing.assert_array_equal(resumed[-1][2], record[-1][2])

    def test_another_state_is_refused(self, series):
        state = last(self.WHOLE, series).state
        state.iteration = 8
        with pytest.raises(InputError, match="state: that of other slabs"):
            next(iterate(self.WHOLE, series, state=state))

    def test_slabs_appear_one_after_the_other(self, series):
        seen = [np.flatnonzero(p.estimate().any(axis=(0, 2))).max() for p in iterate(self.WHOLE, series)]
        assert max(seen[:6]) < 32 <= min(seen[6:])

    def test_the_r_factor_is_that_of_the_estimate_all_along(self, masked):
        total = 0
        for progress in iterate(self.WHOLE, masked):
            volume, total = progress.estimate(), progress.total
            assert progress.metrics["r_factor"] == pytest.approx(metrics.r_factor(volume, masked), rel=1e-5)
            assert progress.metrics["free_r_factor"] == pytest.approx(metrics.free_r_factor(volume, masked), rel=1e-5)
        assert total == progress.iteration == 12

    def test_an_estimate_is_fresh(self, series):
        for progress in iterate(self.WHOLE, series):
            first = progress.estimate()
            kept = first.copy()
            first[...] = -1
            np.testing.assert_array_equal(progress.estimate(), kept)

    def test_it_is_found_by_name_and_not_listed(self):
        assert algorithm("in-slabs") is InSlabs
        assert "in-slabs" not in algorithms()
        slabs = InSlabs(algorithm=SIRT(relaxation=1.5), slices=40, memory_limit=2.5, overlap=3)
        assert build(InSlabs, to_dict(slabs)) == slabs

    @pytest.mark.parametrize("inner", [AngleRefinement(), InSlabs(), "resire"])
    def test_what_cannot_be_cut_is_refused(self, inner):
        with pytest.raises(InputError, match="cannot be run in slabs"):
            InSlabs(algorithm=inner)


class TestMemory:
    def peak(self, algorithm, problem):
        """Bytes that a run of a few iterations takes beside the data at its peak, its result included."""
        tracemalloc.start()
        try:
            *_, progress = iterate(algorithm, problem)
            progress.estimate()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize(
        ("inner", "limit"),
        [(AcceleratedRESIRE(max_iterations=2), 0.02), (RESIRE(max_iterations=2), 0.02), (SIRT(max_iterations=2), 0.02),
         (SART(max_iterations=2), 0.025), (TVRESIRE(max_iterations=2), 0.035)],
        ids=lambda value: getattr(value, "name", value),
    )  # fmt: skip
    def test_the_peak_stays_within_the_limit(self, large, inner, limit):
        slabs = InSlabs(algorithm=inner, memory_limit=limit)
        assert 0.6e9 * limit < slabs.memory(large) <= 1e9 * limit
        assert self.peak(slabs, large) < 1e9 * limit
        assert self.peak(slabs, large) < self.peak(inner, large)

    @pytest.mark.parametrize("inner", [AcceleratedRESIRE(max_iterations=2), SIRT(max_iterations=2)])
    def test_also_where_slabs_overlap(self, large, inner):
        rotations = large.rotations + np.random.default_rng(0).normal(0, 0.3, large.rotations.shape)
        turned = large.copy_with(rotations=rotations)
        slabs = InSlabs(algorithm=inner, memory_limit=0.025)
        assert slabs.memory(turned) <= 25e6 < inner.memory(turned)
        assert self.peak(slabs, turned) < 25e6

    def test_slabs_are_as_thick_as_the_memory_allows(self, large):
        thick = [InSlabs(memory_limit=limit).thickness(large) for limit in (0.02, 0.025, 0.03, 1)]
        assert thick == sorted(thick)
        assert thick[0] < thick[2]
        assert thick[3] == 256
        assert all(t % 32 == 0 for t in thick)
        need = [InSlabs(slices=slices).memory(large) for slices in (32, 64, 128)]
        assert need == sorted(need)

    def test_without_a_limit_they_fit_what_is_available(self, large, monkeypatch):
        class Little:
            available = 25e6

        monkeypatch.setattr(psutil, "virtual_memory", lambda: Little)
        with pytest.raises(NotEnoughMemoryError, match=r"in slabs of \d+ slices \("):
            check(AcceleratedRESIRE(), large)
        check(InSlabs(), large)
        assert InSlabs().memory(large) <= 20e6

    def test_a_limit_that_the_thinnest_slab_exceeds(self, large):
        with pytest.raises(NotEnoughMemoryError, match=r"slabs of 32 slices.*limited to 0\.005 GB.*Raise the limit"):
            iterate(InSlabs(memory_limit=0.005), large)
        with pytest.raises(NotEnoughMemoryError, match=r"slabs of 128 slices.*thinner"):
            iterate(InSlabs(memory_limit=0.02, slices=128), large)

    def test_the_volume_does_not_depend_on_it(self, large):
        inner = replace(AcceleratedRESIRE(), max_iterations=2)
        few, many = (last(InSlabs(algorithm=inner, memory_limit=m), large).estimate() for m in (1, 0.02))
        np.testing.assert_array_equal(few, many)

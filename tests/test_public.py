"""The public face, used as a script would use it."""

import json
import subprocess
import sys
import threading

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile
import zarr

import proxiscope
from proxiscope.core import DivergedError, InputError
from proxiscope.io import WRITE_SUFFIXES
from tests.problems import small_pattern, small_series


@pytest.fixture(scope="module")
def image_result():
    return proxiscope.reconstruct(proxiscope.phase.HIO(max_iterations=35), small_pattern(), seed=2)


@pytest.fixture(scope="module")
def volume_result():
    series = small_series()
    series = proxiscope.TiltSeries(series.projections, series.angles, pixel_size=2.5, source="simulated")
    return proxiscope.reconstruct(proxiscope.tomography.SIRT(max_iterations=4), series)


def test_the_names_are_there():
    assert set(proxiscope.__all__) <= set(dir(proxiscope))
    for name in proxiscope.__all__:
        assert getattr(proxiscope, name) is not None
    for name in ("ER", "HIO", "GPSF", "DiffractionPattern"):
        assert name in proxiscope.phase.__all__
    for name in ("FBP", "SIRT", "RESIRE", "TiltSeries"):
        assert name in proxiscope.tomography.__all__
    assert proxiscope.phase.DiffractionPattern is proxiscope.DiffractionPattern
    assert proxiscope.tomography.TiltSeries is proxiscope.TiltSeries
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        proxiscope.nonsense  # noqa: B018


def test_importing_it_costs_nothing_and_brings_no_gui():
    code = (
        "import sys, proxiscope; proxiscope.__version__; dir(proxiscope);"
        "print([m for m in ('napari', 'qtpy', 'magicgui', 'numba', 'scipy', 'numpy', 'h5py') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_script_uses_no_gui_nor_dask_nor_torch():
    code = (
        "import sys, numpy as np, proxiscope\n"
        "pattern = proxiscope.simulate.diffraction_pattern(proxiscope.simulate.vesicle((12, 12)), (32, 32))\n"
        "proxiscope.reconstruct(proxiscope.phase.GPSF(max_iterations=10), pattern)\n"
        "series = proxiscope.simulate.tilt_series(proxiscope.simulate.vesicle((8, 8, 8)), [0, 30, 60])\n"
        "proxiscope.reconstruct(proxiscope.tomography.FBP(), series)\n"
        "print([m for m in ('napari', 'qtpy', 'magicgui', 'dask', 'torch', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_phase_result_is_the_best_recorded_iterate(image_result):
    metrics = image_result.metrics
    np.testing.assert_array_equal(metrics["iteration"], [10, 20, 30, 35])
    assert metrics["r_factor"].dtype == np.float64
    assert image_result.r_factor == metrics["r_factor"].min()
    assert image_result.iteration == metrics["iteration"][metrics["r_factor"].argmin()]
    assert image_result.image.shape == small_pattern().shape
    assert image_result.image.dtype == np.float32
    found = proxiscope.phase.metrics.r_factor(image_result.image, small_pattern())
    assert found == pytest.approx(image_result.r_factor, rel=1e-4)
    with pytest.raises(AttributeError, match=r"use \.image"):
        _ = image_result.volume


def test_a_tomography_result_is_the_last_iterate(volume_result):
    np.testing.assert_array_equal(volume_result.metrics["iteration"], [1, 2, 3, 4])
    assert volume_result.iteration == 4
    assert volume_result.r_factor == volume_result.metrics["r_factor"][-1]
    assert volume_result.volume.shape == (24, 20, 24)
    assert volume_result.pixel_size == 2.5
    with pytest.raises(AttributeError, match=r"use \.volume"):
        _ = volume_result.image


def test_the_result_says_how_it_came_about(image_result, volume_result):
    for result, problem in ((image_result, small_pattern()), (volume_result, small_series())):
        provenance = json.loads(json.dumps(result.provenance))
        assert provenance["software"] == f"proxiscope {proxiscope.__version__}"
        assert provenance["algorithm"] == result.algorithm.name
        assert provenance["parameters"]["max_iterations"] == result.algorithm.max_iterations
        assert provenance["input"]["kind"] == type(problem).__name__
        assert provenance["input"]["shape"] == list(problem.shape)
        assert provenance["input"]["source"] == "simulated"
    assert image_result.provenance["seed"] == 2
    assert image_result.provenance["result_iteration"] == image_result.iteration
    assert image_result.provenance["iterations"] == 35
    assert volume_result.provenance["input"]["pixel_size_nm"] == 2.5


def test_the_fingerprint_of_the_input_is_that_of_its_data():
    algorithm, pattern = proxiscope.phase.ER(max_iterations=1), small_pattern()
    parts = (pattern.magnitudes, pattern.support, pattern.known)
    changed = pattern.magnitudes.copy()
    changed[3, 3] += 1
    other_support = parts[1] & (np.arange(pattern.shape[1]) % 2 == 0)
    problems = [
        proxiscope.DiffractionPattern(*parts),
        proxiscope.DiffractionPattern(*parts, source="elsewhere"),
        proxiscope.DiffractionPattern(changed, *parts[1:]),
        proxiscope.DiffractionPattern(parts[0], other_support, parts[2]),
    ]
    prints = [proxiscope.reconstruct(algorithm, p).provenance["input"]["sha256"] for p in problems]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_the_seed_decides_the_start():
    algorithm = proxiscope.phase.ER(max_iterations=5)
    images = [proxiscope.reconstruct(algorithm, small_pattern(), seed=seed).image for seed in (0, 0, 1)]
    np.testing.assert_array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])


def test_a_callback_sees_every_iteration():
    seen = []
    proxiscope.reconstruct(
        proxiscope.tomography.RESIRE(max_iterations=4), small_series(), callback=lambda p: seen.append(p.iteration)
    )
    assert seen == [1, 2, 3, 4]


def test_a_callback_that_returns_true_stops_and_keeps_what_there_is():
    algorithm = proxiscope.tomography.RESIRE(max_iterations=50)
    stopped = proxiscope.reconstruct(algorithm, small_series(), callback=lambda p: p.iteration == 6)
    short = proxiscope.reconstruct(proxiscope.tomography.RESIRE(max_iterations=6), small_series())
    np.testing.assert_array_equal(stopped.volume, short.volume)
    np.testing.assert_array_equal(stopped.metrics["r_factor"], short.metrics["r_factor"])
    assert stopped.iteration == stopped.provenance["iterations"] == 6


@pytest.mark.parametrize("algorithm", [proxiscope.phase.HIO(), proxiscope.phase.GPSF()], ids=lambda a: a.name)
def test_a_run_stopped_before_anything_was_recorded_still_has_a_result(algorithm):
    result = proxiscope.reconstruct(algorithm, small_pattern(), callback=lambda p: p.iteration == 3)
    assert result.iteration == 3
    np.testing.assert_array_equal(result.metrics["iteration"], [3])
    assert np.isfinite(result.image).all()
    found = proxiscope.phase.metrics.r_factor(result.image, small_pattern())
    assert result.r_factor == pytest.approx(found, rel=1e-4)


def test_an_exception_in_a_callback_reaches_the_caller():
    def callback(progress):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        proxiscope.reconstruct(proxiscope.phase.ER(), small_pattern(), callback=callback)


def test_a_run_that_diverges_says_so(monkeypatch):
    monkeypatch.setattr(proxiscope.phase.ER, "metrics", lambda *_: {"r_factor": float("nan")})
    with pytest.raises(DivergedError):
        proxiscope.reconstruct(proxiscope.phase.ER(), small_pattern())


def test_iterate_is_the_loop_behind_reconstruct(image_result):
    *_, last = proxiscope.iterate(proxiscope.phase.HIO(max_iterations=35), small_pattern(), seed=2)
    assert last.metrics["r_factor"] == image_result.metrics["r_factor"][-1]


def read_mrc(path):
    with mrcfile.open(path) as file:
        return file.data.copy(), file.voxel_size.x / 10


def read_hdf5(path):
    with h5py.File(path) as file:
        return file["data"][...], float(file["data"].attrs["pixel_size"])


def read_zarr(path):
    group = zarr.open_group(path, mode="r")
    (scale,) = (t["scale"] for t in group.attrs["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"])
    return group["0"][...], scale[-1]


def read_npz(path):
    with np.load(path) as file:
        return file["data"], float(file["pixel_size"])


@pytest.mark.parametrize(
    ("suffix", "read"),
    [(".mrc", read_mrc), (".h5", read_hdf5), (".npz", read_npz), (".zarr", read_zarr),
     (".npy", lambda path: (np.load(path), 2.5)), (".tif", lambda path: (tifffile.imread(path), 2.5))],
)  # fmt: skip
def test_a_saved_result_is_read_back_by_other_programs(volume_result, image_result, tmp_path, suffix, read):
    volume_result.save(tmp_path / f"volume{suffix}")
    data, pixel_size = read(tmp_path / f"volume{suffix}")
    np.testing.assert_array_equal(data, volume_result.volume)
    assert data.dtype == np.float32
    assert pixel_size == pytest.approx(2.5)
    image_result.save(str(tmp_path / f"image{suffix}"))
    assert (tmp_path / f"image{suffix}").stat().st_size > 0


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
def test_a_saved_image_is_loaded_as_a_pattern_if_that_is_asked_for(image_result, tmp_path, suffix):
    image_result.save(tmp_path / f"image{suffix}")
    with pytest.raises(InputError, match="holds a result"):
        proxiscope.load(tmp_path / f"image{suffix}", intensities=False)
    pattern = proxiscope.load(tmp_path / f"image{suffix}", kind="pattern", intensities=False)
    np.testing.assert_array_equal(pattern.magnitudes, image_result.image)


@pytest.mark.parametrize("suffix", [s for s in WRITE_SUFFIXES if s != ".cxi"])
def test_pixel_sizes_come_back(volume_result, tmp_path, suffix):
    volume_result.save(tmp_path / f"volume{suffix}")
    series = proxiscope.load(tmp_path / f"volume{suffix}", angles=np.arange(24.0), kind="tilt-series")
    assert series.pixel_size == 2.5
    np.testing.assert_array_equal(series.projections, volume_result.volume)


def test_a_suffix_that_is_not_known_is_refused(image_result, tmp_path):
    with pytest.raises(InputError, match=r"\.png"):
        image_result.save(tmp_path / "image.png")


def test_problems_are_loaded_from_files(tmp_path):
    series, pattern = small_series(), small_pattern()
    np.save(tmp_path / "series.npy", series.projections)
    np.savetxt(tmp_path / "angles.txt", series.angles)
    np.save(tmp_path / "support.npy", pattern.support)
    np.save(tmp_path / "intensities.npy", pattern.magnitudes.astype(float) ** 2)
    for angles in (series.angles, tmp_path / "angles.txt"):
        loaded = proxiscope.load(tmp_path / "series.npy", angles=angles, pixel_size=3.0)
        assert isinstance(loaded, proxiscope.TiltSeries)
        np.testing.assert_array_equal(loaded.projections, series.projections)
        np.testing.assert_allclose(loaded.angles, series.angles)
        assert loaded.pixel_size == 3
    loaded = proxiscope.load(
        tmp_path / "intensities.npy", intensities=True, support=tmp_path / "support.npy", mask=pattern.known
    )
    assert isinstance(loaded, proxiscope.DiffractionPattern)
    np.testing.assert_allclose(loaded.magnitudes, pattern.magnitudes, rtol=1e-6)
    np.testing.assert_array_equal(loaded.support, pattern.support)
    np.testing.assert_array_equal(loaded.known, pattern.known)


ALGORITHMS = {
    "gps-f": (proxiscope.phase.GPSF(max_iterations=60), small_pattern),
    "resire": (proxiscope.tomography.RESIRE(max_iterations=20), small_series),
    "exact": (proxiscope.tomography.RESIRE(max_iterations=10, projector="fourier-slice"), small_series),
}


@pytest.mark.parametrize("first", ALGORITHMS)
@pytest.mark.parametrize("second", ALGORITHMS)
def test_two_reconstructions_at_once_give_the_bits_of_each_alone(first, second):
    alone = {name: proxiscope.reconstruct(a, make()).array for name, (a, make) in ALGORITHMS.items()}
    begin, together = threading.Barrier(2, timeout=20), {}

    def work(key, name):
        algorithm, make = ALGORITHMS[name]
        begin.wait()
        together[key] = [proxiscope.reconstruct(algorithm, make()).array for _ in range(2)]

    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in enumerate((first, second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for key, name in enumerate((first, second)):
        for array in together[key]:
            np.testing.assert_array_equal(array, alone[name])


def test_what_was_best_before_a_divergence_is_kept(monkeypatch):
    measure = proxiscope.phase.HIO.metrics

    def diverging(self, problem, state):
        return {"r_factor": np.nan} if state.iteration == 40 else measure(self, problem, state)

    monkeypatch.setattr(proxiscope.phase.HIO, "metrics", diverging)
    with pytest.raises(DivergedError, match="iteration 40") as caught:
        proxiscope.reconstruct(proxiscope.phase.HIO(max_iterations=50), small_pattern())
    assert caught.value.result.iteration in (10, 20, 30)


def test_the_detectors_pixel_size_is_not_taken_for_that_of_the_reconstruction(tmp_path):
    np.savez(tmp_path / "pattern.npz", magnitudes=small_pattern().magnitudes, pixel_size=55000.0)
    assert proxiscope.load(tmp_path / "pattern.npz", intensities=False).pixel_size is None
    assert proxiscope.load(tmp_path / "pattern.npz", intensities=False, pixel_size=5).pixel_size == 5


def test_an_algorithm_that_is_none_is_refused_in_words():
    for nonsense in ("resire", proxiscope.tomography.RESIRE):
        with pytest.raises(InputError, match="Give an instance"):
            proxiscope.reconstruct(nonsense, small_series())


def test_problems_and_results_print_on_one_line():
    result = proxiscope.reconstruct(proxiscope.tomography.SIRT(max_iterations=2), small_series())
    for thing in (small_series(), small_pattern(), result):
        assert "\n" not in repr(thing)
        assert len(repr(thing)) < 120

"""`load` and `pattern`: from arrays and files to a pattern, and back from results of our own."""

import warnings

import h5py
import numpy as np
import pytest
from tests.problems import small_series

import proxiscope as px
from proxiscope.core.errors import InputError
from proxiscope.io import read, read_array, write_array
from proxiscope.io.load import NO_SUPPORT, OWN_SUPPORT, loaded, pattern
from proxiscope.phase import support
from proxiscope.phase.problem import central_box
from proxiscope.simulate import crystal, diffraction_pattern

RNG = np.random.default_rng(0)
IMAGE = RNG.random((12, 10)).astype(np.float32)
COMPLEX = (IMAGE * np.exp(1j * RNG.random(IMAGE.shape))).astype(np.complex64)
PRODUCTS = {"images": np.stack([COMPLEX] * 3), "variance": IMAGE.astype(np.float64), "r_factors": np.arange(3.0)}


@pytest.fixture(scope="module")
def bragg():
    """A pattern of a complex object, 40 x 36."""
    return diffraction_pattern(crystal((14, 12)), (40, 36), flux=1e7, readout=0)


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".hdf5"])
@pytest.mark.parametrize("array", [IMAGE, COMPLEX, np.stack([COMPLEX] * 2)], ids=["real", "complex", "volume"])
def test_a_result_of_ours_is_read_back_as_its_array(tmp_path, suffix, array):
    path = tmp_path / f"a{suffix}"
    write_array(path, array, metadata={"a": 1}, metrics={"r_factor": [2, 1]}, products=PRODUCTS)
    found = read_array(path)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(
        read_array(path, "products/images" if "h" in suffix else "products_images")[0], COMPLEX
    )


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_a_result_of_ours_is_never_taken_for_one_of_its_products(tmp_path, suffix):
    write_array(tmp_path / f"real{suffix}", IMAGE, products=PRODUCTS)
    np.testing.assert_array_equal(read(tmp_path / f"real{suffix}").data, IMAGE)
    assert px.load(tmp_path / f"real{suffix}", intensities=False).shape == IMAGE.shape
    write_array(tmp_path / f"complex{suffix}", COMPLEX, products=PRODUCTS)
    with pytest.raises(InputError, match="holds complex numbers"):
        px.load(tmp_path / f"complex{suffix}", kind="pattern", intensities=False)


def test_complex_arrays_of_others(tmp_path):
    np.save(tmp_path / "a.npy", COMPLEX)
    np.savez(tmp_path / "a.npz", object=COMPLEX)
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/image_1/data"] = COMPLEX
    for name in ("a.npy", "a.npz", "a.cxi"):
        np.testing.assert_array_equal(read_array(tmp_path / name), COMPLEX)
        with pytest.raises(InputError, match="complex numbers"):
            read(tmp_path / name)


def test_real_arrays_of_others_come_before_complex_ones(tmp_path):
    np.savez(tmp_path / "a.npz", field=np.stack([COMPLEX] * 2), intensity=IMAGE)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["field"], file["image"] = np.stack([COMPLEX] * 2), IMAGE
    for name in ("a.npz", "a.h5"):
        np.testing.assert_array_equal(read(tmp_path / name).data, IMAGE)


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".npy"])
def test_a_complex_result_starts_another_run(tmp_path, bragg, suffix):
    np.save(tmp_path / "bragg.npy", bragg.magnitudes)
    first = px.reconstruct(px.phase.ER(max_iterations=5), bragg)
    first.save(tmp_path / f"first{suffix}")
    options = {"intensities": False, "object": "complex"}
    options |= {"support": tmp_path / f"first{suffix}", "start": tmp_path / f"first{suffix}"}
    again = px.load(tmp_path / "bragg.npy", **options)
    assert again.start.dtype == np.complex64
    np.testing.assert_array_equal(again.start, first.array)
    np.testing.assert_array_equal(again.support, first.array != 0)
    given = pattern(bragg.magnitudes, support=first.array, object="complex", start=first.array)
    np.testing.assert_array_equal(given.start, again.start)


def test_every_option_of_a_pattern_reaches_it(tmp_path, bragg):
    known = np.ones(bragg.shape, bool)
    known[20, 18] = False
    np.save(tmp_path / "a.npy", bragg.magnitudes**2)
    found = px.load(
        tmp_path / "a.npy", intensities=True, mask=known, object="complex-positive", hold_out=0.1, start=bragg.support,
        support="ellipse:5", pixel_size=2,
    )  # fmt: skip
    np.testing.assert_allclose(found.magnitudes, np.where(known, bragg.magnitudes, 0), rtol=1e-5)
    np.testing.assert_array_equal(found.known, known)
    np.testing.assert_array_equal(found.support, support.ellipse(bragg.shape, 5))
    np.testing.assert_array_equal(found.held_out, found.hold_out(0.1).held_out)
    np.testing.assert_array_equal(found.start, bragg.support.astype(np.complex64))
    assert (found.object, found.pixel_size) == ("complex-positive", 2)
    plain = px.load(tmp_path / "a.npy", intensities=True)
    assert (plain.object, plain.held_out, plain.start) == ("non-negative", None, None)


@pytest.mark.parametrize("words", ["rectangle:7", "ellipse:7", "ellipse", "autocorrelation"])
def test_a_support_by_name(bragg, words):
    kind, _, ratio = words.partition(":")
    expected = support.initial(kind, bragg, *([float(ratio)] if ratio else []))
    np.testing.assert_array_equal(pattern(bragg.magnitudes, words, object="complex").support, expected)


def test_a_support_by_name_wins_over_a_file_of_that_name(tmp_path, bragg, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "autocorrelation").write_text("a file")
    assert pattern(bragg.magnitudes, "autocorrelation").support.any()
    for name in ("./autocorrelation", tmp_path / "autocorrelation"):
        with pytest.raises(InputError, match="not read"):
            pattern(bragg.magnitudes, name)


def test_a_support_by_name_repeats_no_warning(bragg):
    counts = np.rint(1e3 * bragg.magnitudes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pattern(counts, "autocorrelation")
    assert len(caught) == 1
    assert "whole numbers" in str(caught[0].message)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"object": "vector"}, r"object: got 'vector'.*complex-positive"),
        ({"hold_out": 0.7}, r"hold_out: a fraction of 0\.7"),
        ({"hold_out": float("nan")}, "hold_out"),
        ({"start": COMPLEX}, "start: its shape"),
        ({"start": "none.npz"}, r"none\.npz: does not exist"),
        ({"support": "rectangle:?"}, r"support: got 'rectangle:\?'"),
        ({"support": "autocorrelation:2"}, "support: got 'autocorrelation:2'"),
        ({"mask": "none.npy"}, r"none\.npy: does not exist"),
    ],
)
def test_what_does_not_fit_is_named(bragg, options, words):
    with pytest.raises(InputError, match=words):
        pattern(bragg.magnitudes, **options)


def test_a_complex_start_of_a_density(bragg):
    with pytest.raises(InputError, match="start: complex values for a non-negative object"):
        pattern(bragg.magnitudes, start=np.ones(bragg.shape, complex))


def test_a_pattern_in_3d_has_to_be_named(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((6, 7, 8)))
    with pytest.raises(InputError, match=r"Give the tilt angles .* or say that it is a pattern"):
        px.load(tmp_path / "a.npy")
    assert px.load(tmp_path / "a.npy", kind="pattern", intensities=False).shape == (6, 7, 8)


class TestDeclared:
    """What a file says of itself is followed; what it does not say is asked for."""

    def test_values_that_are_not_declared_are_asked_for(self, tmp_path, bragg):
        np.save(tmp_path / "a.npy", bragg.magnitudes)
        with pytest.raises(InputError, match=r"a\.npy: does not say .* --intensities or --magnitudes.*=True or False"):
            px.load(tmp_path / "a.npy")

    @pytest.mark.parametrize("quantity", ["magnitudes", "intensities"])
    def test_the_files_word_counts_unless_told_otherwise(self, tmp_path, bragg, quantity):
        values = bragg.magnitudes ** (2 if quantity == "intensities" else 1)
        write_array(tmp_path / "a.npz", values, kind="pattern", quantity=quantity)
        found = px.load(tmp_path / "a.npz", support=bragg.support)
        np.testing.assert_allclose(found.magnitudes, bragg.magnitudes, rtol=1e-6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = px.load(tmp_path / "a.npz", intensities=quantity == "magnitudes", support=bragg.support)
        assert not np.allclose(other.magnitudes, bragg.magnitudes, rtol=1e-3)

    def test_a_result_is_data_only_when_it_is_asked_for(self, tmp_path):
        write_array(tmp_path / "a.h5", IMAGE, kind="result")
        with pytest.raises(InputError, match=r"a\.h5: holds a result, not data.*kind="):
            px.load(tmp_path / "a.h5", intensities=False)
        assert px.load(tmp_path / "a.h5", kind="pattern", intensities=False).shape == IMAGE.shape

    def test_a_pattern_in_3d_that_says_so_needs_no_name(self, tmp_path):
        write_array(tmp_path / "a.h5", np.ones((6, 7, 8)), kind="pattern", quantity="magnitudes")
        assert px.load(tmp_path / "a.h5").shape == (6, 7, 8)

    def test_masks_of_file_and_call_both_count(self, tmp_path, bragg):
        inside, given = np.ones((2, *bragg.shape), bool)
        inside[3, 4], given[5, 6] = False, False
        write_array(tmp_path / "a.h5", bragg.magnitudes, kind="pattern", quantity="magnitudes", valid=inside)
        np.testing.assert_array_equal(px.load(tmp_path / "a.h5").known, inside)
        np.testing.assert_array_equal(px.load(tmp_path / "a.h5", mask=given).known, inside & given)
        with pytest.raises(InputError, match="known: its shape is"):
            px.load(tmp_path / "a.h5", mask=np.ones((3, 3)))

    def test_the_own_support_of_a_file_gives_way(self, tmp_path, bragg):
        px.save(tmp_path / "a.h5", bragg)
        other = bragg.support & (np.arange(bragg.shape[1]) % 2 == 0)
        np.testing.assert_array_equal(px.load(tmp_path / "a.h5").support, bragg.support)
        np.testing.assert_array_equal(px.load(tmp_path / "a.h5", support=other).support, other)
        assert px.load(tmp_path / "a.h5").object == "complex"
        assert px.load(tmp_path / "a.h5", object="complex-positive").object == "complex-positive"

    @pytest.mark.filterwarnings("ignore")
    def test_what_goes_with_the_data_before_the_steps_is_left_out(self, tmp_path, bragg):
        px.save(tmp_path / "a.h5", bragg.hold_out(0.1))
        problem, notes = loaded(tmp_path / "a.h5", steps=[{"name": "crop", "size": (16, 16)}])
        assert (problem.shape, problem.held_out) == ((16, 16), None)
        assert any("left out: support, held out" in note for note in notes)
        px.save(tmp_path / "b.h5", small_series().hold_out(4))
        assert px.load(tmp_path / "b.h5").held_out.any()
        assert px.load(tmp_path / "b.h5", steps=[{"name": "exclude-tilts", "tilts": (0,)}]).held_out is None

    def test_a_support_that_nobody_chose_is_none_of_the_files(self, tmp_path, bragg):
        plain = bragg.copy_with(support=central_box(bragg.shape))
        for name, pattern_, said in (("a.h5", plain, NO_SUPPORT), ("b.h5", bragg, OWN_SUPPORT)):
            px.save(tmp_path / name, pattern_)
            problem, notes = loaded(tmp_path / name)
            assert said in notes
            np.testing.assert_array_equal(problem.support, pattern_.support)

    @pytest.mark.parametrize("record", [{}, {"factor": 2}, {"name": 3}])
    def test_a_step_without_a_name_is_refused(self, tmp_path, bragg, record):
        px.save(tmp_path / "a.h5", bragg)
        with pytest.raises(InputError, match="step"):
            px.load(tmp_path / "a.h5", steps=[record])

    def test_a_step_that_does_not_exist_is_refused(self, tmp_path, bragg):
        px.save(tmp_path / "a.h5", bragg)
        with pytest.raises(InputError, match="there is no 'mend'"):
            px.load(tmp_path / "a.h5", steps=[{"name": "mend"}])

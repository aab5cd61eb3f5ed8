"""How tilt series are described on the command line: axes, directions, two series, masks, supports, refined tilts."""

import json
import re

import numpy as np
import pytest

import proxiscope as px
from proxiscope.cli.commands import algorithm_from
from proxiscope.cli.main import parser
from proxiscope.io import read, read_angles, write_array
from proxiscope.tomography import RESIRE, SIRT, AngleRefinement, merge
from tests.cli.test_cli import proxiscope
from tests.problems import small_series

SHORT = ("--max-iterations", "3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two series of one object, with their angles and what else belongs to them."""
    folder, series = tmp_path_factory.mktemp("data"), small_series()
    write_array(folder / "a.mrc", series.projections, pixel_size=1.5)
    np.save(folder / "b.npy", series.projections[:17] + 0.1)
    np.savetxt(folder / "a.txt", series.angles)
    np.savetxt(folder / "b.txt", series.angles[:17])
    triples = series.rotations + [90, 0, 0]  # noqa: RUF005
    np.savetxt(folder / "triples.txt", triples[:17])
    np.save(folder / "triples.npy", triples[:17])
    np.save(folder / "mask-a.npy", np.arange(series.projections.size).reshape(series.shape) % 9 > 0)
    np.save(folder / "mask-b.npy", np.arange(series.projections[:17].size).reshape(17, *series.shape[1:]) % 7 > 0)
    support = np.zeros((12, 20, 24))
    support[2:10, 3:17, 4:20] = 1
    np.save(folder / "support.npy", support)
    np.save(folder / "flat.npy", support[0])
    return folder


@pytest.fixture
def run(folder, tmp_path, monkeypatch):
    """``run("sirt", "a.mrc", ...)``: the volume and the record of a run."""
    monkeypatch.chdir(folder)

    def reconstruct(*arguments):
        assert proxiscope("reconstruct", *arguments, "-o", tmp_path / "out.npz") == 0
        with np.load(tmp_path / "out.npz") as found:
            return found["data"], json.loads(str(found["metadata"]))

    return reconstruct


@pytest.fixture
def complains(folder, tmp_path, monkeypatch, capsys):
    """``complains(arguments, words)``: exit 2, one line, nothing written."""
    monkeypatch.chdir(folder)

    def check(arguments, words):
        assert proxiscope("reconstruct", *arguments, "-o", tmp_path / "out.npz") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert re.search(words, line), line
        assert not list(tmp_path.iterdir())

    return check


def the_two(folder, second="triples.txt"):
    """What the two series are when joined."""
    in_plane = 90.0 if second == "b.txt" else 0.0
    a = px.load(folder / "a.mrc", angles=folder / "a.txt", in_plane=0.0)
    b = px.load(folder / "b.npy", angles=folder / second, in_plane=in_plane)
    return merge(a, b)


def volume_of(series, algorithm=None):
    """The volume by Python."""
    return px.reconstruct(algorithm or SIRT(max_iterations=3), series).volume


@pytest.mark.parametrize(
    "angles",
    [
        ["--angles", "a.txt", "triples.txt"],
        ["--angles", "a.txt", "triples.npy"],
        ["--angles", "a.txt", "--angles", "triples.txt"],
        ["--angles", "a.txt", "b.txt", "--in-plane", "0", "90"],
        ["--in-plane", "0", "90", "--angles", "a.txt", "b.txt", "--tilt-axis", "y"],
    ],
)
def test_two_series_are_joined(run, folder, angles):
    volume, made = run("sirt", "a.mrc", "b.npy", *angles, *SHORT)
    expected = the_two(folder)
    assert made["input"]["shape"] == [38, 20, 24]
    assert made["input"]["source"] == "a.mrc + b.npy"
    assert made["input"]["pixel_size_nm"] == 1.5
    np.testing.assert_array_equal(volume, volume_of(expected))


def test_what_was_read_is_said_of_each(run, capsys):
    run("sirt", "a.mrc", "b.npy", "--angles", "a.txt", "b.txt", "--in-plane", "0", "90", *SHORT)
    said = capsys.readouterr().err
    assert "a.mrc: 21 tilt angles from a.txt (-60 to 60 degrees)." in said
    assert "b.npy: 17 tilt angles from b.txt (-60 to 36 degrees)." in said
    assert "b.npy: The object was turned by 90 degrees in the image plane." in said


def test_tilts_are_held_out_of_both(run, folder):
    options = ("--angles", "a.txt", "triples.txt", "--hold-out-tilts", "5", *SHORT)
    volume, _ = run("sirt", "a.mrc", "b.npy", *options)
    np.testing.assert_array_equal(volume, volume_of(the_two(folder).hold_out(5)))


def test_each_series_has_its_mask(run, folder):
    options = ("--angles", "a.txt", "triples.txt", "--mask", "mask-a.npy", "mask-b.npy", *SHORT)
    volume, _ = run("sirt", "a.mrc", "b.npy", *options)
    valid = np.concatenate([np.load(folder / f"mask-{name}.npy") for name in "ab"])
    np.testing.assert_array_equal(volume, volume_of(the_two(folder).copy_with(valid=valid)))


def test_a_support_decides_the_size_of_the_volume(run, folder):
    support = np.load(folder / "support.npy")
    volume, _ = run("sirt", "a.mrc", "--angles", "a.txt", "--support", "support.npy", *SHORT)
    np.testing.assert_array_equal(volume, volume_of(small_series().copy_with(support=support)))
    volume, _ = run("sirt", "a.mrc", "b.npy", "--angles", "a.txt", "triples.txt", "--support", "support.npy", *SHORT)
    assert volume.shape == support.shape
    assert not volume[support == 0].any()


def test_a_reversed_direction_is_the_mirror_image_and_recorded(run, folder):
    volume, made = run("sirt", "a.mrc", "--angles", "a.txt", "--reverse-angles", *SHORT)
    assert made["input"]["source"] == "a.mrc, tilt direction reversed"
    np.testing.assert_array_equal(volume, volume_of(px.load(folder / "a.mrc", angles=-small_series().angles)))


@pytest.mark.parametrize("axis", ["x", "84.3", "-5.5", "-96"])
def test_an_axis_anywhere(run, folder, axis):
    volume, _ = run("sirt", "a.mrc", "--angles", "a.txt", "--tilt-axis", axis, *SHORT)
    axis = axis if axis == "x" else float(axis)
    np.testing.assert_array_equal(volume, volume_of(px.load(folder / "a.mrc", angles=folder / "a.txt", tilt_axis=axis)))
    assert volume.shape == ((20, 24, 20) if axis in ("x", 84.3, -96) else (24, 20, 24))


def test_refined_tilts_come_back_as_angles(run, folder, tmp_path):
    table = tmp_path / "refined.txt"
    options = ("--rounds", "2", "--steps", "2")
    run("angle-refinement", "a.mrc", "--angles", "a.txt", *options, "--refined-angles", table)
    expected = px.reconstruct(
        AngleRefinement(rounds=2, steps=2), px.load(folder / "a.mrc", angles=folder / "a.txt")
    ).products
    np.testing.assert_allclose(
        read_angles(table), np.column_stack([expected["rotations"], expected["shifts"]]), rtol=1e-8, atol=1e-9
    )
    with np.load(tmp_path / "out.npz") as found:
        for name in ("rotations", "shifts"):
            np.testing.assert_array_equal(found[f"products_{name}"], expected[name])
    volume, _ = run("resire", "a.mrc", "--angles", table, *SHORT)
    refined = px.load(folder / "a.mrc", angles=table)
    np.testing.assert_allclose(refined.shifts, expected["shifts"], atol=1e-9)
    np.testing.assert_array_equal(volume, volume_of(refined, RESIRE(max_iterations=3)))


def test_refined_tilts_of_two_series_are_shared_out(run, folder, tmp_path):
    table, two = tmp_path / "refined.csv", ("a.mrc", "b.npy")
    options = ("--rounds", "2", "--steps", "2", "--refined-angles", table)
    run("angle-refinement", *two, "--angles", "a.txt", "b.txt", "--in-plane", "0", "90", *options)
    volume, made = run("resire", *two, "--angles", table, *SHORT)
    found = read_angles(table)
    refined = the_two(folder).copy_with(rotations=found[:, :3], shifts=found[:, 3:])
    np.testing.assert_array_equal(volume, volume_of(refined, RESIRE(max_iterations=3)))
    assert made["input"]["shape"][0] == 38


def test_one_file_of_angles_serves_two_series_of_equal_length(run):
    volume, _ = run("sirt", "a.mrc", "a.mrc", "--angles", "a.txt", "--in-plane", "0", "90", *SHORT)
    series = small_series()
    two = merge(series, series.copy_with(rotations=series.rotations + [90, 0, 0]))  # noqa: RUF005
    np.testing.assert_array_equal(volume, volume_of(two))


def test_the_quality_of_a_volume_from_two_series(run, folder, tmp_path, capsys):
    two = ("a.mrc", "b.npy", "--angles", "a.txt", "b.txt", "--in-plane", "0", "90")
    volume, _ = run("sirt", *two, *SHORT)
    capsys.readouterr()
    assert proxiscope("quality", tmp_path / "out.npz", *two, "--json", "--quiet") == 0
    said = json.loads(capsys.readouterr().out)
    expected = px.tomography.metrics.residuals(volume, the_two(folder))
    assert said["series"] == ["a.mrc", "b.npy"]
    assert said["r_factor"]["real-space"] == pytest.approx(expected.mean())


def test_a_volume_file_keeps_the_tilts_as_refined(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    table, options = tmp_path / "refined.txt", ("--angles", "a.txt", "--rounds", "1", "--steps", "1")
    options += ("--refined-angles", table, "-o", tmp_path / "out.mrc")
    assert proxiscope("reconstruct", "angle-refinement", "a.mrc", *options) == 0
    kept = read(tmp_path / "out.mrc").declared.products
    np.testing.assert_allclose(np.column_stack([kept["rotations"], kept["shifts"]]), read_angles(table), atol=1e-8)


A, BOTH = ["sirt", "a.mrc", "--angles", "a.txt"], ["sirt", "a.mrc", "b.npy", "--angles", "a.txt", "b.txt"]
BAD = {
    "angles for one of two": (["sirt", "a.mrc", "b.npy", "--angles", "b.txt"], r"17 angles .* \(21, 20, 24\)"),
    "three files of angles": ([*BOTH, "a.txt"], "--angles: 3 for 2 series"),
    "a mask for one of two": ([*BOTH, "--mask", "mask-a.npy"], "--mask: 1 for 2 series"),
    "one turn for two": ([*BOTH, "--in-plane", "90"], "--in-plane: 1 for 2 series"),
    "a turn that is no number": ([*BOTH, "--in-plane", "a", "b"], "--in-plane: invalid float value: 'a'"),
    "an axis that is none": ([*A, "--tilt-axis", "z"], "--tilt-axis: got 'z'; give x, y or degrees"),
    "an axis at no angle": ([*A, "--tilt-axis", "nan"], "tilt_axis: got nan"),
    "a flat support": ([*A, "--support", "flat.npy"], r"support: an array of shape \(20, 24\).*\(z, y, x\)"),
    "a support of another depth": ([*A, "--support", "support.npy", "--depth", "10"], "depth: 10, .* support has 12"),
    "a missing support": ([*A, "--support", "none.npy"], r"none\.npy: does not exist"),
    "refined tilts of what refines none": ([*A, "--refined-angles", "r.txt"], "unknown: --refined-angles"),
    "refined tilts into an array": (
        ["angle-refinement", *A[1:], "--refined-angles", "r.npy"], r"r\.npy: .*Choose one of \.rawtlt",
    ),
    "refined tilts over their angles": (["angle-refinement", *A[1:], "--refined-angles", "a.txt"], "one of the files"),
    "options before the input": (["sirt", "--angles", "a.txt", "a.mrc"], "required: INPUT. Give it before the options"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line(complains, case):
    complains(*BAD[case])


def test_a_switch_alone_means_yes():
    given = parser().parse_args(["reconstruct", "resire", "in.mrc", "-o", "out.mrc", "--depth", "8", "--film"])
    assert algorithm_from(RESIRE, given).film
    assert not algorithm_from(RESIRE, parser().parse_args(["reconstruct", "resire", "in.mrc", "-o", "out.mrc"])).film

"""Angles in files of their own: what is understood and what is refused."""

import numpy as np
import pytest
import scipy.io

from proxiscope.core.errors import InputError
from proxiscope.io import read, read_angles

STACK = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
ANGLES = np.linspace(-60, 60, 5)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.rawtlt", " -1.00\n 0.5\n\n2e0\n", [-1, 0.5, 2]),
        ("a.tlt", "# from IMOD\n1 ; first\r\n2\r\n", [1, 2]),
        ("a.txt", "\ufeff1\n2", [1, 2]),
        ("a.txt", "1, 2, 3, 4", [1, 2, 3, 4]),
        ("a.csv", "angle\n1\n2", [1, 2]),
        ("a.csv", "0, 1, 0\n0, 2, 0", [[0, 1, 0], [0, 2, 0]]),
    ],
)
def test_angles_as_text(tmp_path, name, text, expected):
    (tmp_path / name).write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(read_angles(tmp_path / name), expected)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (1, 5), (5, 3), (3, 5)])
def test_shapes_of_angles(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.ones(shape))
    assert read_angles(tmp_path / "a.npy").shape == ((5, 3) if 3 in shape else (5,))
    scipy.io.savemat(tmp_path / "a.mat", {"anything": np.ones(shape)})
    assert read_angles(tmp_path / "a.mat").shape == ((5, 3) if 3 in shape else (5,))


def test_radians_are_suspected(tmp_path):
    np.save(tmp_path / "a.npy", STACK)
    assert any("radians" in note for note in read(tmp_path / "a.npy", angles=np.radians(ANGLES)).notes)


def test_cubic_stack_with_angles_in_front(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((5, 5, 5)))
    assert len(read(tmp_path / "a.npy", angles=ANGLES).angles) == 5
    np.save(tmp_path / "a.npy", np.ones((4, 5, 5)))
    with pytest.raises(InputError, match=r"5 angles .*\(4, 5, 5\)"):
        read(tmp_path / "a.npy", angles=ANGLES)


def stack(folder):
    np.save(folder / "data.npy", np.ones((4, 5, 6)))
    return folder / "data.npy"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.rawtlt", b"one\ntwo\n"),
        ("a.tlt", b"1\nnan\n"),
        ("a.txt", b"1\ninf\n"),
        ("a.txt", b"1 2\n3 4\n"),
        ("a.txt", b"1\n2 3 4\n"),
        ("a.csv", b"angle\nangle\n"),
        ("a.txt", b"# nothing\n"),
        ("a.tlt", b"\0\1\2\3" * 10),
        ("a.tlt", b"\xff\xfe\xfd"),
        ("a.mdoc", b"[ZValue = 0]\nTiltAngle = up\n"),
        ("a.mdoc", b"nothing here"),
        ("a.npy", b"no numpy"),
        ("a.mat", b"no matlab"),
        ("a.xlsx", b"PK"),
        ("a", b"1\n2\n"),
        ("a.txt", b""),
    ],
)
def test_angles_that_are_none(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_angles(tmp_path / name)
    assert caught.value.field == name
    with pytest.raises(InputError):
        read(stack(tmp_path), angles=tmp_path / name)


@pytest.mark.parametrize("angles", [np.ones((4, 2)), [1, 2, np.nan, 4], [1j] * 4, ["a"] * 4, [], np.ones((4, 3, 1))])
def test_arrays_that_are_no_angles(tmp_path, angles):
    with pytest.raises(InputError, match="angle"):
        read(stack(tmp_path), angles=angles)


def test_missing_angles_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read(stack(tmp_path), angles=tmp_path / "no.rawtlt")


def test_wrong_number_of_angles(tmp_path):
    (tmp_path / "a.rawtlt").write_text("1\n2\n3\n")
    with pytest.raises(InputError, match=r"3 angles .*\(4, 5, 6\)") as caught:
        read(stack(tmp_path), angles=tmp_path / "a.rawtlt")
    assert caught.value.field == "a.rawtlt"

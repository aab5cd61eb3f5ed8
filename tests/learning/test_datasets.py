"""The readers of data sets: what is in the files comes out of them, and no file does harm."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError
from proxiscope.learning.datasets import cifar, cifar10, digits, idx, iris, mnist

RNG = np.random.default_rng(0)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def idx_bytes(values: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.astype(np.uint8).tobytes()


@pytest.fixture
def small_mnist(tmp_path):
    """A folder of 7 + 3 images of 2 x 3 pixels, one file of them packed, and what is in it."""
    sets = {}
    for part, count in (("train", 7), ("t10k", 3)):
        sets[part] = RNG.integers(0, 256, (count, 2, 3)), RNG.integers(0, 10, count)
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(sets[part][1]))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(sets["train"][0]))
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(sets["t10k"][0])))
    return tmp_path, sets


@pytest.fixture
def small_cifar(tmp_path):
    """A folder with two records in each file, and all of them."""
    records = RNG.integers(0, 256, (6, 2, 3073)).astype(np.uint8)
    records[..., 0] %= 10
    for i in range(5):
        (tmp_path / f"data_batch_{i + 1}.bin").write_bytes(records[i].tobytes())
    (tmp_path / "test_batch.bin").write_bytes(records[5].tobytes())
    return tmp_path, records


class TestMNIST:
    def test_images_and_labels_are_those_of_the_files(self, small_mnist):
        folder, sets = small_mnist
        data = mnist(folder)
        for (images, labels), points, classes in (
            (sets["train"], data.points, data.labels),
            (sets["t10k"], data.test_points, data.test_labels),
        ):
            np.testing.assert_allclose(points, images.reshape(len(images), 6) / 255, rtol=1e-6)
            np.testing.assert_array_equal(classes, labels)

    def test_the_real_one(self, shared_data):
        data = mnist(shared_data("mnist"))
        assert data.shape == (60000, 784)
        assert len(data.test_points) == 10000
        assert data.classes == 10
        assert data.points.min() == 0
        assert data.points.max() == 1
        np.testing.assert_array_equal(data.labels[:8], [5, 0, 4, 1, 9, 2, 1, 3])
        assert data.points.mean() == pytest.approx(0.1307, abs=1e-4)  # as everybody normalises it

    def test_a_missing_file_is_named_with_where_to_get_it(self, small_mnist):
        folder, _ = small_mnist
        (folder / "t10k-labels-idx1-ubyte").unlink()
        with pytest.raises(InputError, match=r"holds no t10k-labels-idx1-ubyte.*https"):
            mnist(folder)
        with pytest.raises(InputError, match="is no folder"):
            mnist(folder / "nowhere")

    def test_labels_of_another_number_are_refused(self, small_mnist):
        folder, _ = small_mnist
        (folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(6)))
        with pytest.raises(InputError, match=r"train-labels-idx1-ubyte: 6 labels for the 7 images"):
            mnist(folder)

    def test_images_of_another_size_are_refused(self, small_mnist):
        folder, _ = small_mnist
        (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(np.zeros((3, 3, 2)))))
        with pytest.raises(InputError, match=r"\(2, 3\) pixels .* \(3, 2\)"):
            mnist(folder)


class TestIDX:
    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (b"", "begins with nothing"),
            (b"\x89PNG", "begins with 137, 80, 78, 71"),
            (bytes((0, 0, 13, 1)) + struct.pack(">I", 1) + bytes(4), "begins with 0, 0, 13, 1"),
            (idx_bytes(np.zeros((2, 2))), "begins with 0, 0, 8, 2"),
            (bytes((0, 0, 8, 1, 0)), "ends within its header"),
            (bytes((0, 0, 8, 1)) + struct.pack(">I", 0), "claims to hold"),
            (idx_bytes(np.zeros(5))[:-1], "4 values than the 5|claims"),
            (idx_bytes(np.zeros(5)) + b"x", "more values than the 5"),
        ],
    )
    def test_what_is_no_such_file_is_refused(self, tmp_path, content, found):
        for path, block in ((tmp_path / "labels", content), (tmp_path / "labels.gz", gzip.compress(content))):
            path.write_bytes(block)
            with pytest.raises(InputError, match=found):
                idx.read_idx(path, 1)

    @pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (2**31, 1, 1), (60000, 28, 28)])
    def test_a_claim_that_the_file_cannot_hold_allocates_nothing(self, tmp_path, shape):
        header = bytes((0, 0, 8, 3)) + struct.pack(">3I", *shape)
        for path, block in ((tmp_path / "images", header), (tmp_path / "images.gz", gzip.compress(header))):
            path.write_bytes(block)
            with pytest.raises(InputError, match="claims to hold an array"):
                idx.read_idx(path, 3)

    def test_of_a_file_that_unpacks_to_much_only_what_it_claims_is_unpacked(self, tmp_path):
        path = tmp_path / "labels.gz"
        path.write_bytes(gzip.compress(idx_bytes(np.zeros(10)) + bytes(2**25)))
        tracemalloc.start()
        with pytest.raises(InputError, match="more values than the 10"):
            idx.read_idx(path, 1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2**22

    def test_a_damaged_gzip_is_refused(self, tmp_path):
        path = tmp_path / "labels.gz"
        block = gzip.compress(idx_bytes(RNG.integers(0, 256, 1000)))
        for damaged in (block[:-20], block[:40] + b"\xff\xff" + block[42:], b"no gzip"):
            path.write_bytes(damaged)
            with pytest.raises(InputError, match=r"labels\.gz: "):
                idx.read_idx(path, 1)

    @FUZZ
    @given(st.binary(max_size=64), st.booleans(), st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03\0\0\0\1"]))
    def test_any_bytes_give_an_array_or_an_input_error(self, tmp_path, content, packed, start):
        content = start + content
        (tmp_path / "x").write_bytes(content)
        (tmp_path / "x.gz").write_bytes(gzip.compress(content) if packed else content)
        for path in (tmp_path / "x", tmp_path / "x.gz"):
            for ndim in (1, 3):
                try:
                    values = idx.read_idx(path, ndim)
                except InputError:
                    continue
                assert idx_bytes(values) == content


class TestCIFAR:
    def test_images_and_labels_are_those_of_the_files(self, small_cifar):
        folder, records = small_cifar
        data = cifar10(folder)
        train = records[:5].reshape(10, 3073)
        np.testing.assert_array_equal(data.labels, train[:, 0])
        np.testing.assert_allclose(data.points, train[:, 1:] / 255, rtol=1e-6)
        np.testing.assert_allclose(data.test_points, records[5][:, 1:] / 255, rtol=1e-6)
        assert data.points[0].reshape(cifar.SHAPE).shape == (3, 32, 32)

    def test_the_python_version_is_named_and_not_read(self, small_cifar):
        folder, _ = small_cifar
        (folder / "data_batch_3.bin").rename(folder / "data_batch_3")
        with pytest.raises(InputError, match=r"data_batch_3: is of the Python version, a pickle.*binary version"):
            cifar10(folder)

    def test_a_missing_file_is_named_with_where_to_get_it(self, small_cifar):
        folder, _ = small_cifar
        (folder / "test_batch.bin").unlink()
        with pytest.raises(InputError, match=r"holds no test_batch.bin.*https://www.cs.toronto.edu"):
            cifar10(folder)

    @pytest.mark.parametrize(
        ("content", "found"),
        [(b"", "0 bytes"), (bytes(3074), "3074 bytes"), (b"\x0a" + bytes(3072), "a class 10 where there are 10")],
    )
    def test_what_is_no_such_file_is_refused(self, tmp_path, content, found):
        (tmp_path / "x.bin").write_bytes(content)
        with pytest.raises(InputError, match=found):
            cifar.read_records(tmp_path / "x.bin")

    @FUZZ
    @given(st.binary(max_size=40), st.integers(0, 3), st.integers(-1, 1))
    def test_any_bytes_give_records_or_an_input_error(self, tmp_path, start, count, more):
        content = (start + bytes(3073 * count))[: max(0, 3073 * count + more)]
        (tmp_path / "x.bin").write_bytes(content)
        try:
            records = cifar.read_records(tmp_path / "x.bin")
        except InputError:
            return
        assert records.tobytes() == content
        assert records[:, 0].max() < 10


class TestBuiltIn:
    def test_digits_are_split_as_asked_and_the_same_for_a_seed(self):
        data = digits(test=97, seed=3)
        assert data.shape == (1700, 64)
        assert len(data.test_points) == 97
        assert data.points.max() == 1
        np.testing.assert_array_equal(data.labels, digits(test=97, seed=3).labels)
        assert (data.labels != digits(test=97, seed=4).labels).any()

    def test_digits_keep_their_labels(self):
        from sklearn.datasets import load_digits

        points, labels = load_digits(return_X_y=True)
        data = digits()
        kept = {p.tobytes(): label for p, label in zip((points / 16).astype(np.float32), labels, strict=True)}
        assert all(kept[p.tobytes()] == label for p, label in zip(data.points, data.labels, strict=True))

    @pytest.mark.parametrize("test", [0, 1797])
    def test_none_on_one_side_is_refused(self, test):
        with pytest.raises(InputError, match="whole number from 1 to 1796"):
            digits(test=test)

    def test_irises(self):
        points = iris()
        assert points.shape == (150, 4)
        np.testing.assert_array_equal(points.points[0], [5.1, 3.5, 1.4, 0.2])

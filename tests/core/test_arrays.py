"""Arrays of other libraries: where they lie, what they are called, and what is said where one is not there."""

import subprocess
import sys

import numpy as np
import pytest

from proxiscope.core import InputError, NotEnoughMemoryError, arrays
from proxiscope.core.threads import elementwise, parallel, suited
from proxiscope.phase import kernels

DEVICES = ["cpu", "torch-cpu"]
every_device = pytest.mark.parametrize("device", DEVICES)


@pytest.fixture(autouse=True)
def _torch(request):
    if "torch" in str(getattr(request.node, "callspec", None) and request.node.callspec.params):
        pytest.importorskip("torch")


@every_device
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "bool", "int64"])
def test_an_array_goes_to_a_device_and_comes_back(device, dtype):
    values = np.arange(6).reshape(2, 3).astype(dtype)
    there = arrays.place(values, device)
    assert arrays.device_of(there) == device
    assert arrays.dtype_name(there) == dtype
    assert tuple(there.shape) == (2, 3)
    back = arrays.on_host(there)
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)
    assert arrays.place(there, device) is there
    assert (there is values) == (device == "cpu")


def test_what_is_placed_on_another_device_shares_no_memory():
    pytest.importorskip("torch")
    values = np.ones(3, np.float32)
    values.flags.writeable = False
    there = arrays.place(values, "torch-cpu")
    there *= 2
    assert values.tolist() == [1, 1, 1]
    assert arrays.on_host(there).tolist() == [2, 2, 2]


@every_device
def test_zeros_and_copies_lie_where_they_should(device):
    found = arrays.zeros((2, 3), np.complex64, device)
    copy = arrays.copied(found)
    copy += 1
    assert arrays.device_of(found) == arrays.device_of(copy) == device
    assert arrays.dtype_name(found) == arrays.dtype_name(copy) == "complex64"
    assert not arrays.on_host(found).any()
    assert arrays.on_host(copy).all()


@every_device
def test_only_arrays_are_arrays(device):
    assert arrays.is_array(arrays.zeros((2,), np.float32, device))
    assert not any(arrays.is_array(value) for value in (None, 1.0, np.float32(1), [1.0], "cpu"))


def test_a_device_that_there_is_not_is_refused_with_a_remedy(monkeypatch):
    with pytest.raises(InputError, match=r"device: there is no 'gpu'. Choose cpu or one of cuda"):
        arrays.namespace("gpu")
    monkeypatch.setitem(sys.modules, "cupy", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "array_api_compat.cupy", raising=False)
    with pytest.raises(InputError, match=r"device: cupy, .*cannot be imported.*pip install cupy-cuda12x"):
        arrays.namespace("cupy")


def test_pytorch_without_a_gpu_is_refused_with_a_remedy(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"device: cuda, and torch finds no GPU. Choose cpu"):
        arrays.namespace("cuda")


@every_device
def test_a_job_larger_than_the_room_on_a_device_is_refused(device):
    have = arrays.room(device)
    assert have > 0
    arrays.check_room("er", have / 2, device, "Bin.")
    words = "are available. Bin." if device == "cpu" else f"are available for {device}. Bin."
    with pytest.raises(NotEnoughMemoryError, match=words):
        arrays.check_room("er", 10 * have, device, "Bin.")


def test_room_on_a_gpu_is_what_is_free_and_what_pytorch_holds_in_reserve(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (100, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 70)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 30)
    assert arrays.room("cuda") == 140


def test_no_library_is_imported_before_a_device_asks_for_it():
    code = (
        "import sys, numpy as np, proxiscope.phase\n"
        "from proxiscope.core import arrays, iterate\n"
        "from proxiscope.phase import ER, DiffractionPattern\n"
        "pattern = DiffractionPattern(np.ones((16, 16)))\n"
        "list(iterate(ER(max_iterations=2), pattern))\n"
        "arrays.is_array(arrays.place(np.ones(2), 'cpu'))\n"
        "print(sorted({'torch', 'cupy', 'array_api_compat.torch', 'array_api_compat.cupy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_arrays_of_another_library_go_to_the_counterpart_of_a_kernel():
    torch = pytest.importorskip("torch")
    u, g = torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0])
    assert suited(kernels.feedback, np.ones(2)) is kernels.feedback
    assert suited(kernels.feedback, u) is not kernels.feedback
    elementwise(kernels.feedback, (g, u), np.float32(0.5))
    assert g.tolist() == [9.5, 19.0]


def test_threads_of_the_pool_may_compute_with_pytorch():
    torch = pytest.importorskip("torch")
    found = [None] * 8

    def task(i):
        found[i] = torch.fft.irfftn(torch.fft.rfftn(torch.full((32, 32), float(i))), s=(32, 32)).mean().item()

    parallel(task, [(i,) for i in range(8)])
    np.testing.assert_allclose(found, range(8), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.bool_, np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("shape", [(), (1,), (3, 5, 7), (2, 0)])
def test_arrays_on_the_processor_start_on_a_cache_line(shape, dtype):
    values = np.ones(shape, dtype)
    made = [arrays.zeros(shape, dtype, "cpu"), arrays.empty(shape, dtype), arrays.copied(values)]
    for array in made:
        assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
        assert array.flags.c_contiguous
        assert not array.size or array.ctypes.data % arrays.LINE == 0
    assert not made[0].any()
    assert made[2].all()
    made[2][...] = 0
    assert values.all()  # nothing is shared


def test_a_copy_keeps_the_order_of_its_memory():
    values = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    assert arrays.copied(values).flags.f_contiguous
    np.testing.assert_array_equal(arrays.copied(values), values)

"""Arrays of other libraries and devices in place of NumPy's, through the array API standard.

An algorithm that takes a `Device` is written once. Its arrays are made by `place`, and come back by `on_host`. No
library but NumPy is imported unless a device asks for it.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from math import prod
from typing import Annotated, Any, Literal

import array_api_compat
import numpy as np
from numpy.typing import DTypeLike, NDArray

from .errors import InputError, NotEnoughMemoryError
from .later import Later
from .marks import Doc, Group, Label
from .memory import Proposal, available, in_words

Device = Annotated[
    Literal["cpu", "cuda", "cupy", "torch-cpu"],
    Label("Compute on"),
    Doc("Processor by compiled kernels (cpu), or a GPU by PyTorch (cuda) or CuPy; torch-cpu is PyTorch's processor."),
    Group("Computing", preset=False),
]

_LIBRARIES = {"cuda": "torch", "torch-cpu": "torch", "cupy": "cupy"}

_INSTALL = {
    "torch": "Install PyTorch (pip install torch), with CUDA for a GPU, or choose cpu",
    "cupy": "Install CuPy for your version of CUDA (pip install cupy-cuda12x), or choose cpu",
}

LINE = 64
"""Bytes of a cache line."""

_torch, _cupy = Later("torch"), Later("cupy")


def namespace(device: str) -> Any:
    """The array API namespace of a `Device`, NumPy's for the processor.

    Raises
    ------
    InputError
        If its library is not installed, or there is no such device.
    """
    if device == "cpu":
        return np
    library = _LIBRARIES.get(device)
    if library is None:
        raise InputError("device", f"there is no {device!r}", f"Choose cpu or one of {', '.join(_LIBRARIES)}")
    try:
        found = import_module(f"array_api_compat.{library}")
    except ImportError as error:
        raise InputError(
            "device", f"{device}, and {library} cannot be imported ({error})", _INSTALL[library]
        ) from error
    if device in ("cuda", "cupy") and not _gpus(device):
        remedy = f"Choose cpu, or check the GPU's driver and that your {library} is one for CUDA"
        raise InputError("device", f"{device}, and {library} finds no GPU", remedy)
    return found


def namespace_of(*arrays: Any) -> Any:
    """The array API namespace of arrays, all of one library."""
    return np if isinstance(arrays[0], np.ndarray) else array_api_compat.array_namespace(*arrays)


def place(array: Any, device: str) -> Any:
    """An array of any library on a device: a copy of a NumPy array, or itself where it is there already.

    Raises
    ------
    InputError
        As for `namespace`.
    """
    if device_of(array) == device:
        return array
    xp, array = namespace(device), on_host(array)
    return xp.asarray(array, copy=True, **_where(device))


def zeros(shape: tuple[int, ...], dtype: DTypeLike, device: str) -> Any:
    """An array of zeros on a device, of a dtype as NumPy knows it."""
    return _made("zeros", shape, dtype, device)


def empty(shape: tuple[int, ...], dtype: DTypeLike, device: str = "cpu") -> Any:
    """An array on a device with anything in it, of a dtype as NumPy knows it."""
    return _made("empty", shape, dtype, device)


def _made(how: str, shape: tuple[int, ...], dtype: DTypeLike, device: str) -> Any:
    """As NumPy makes it, but on a cache line, from where kernels read a fifth faster; or as another library does."""
    if device != "cpu":
        xp = namespace(device)
        return getattr(xp, how)(shape, dtype=getattr(xp, np.dtype(dtype).name), **_where(device))
    count, size = prod(shape), np.dtype(dtype).itemsize
    buffer = getattr(np, how)(count + LINE // size, dtype)
    start = -buffer.ctypes.data % LINE // size
    return buffer[start : start + count].reshape(shape)


def copied(array: Any) -> Any:
    """A copy of an array of any library, where that lies."""
    if not isinstance(array, np.ndarray) or not array.flags.c_contiguous:
        return namespace_of(array).asarray(array, copy=True)
    copy = empty(array.shape, array.dtype)
    np.copyto(copy, array)
    return copy


def on_host(array: Any) -> NDArray[Any]:
    """An array of any library as one of NumPy; itself if it is. On PyTorch's processor they share their memory."""
    if array_api_compat.is_torch_array(array):
        return array.numpy(force=True)
    return array.get() if array_api_compat.is_cupy_array(array) else array


def is_array(value: Any) -> bool:
    """Whether a value is an array of NumPy or of one of the libraries, which are not imported to find out."""
    others = array_api_compat.is_torch_array, array_api_compat.is_cupy_array
    return isinstance(value, np.ndarray) or any(is_one(value) for is_one in others)


def device_of(array: Any) -> str:
    """The `Device` on which an array lies."""
    if array_api_compat.is_cupy_array(array):
        return "cupy"
    if array_api_compat.is_torch_array(array):
        return "cuda" if array.device.type == "cuda" else "torch-cpu"
    return "cpu"


def dtype_name(array: Any) -> str:
    """The name of an array's dtype, the same for all libraries: ``"float32"``."""
    return str(array.dtype).removeprefix("torch.")


def room(device: str) -> int:
    """Bytes that a job may take on a device, which is host memory for a processor.

    What the libraries hold in reserve of a GPU counts as free.

    Raises
    ------
    InputError
        As for `namespace`.
    """
    namespace(device)
    if device == "cuda":
        return _torch.cuda.mem_get_info()[0] + _torch.cuda.memory_reserved() - _torch.cuda.memory_allocated()
    if device == "cupy":
        return _cupy.cuda.runtime.memGetInfo()[0] + _cupy.get_default_memory_pool().free_bytes()
    return available()


def check_room(
    name: str,
    need: float,
    device: str,
    remedy: str,
    proposals: Callable[[int], Iterable[Proposal]] = lambda have: (),
) -> None:
    """Raise NotEnoughMemoryError where a job called `name` needs more bytes than there is room for on a device.

    It says what `proposals` finds for the bytes that there are, or else the `remedy`.
    """
    have = room(device)
    if need > have:
        there, found = "" if device == "cpu" else f" for {device}", tuple(proposals(have))
        error = NotEnoughMemoryError(
            f"{name} needs about {need / 1e9:.3g} GB for this problem and {have / 1e9:.3g} GB are available{there}. "
            f"{in_words(found) or remedy}"
        )
        error.proposals = found
        raise error


def _where(device: str) -> dict[str, str]:
    """What PyTorch has to be told of a device."""
    return {"cuda": {"device": "cuda"}, "torch-cpu": {"device": "cpu"}}.get(device, {})


def _gpus(device: str) -> int:
    if device == "cuda":
        return _torch.cuda.device_count() if _torch.cuda.is_available() else 0
    try:
        return _cupy.cuda.runtime.getDeviceCount()
    except Exception:  # CuPy's own error for a missing driver
        return 0

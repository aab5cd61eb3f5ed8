"""Projectors: a volume to its tilt series and back."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.errors import InputError
from .array_fourier_slice import ArrayFourierSliceProjector
from .bilinear_slice import BilinearSliceProjector
from .fourier_slice import FourierSliceProjector
from .general import GeneralProjector
from .general_fourier_slice import GeneralFourierSliceProjector
from .linear_operator import LinearOperator, Projector
from .single_axis import SingleAxisProjector, packed_slices

__all__ = [
    "ArrayFourierSliceProjector",
    "BilinearSliceProjector",
    "FourierSliceProjector",
    "GeneralFourierSliceProjector",
    "GeneralProjector",
    "LinearOperator",
    "Projector",
    "SingleAxisProjector",
    "check_device",
    "memory",
    "packed_slices",
    "projector",
]

_SINGLE_AXIS: dict[str, Any] = {
    "real-space": SingleAxisProjector,
    "fourier-slice": FourierSliceProjector,
    "thesis": BilinearSliceProjector,
}
_GENERAL: dict[str, Any] = {"real-space": GeneralProjector, "fourier-slice": GeneralFourierSliceProjector}


def projector(
    kind: str,
    rotations: ArrayLike,
    shape: tuple[int, int],
    volume: tuple[int, int, int] | None = None,
    shifts: ArrayLike | None = None,
    device: str = "cpu",
) -> Projector:
    """The projector of a kind for given tilts; that of a single axis where all turn about y alone.

    Parameters
    ----------
    kind : {"real-space", "fourier-slice", "thesis"}
        Along rays; by the Fourier slice theorem; or the thesis' own pair, which takes a single axis only.
    rotations : array_like, (tilt, 3)
        Euler triples (phi, theta, psi) in degrees.
    shape : tuple of int
        Detector (ny, nx).
    volume : tuple of int, optional
        Voxels (nz, ny, nx); as many as the detector has, and as deep as wide, by default.
    shifts : array_like, (tilt, 2), optional
        Where the rotation centre appears on the detector, (dy, dx) in pixels from pixel n // 2.
    device : str
        A `Device`, on which its arrays lie.

    Raises
    ------
    InputError
        As `check_device` says, or if there is no such device.
    """
    rotations = np.asarray(rotations, np.float64)
    if device != "cpu":
        check_device(kind, rotations, shape, volume, shifts, device)
        return ArrayFourierSliceProjector(rotations[:, 1], shape, volume, device=device)
    if _single_axis(rotations, shape, volume, shifts):
        return _SINGLE_AXIS[kind](rotations[:, 1], shape, volume)
    return _GENERAL[kind](rotations, shape, volume, shifts)


def check_device(
    kind: str,
    rotations: ArrayLike,
    shape: tuple[int, int],
    volume: tuple[int, int, int] | None,
    shifts: ArrayLike | None,
    device: str,
) -> None:
    """Raise InputError unless a projector of that kind runs on a device; arguments as `projector`."""
    if device == "cpu":
        return
    if kind != "fourier-slice":
        raise InputError("device", f"{device} with the {kind} projector", "Choose the projector fourier-slice, or cpu")
    if not _single_axis(np.asarray(rotations, np.float64), shape, volume, shifts):
        raise InputError(
            "device",
            f"{device} for tilts about z or x, shifts, or a volume of another height than the detector",
            "Choose cpu: elsewhere the projector takes a single tilt axis along y, phi = psi = 0",
        )


def memory(
    kind: str,
    rotations: ArrayLike,
    shape: tuple[int, int],
    volume: tuple[int, int, int],
    shifts: ArrayLike | None,
    device: str = "cpu",
) -> int:
    """Bytes that a projector of that kind holds or needs for a moment, an upper estimate; arguments as `projector`."""
    rotations = np.asarray(rotations, np.float64)
    if device != "cpu":
        return ArrayFourierSliceProjector.memory(rotations[:, 1], shape, volume, device)
    if _single_axis(rotations, shape, volume, shifts):
        return _SINGLE_AXIS[kind].memory(rotations[:, 1], shape, volume)
    return _GENERAL[kind].memory(rotations, shape, volume, shifts)


def _single_axis(
    rotations: NDArray[Any], shape: tuple[int, int], volume: tuple[int, int, int] | None, shifts: ArrayLike | None
) -> bool:
    """Whether slices along y can be projected one by one."""
    shifted = shifts is not None and np.any(shifts)
    return not (rotations[:, [0, 2]].any() or shifted) and (volume is None or volume[1] == shape[0])

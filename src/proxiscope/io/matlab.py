"""MATLAB .mat, version 5 and 7.3 (which is HDF5)."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.core.hdf5_attributes import attribute
from proxiscope.io import matlab5
from proxiscope.io.raw import ANGLES, Found, choose, nbytes_of, no_variable, others

_NUMERIC = (
    "double", "single", "logical", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
)  # fmt: skip


def read(path: Path, variable: str | None = None) -> Found:
    """Read an array of a .mat file.

    MATLAB users store images as rows and columns, and stacks and volumes as (x, y, tilt) and (x, y, z), with
    the tilt axis along y (GENFIRE, RESIRE). A stack or volume is therefore turned to (tilt, y, x), (z, y, x).

    Parameters
    ----------
    path : Path
        The file.
    variable : str, optional
        The array to read; else the largest.

    Returns
    -------
    Found
        Data (y, x), (tilt, y, x) or (z, y, x), and angles of the same file.
    """
    source = _open(path)
    images = {
        name: shape for name, shape in source.shapes.items() if len(shape) in (2, 3) and not _is_angles(name, shape)
    }
    sizes = {name: nbytes_of(shape, 1) for name, shape in images.items() if min(shape) > 1}
    if variable is not None and variable not in source.shapes:
        raise no_variable(path, variable, list(source.shapes))
    name = variable or choose(path, sizes)
    data = source.load(name)
    notes = others(name, list(sizes))
    turned = data.ndim == 3
    if turned:
        data = data.transpose(2, 1, 0)
        notes += (f"{name} is taken as MATLAB's (x, y, z or tilt) and turned to {data.shape}.",)
    angles = tuple(
        (f"{key} in {path.name}", source.load(key))
        for key, shape in source.shapes.items()
        if key != name and _is_angles(key, shape)
    )
    return Found(data, angles, notes=notes, turned=turned)


def read_angles(path: Path) -> NDArray[Any]:
    """The angles of a .mat file, as stored: a variable named like angles, else the only one that may be."""
    source = _open(path)
    small = {name: shape for name, shape in source.shapes.items() if len(shape) == 2 and min(shape) in (1, 3)}
    named = [name for name in small if ANGLES.match(name)]
    names = named or list(small)
    if len(names) != 1:
        found = f"holds several candidates for angles: {', '.join(names)}" if names else "holds no angles"
        raise InputError(path.name, found, "Keep one variable of n angles, or n by 3 Euler triples, in the file.")
    return source.load(names[0])


def _is_angles(name: str, shape: tuple[int, ...]) -> bool:
    return bool(ANGLES.match(name)) and len(shape) == 2 and min(shape) in (1, 3) and max(shape) > 1


class _Version5:
    def __init__(self, path: Path):
        self._file = matlab5.File(path)
        self.shapes = {name: variable.shape for name, variable in self._file.variables.items()}

    def load(self, name: str) -> NDArray[Any]:
        return self._file.load(name)


class _Version73:
    """Variables as MATLAB shows them; HDF5 has their axes reversed."""

    def __init__(self, path: Path):
        from proxiscope.io import hdf5_access as hdf5

        self.path, self._hdf5 = path, hdf5
        with hdf5.open_file(path) as file:
            self.shapes = {
                name: tuple(reversed(node.shape))
                for name, node in hdf5.datasets(file).items()
                if not name.startswith("#") and self._class(node) in _NUMERIC
            }

    @staticmethod
    def _class(node: Any) -> str:
        kind = attribute(node, "MATLAB_class", b"double")
        return kind.decode() if isinstance(kind, bytes) else str(kind)

    def load(self, name: str) -> NDArray[Any]:
        with self._hdf5.open_file(self.path) as file:
            node = self._hdf5.find(file, name, self.path)
            data = self._hdf5.load(node, self.path)
            return (data.astype(bool) if self._class(node) == "logical" else data).T


def _open(path: Path) -> _Version5 | _Version73:
    import h5py

    return _Version73(path) if h5py.is_hdf5(path) else _Version5(path)

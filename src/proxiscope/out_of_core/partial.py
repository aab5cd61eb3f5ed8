"""The folder of a volume that is not complete: which reconstruction it belongs to, and which slabs are done.

``NAME.partial.zarr`` is an OME-Zarr whose slabs fill up, and holds the folder ``.out_of_core`` besides: the plan,
``plan.json``, and a file of figures for each slab, which is there once all values of the slab are on the disk.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from ..core.files import _swap_folders, atomic
from ..io.raw import reading
from ..io.zarr_access import begun

_FOLDER = ".out_of_core"
_FORMAT = 1


def partial_path(output: str | Path) -> Path:
    """Where a volume lies until it is complete.

    Parameters
    ----------
    output : path-like
        The volume when it is complete.

    Returns
    -------
    Path
        ``NAME.partial.zarr``.
    """
    output = Path(output)
    return output.with_name(f"{output.stem}.partial{output.suffix}")


def is_partial(path: str | Path) -> bool:
    """Whether a path is that of a volume that is not complete yet, or is to become one.

    Parameters
    ----------
    path : path-like
        Of a volume.

    Returns
    -------
    bool
        By the name alone.
    """
    path = Path(path)
    return any((p / _FOLDER / "plan.json").is_file() for p in (path, partial_path(path)) if ".partial." in p.name)


def whole_path(path: str | Path) -> Path:
    """Where the volume lies when it is complete, from either path.

    Parameters
    ----------
    path : path-like
        Of the complete volume, or of the one that is not.

    Returns
    -------
    Path
        ``NAME.zarr``.
    """
    path = Path(path)
    return path.with_name(path.name.replace(".partial.", ".")) if is_partial(path) else path


def _makes_sense(plan: Any) -> bool:
    if not isinstance(plan, Mapping) or plan.get("format") != _FORMAT or not isinstance(plan.get("input"), Mapping):
        return False
    return all(type(plan.get(name)) is int and 0 < plan[name] < 2**31 for name in ("unit", "thickness"))


class Partial:
    """A folder ``NAME.partial.zarr``.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path):
        self.path, self._own = path, path / _FOLDER

    def plan(self) -> dict[str, Any] | None:
        """What it was made for; None where nothing is there.

        Raises
        ------
        InputError
            If something else is there, or links.
        """
        file = self._own / "plan.json"
        if not self.path.exists():
            return None
        if any(one.is_symlink() for one in self.path.rglob("*")):  # a chunk would be written wherever they lead
            raise InputError(str(self.path), "has links in it", "Remove them, or give another name")
        try:
            plan = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            plan = None
        if not _makes_sense(plan):
            raise InputError(str(self.path), "has no plan of a reconstruction in it", "Remove it, or give another name")
        return dict(plan)

    def create(self, plan: Mapping[str, Any], shape: tuple[int, int, int], pixel_size: float | None) -> None:
        """Make the folder, complete or not at all."""
        from ..io.writing.zarr import created

        with atomic(self.path, folder=True) as temporary:
            options = {"kind": "result", "pixel_size": pixel_size, "thickness": plan["unit"]}
            created(temporary, shape, np.float32, **options)
            (temporary / _FOLDER).mkdir()
            (temporary / _FOLDER / "plan.json").write_text(json.dumps({"format": _FORMAT, **plan}), encoding="utf-8")

    def check_mark(self, mark: Any) -> None:
        """Raise InputError unless the plan still has that mark: another process may have finished it, or begun anew."""
        plan = self.plan()
        if plan is None or plan.get("mark") != mark:
            found = f"was {'finished or removed' if plan is None else 'begun anew'} meanwhile, by another process"
            raise InputError(str(self.path), found, "Let one at a time write a volume")

    def write(self, volume: NDArray[np.float32], number: int, slices: tuple[int, int], **figures: NDArray[Any]) -> None:
        """Write a slab (z, y, x), and once it is on the disk the figures that say that it is done."""
        from ..io.writing.zarr import put

        group = begun(self.path)
        with reading(self.path, "a Zarr that is not complete"):  # its metadata may be damaged
            try:
                put(group, volume, first=slices[0])
                self._flush(group, slices)
            except OSError as error:
                found = f"cannot be written ({error.strerror or error})"
                raise InputError(str(self.path), found, "Make room, then give the same again") from error
        with atomic(self._figures(number)) as temporary, temporary.open("wb") as file:
            np.savez(file, **cast("dict[str, Any]", figures))

    def _flush(self, group: Any, slices: tuple[int, int]) -> None:
        """Have the chunks of a slab written through to the disk."""
        from ..io.writing.zarr import levels

        thick, (first, last) = group["0"].chunks[1], slices
        for level in range(len(levels(group["0"].shape))):
            for y in range(first // thick, -(-last // thick)):
                for chunk in (self.path / str(level) / "c").glob(f"*/{y}/*"):
                    with chunk.open("rb") as file:
                        os.fsync(file.fileno())

    def done(self) -> set[int]:
        """Numbers of the slabs that are done."""
        return {int(file.stem) for file in self._own.glob("[0-9]*.npz")}

    def figures(self, number: int) -> dict[str, NDArray[Any]]:
        """Those of a slab that is done."""
        try:
            with np.load(self._figures(number), allow_pickle=False) as file:
                if any(entry.compress_type for entry in file.zip.infolist()):  # ours are not; these unpack to any size
                    raise ValueError("it is compressed")
                return {name: file[name] for name in file.files}
        except Exception as error:  # whatever damaged bytes make the libraries raise
            raise InputError(
                str(self._figures(number)), f"cannot be read ({error})", "Remove it: its slab is done again"
            ) from error

    def _figures(self, number: int) -> Path:
        return self._own / f"{number:06d}.npz"

    def finish(self, target: Path, document: Mapping[str, Any]) -> None:
        """Put the record in, and the volume in its place."""
        from ..io.document import FORMAT

        begun(self.path).attrs[FORMAT] = dict(document)
        _swap_folders(self.path, target)
        shutil.rmtree(target / _FOLDER, ignore_errors=True)

"""A series that stays on disk, reconstructed slab by slab into a Zarr, in a thread of its own. No Qt here."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core import Algorithm, InputError
from ..core.engine import Dropped, InProcess, dropping
from .iterates import Frame
from .layers import note, sampled_limits
from .recipes import as_stored, origin_of, table_of
from .run import Run
from .worker import Status, log_unforeseen

if TYPE_CHECKING:
    from ..out_of_core import SeriesOnDisk, SlabsDone
    from .tilts import Tilts

REMEDY = "Save the layer to a file (.zarr, .h5, .mrc), open that, and run again; or reconstruct in slabs in memory"


class OutOfCoreRun(Run):
    """Goes on from the slabs that are done already; what is done stays on disk whatever becomes of the run.

    Parameters
    ----------
    algorithm : Algorithm
    series : callable
        Returns the `SeriesOnDisk`. Called in the thread.
    output : Path
        The Zarr of the volume.
    seed : int
    slices : int
        Thickness of a slab; 0 for what the memory allows.
    memory_limit : float
        In GB; 0 for what is available.
    """

    keeps: ClassVar[bool] = False  # the slabs that are done are kept anyway

    def __init__(
        self,
        algorithm: Algorithm,
        series: Callable[[], "SeriesOnDisk"],
        output: Path,
        seed: int,
        slices: int,
        memory_limit: float,
    ):
        super().__init__(algorithm, lambda: _problem(series()), seed)
        self.output, self._series = output, series
        self._options = {"slices": slices, "memory_limit": memory_limit}
        self.total, self._begun = 0, 0.0

    def _work(self) -> None:
        status = Status.FAILED
        try:
            result = self._reconstructed()
            if result is not None:
                low, high = sampled_limits(result.array, clipped=0)
                self.result_frame, self.result = Frame(result.array, low, high), result
                status = Status.DONE
        except Dropped:
            pass
        except Exception as error:
            if not self.ending:
                log_unforeseen(self._thread.name, error)
                self.error = error.with_traceback(None)
        finally:
            self._leave_engine()
            if self.ending and status is Status.FAILED:
                status = Status.CANCELLED if self._cancel else Status.STOPPED
                if self.iteration:
                    self.remark = f"{self.iteration} of {self.total} slabs are done: Run into the same .zarr goes on."
            self.status = status

    def _reconstructed(self) -> Any:
        from ..out_of_core import reconstruct_out_of_core

        self._join_engine()
        if self.ending:
            raise Dropped
        self.doing = "The first slab is under way."
        self._begun = time.perf_counter()
        engine = self._engine or InProcess(1)
        with nullcontext() if self.run_on else dropping(lambda: self.ending):
            return reconstruct_out_of_core(
                self.algorithm, self._series(), self.output, seed=self.seed, engine=engine, callback=self._told,
                **self._options,
            )  # fmt: skip

    def _told(self, done: "SlabsDone") -> bool:
        self.iteration, self.total = done.done, done.total
        self.seconds = time.perf_counter() - self._begun
        self._hold()
        return self.ending

    def stop(self) -> None:
        """End after the iteration in progress; what is done stays on disk."""
        super().stop()
        self._free_engine()


def series_on_disk(layer: Any, tilts: "Tilts", **options: Any) -> Callable[[], "SeriesOnDisk"]:
    """A function that returns the series of a layer by its file, for the worker thread.

    Parameters
    ----------
    layer : Layer
    tilts : Tilts
        As they are used.
    **options
        As of `SeriesOnDisk`, with the tilt axis as in the layer.

    Raises
    ------
    InputError
        If no file holds the series as it is used.
    """
    origin, angles = origin_of(layer), table_of(tilts)
    if origin is None or origin.steps:
        found = "it was prepared, or made in napari" if origin else "no file holds it as it is"
        raise InputError(layer.name, f"is not on disk: {found}", REMEDY)
    if angles.ndim != 1:
        raise InputError(layer.name, "its tilts are not about y alone, or shifted", "Reconstruct it in slabs in memory")
    if origin.order is not None:
        angles = as_stored(angles, origin.order)
    if origin.turned:
        if options.get("tilt_axis") not in (None, "y"):
            raise InputError("Tilt axis", "turned in the file and once more here", "Leave it along y")
        options["tilt_axis"] = "x"

    def make() -> "SeriesOnDisk":
        from ..out_of_core import SeriesOnDisk

        pixel_size = note(layer, "pixel_size")
        return SeriesOnDisk(origin.path, angles=np.asarray(angles), pixel_size=pixel_size, **options)

    return make


def _problem(series: "SeriesOnDisk") -> Any:
    """The whole series in memory, which only somebody asks for who means it."""
    from ..io.rebuild import problem_of

    return problem_of(series.open().recipe())

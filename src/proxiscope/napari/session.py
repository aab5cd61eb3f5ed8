"""The preparation of one data set. No Qt here; the work is for a worker thread."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..io.preparing import read_beside
from ..preparation import History, Images, Step, Tools
from .layers import sampled_limits
from .recipes import origin_of
from .worker import Cancelled

Tick = Callable[[float], None]


class Raw(NamedTuple):
    """The data of a layer as they are, which may not be in memory yet.

    `usable` is the array of a labels layer with whether its labels mark usable pixels, or the others.
    """

    name: str
    data: Any
    family: str
    rotations: NDArray | None = None
    shifts: NDArray | None = None
    pixel_size: float | None = None
    squared: bool = False
    usable: tuple[Any, bool] | None = None

    def same(self, other: "Raw") -> bool:
        """Whether these are the same data, taken in the same way."""
        arrays = {"data", "rotations", "shifts", "usable"}
        mine, others = ({k: v for k, v in raw._asdict().items() if k not in arrays} for raw in (self, other))
        masks = [None if raw.usable is None else id(raw.usable[0]) for raw in (self, other)]
        tilts = all(np.array_equal(getattr(self, n), getattr(other, n)) for n in ("rotations", "shifts"))
        return mine == others and self.data is other.data and masks[0] == masks[1] and tilts

    def images(self, some: slice = slice(None)) -> Images:
        """All images, or some of those of a stack; raises InputError."""
        stack = self.data.ndim == 3
        values = np.asarray(self.data[some] if stack else self.data)
        valid = None
        if self.usable is not None:
            labels, marks_usable = self.usable
            labels = np.asarray(labels[some] if stack and labels.ndim == 3 else labels)
            valid = (labels != 0) == marks_usable
        tilted = self.family == "tomography"
        return Images(
            values=np.square(values, dtype=np.float32) if self.squared else values,
            valid=valid,
            family=self.family,
            rotations=self.rotations[some] if tilted and self.rotations is not None else None,
            shifts=self.shifts[some] if tilted and self.shifts is not None else None,
            pixel_size=self.pixel_size,
        )


class Prepared(NamedTuple):
    """Images after the last step, ready to be shown: values with NaN where they are not usable, and their range."""

    images: Images
    values: NDArray
    limits: tuple[float, float]


class Outcome(NamedTuple):
    """What came of a chain of steps: how many were done, and why it ended before its end, if it did."""

    prepared: Prepared | None
    done: int = 0
    error: Exception | None = None
    cancelled: bool = False


class Preview(NamedTuple):
    """One image after a step, by what factor its pixels grew, and what the step found."""

    prepared: Prepared
    growth: float
    found: tuple[str, ...]


class Session:
    """The steps done on one data set.

    Parameters
    ----------
    raw : Raw
    source : napari.layers.Layer
        Whose data they are.

    Attributes
    ----------
    steps : tuple of Step
        Those that were applied; changes only between two pieces of work.
    remarks : list of tuple of str
        What each of them found.
    output : napari.layers.Layer or None
        Where the result is shown.
    origin : Origin or None
        Of the source.
    limits : tuple of float
        The contrast that the output was given last.
    """

    def __init__(self, raw: Raw, source: Any):
        self.raw, self.source, self.output = raw, source, None
        changed = raw.usable is not None or raw.squared  # which `load` does not do before the first step
        self.origin = None if changed else origin_of(source)
        self.limits: tuple[float, ...] = ()
        self.steps: tuple[Step, ...] = ()
        self.remarks: list[tuple[str, ...]] = []
        self._history: History | None = None
        self._remarks: list[tuple[str, ...]] = []

    @property
    def images(self) -> Images | None:
        """After the last step; None before the first."""
        return None if self._history is None else self._history.images

    def settle(self) -> None:
        """Take over what the last piece of work did; for the thread that shows it, once the work has ended."""
        if self._history is not None:
            self.steps, self.remarks = self._history.steps, list(self._remarks)

    # ---- for the worker thread

    def apply(self, chain: Sequence[Step | Mapping[str, Any]], tick: Tick) -> Outcome:
        """Apply steps up to the first that fails or is cancelled; those before it stay applied."""
        done, error, cancelled = 0, None, False
        try:
            history = self._begin(tick)
            for one in chain:
                tools = Tools(read_beside, lambda f, done=done: tick((done + f) / len(chain)))
                before = len(history.images.remarks)
                history.apply(one, tools)
                try:
                    tools.tick(1.0)
                except Cancelled:  # asked for during a step that does not ask
                    history.undo(Tools(read_beside))
                    raise
                done += 1
                self._remarks.append(history.images.remarks[before:])
        except Cancelled:
            cancelled = True
        except Exception as caught:
            error = caught
        return Outcome(prepared(self._history.images) if done else None, done, error, cancelled)

    def undo(self, tick: Tick) -> Outcome:
        """Take the last step back."""
        images = self._begin(tick).undo(Tools(read_beside, tick))
        del self._remarks[-1:]
        return Outcome(prepared(images), 1)

    def preview(self, one: Step, index: int, tick: Tick) -> Preview:
        """What a step makes of one image; nothing is changed by it."""
        if self._history is None:
            images = self.raw.images(slice(index, index + 1))
        else:
            images = self._history.images
            images = images.subset([index]) if images.values.ndim == 3 else images
        before = images.copy_with(pixel_size=1.0)  # so that the step tells how pixels grow
        after = one(before, Tools(read_beside, tick))
        tick(1.0)
        growth = after.pixel_size or 1.0
        if after.family == "phase":  # of which the pixel size is that of the reconstruction
            growth = before.shape[-1] / (after.shape[-1] * growth)
        return Preview(prepared(after), growth, after.remarks[len(before.remarks) :])

    def _begin(self, tick: Tick) -> History:
        if self._history is None:
            from ..io.raw import require_memory

            size = 4 * int(np.prod(self.raw.data.shape))
            require_memory(3 * size, Path(self.raw.name))  # the images, their usable pixels, and a first step's result
            tick(0.0)
            self._history = History(self.raw.images())
            tick(0.0)
        return self._history


def prepared(images: Images) -> Prepared:
    """Images as they are shown."""
    values = images.values if images.valid.all() else np.where(images.valid, images.values, np.float32(np.nan))
    return Prepared(images, values, sampled_limits(values, clipped=0.001 if images.family == "tomography" else 0))

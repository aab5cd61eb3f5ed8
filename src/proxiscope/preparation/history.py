"""Steps that can be taken back."""

from collections.abc import Mapping
from typing import Any

from .images import Images
from .step import Step, Tools, apply_steps, as_step


class History:
    """A chain of steps on some images, the last of which can be undone.

    Results in between are kept as far as they fit into `memory`; what was dropped is computed again when it is wanted.

    Parameters
    ----------
    images : Images
        To begin with.
    memory : int
        Bytes that results in between may take.
    """

    def __init__(self, images: Images, memory: int = 2**31):
        self._memory = memory
        self._steps: list[Step] = []
        self._kept: dict[int, Images] = {0: images}  # by the number of steps done

    @property
    def images(self) -> Images:
        """The images after the last step."""
        return self._kept[len(self._steps)]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that were applied."""
        return tuple(self._steps)

    def apply(self, given: Step | Mapping[str, Any], tools: Tools | None = None) -> Images:
        """Apply one more step; when it fails nothing has changed."""
        one = as_step(given)
        images = one(self.images, tools)
        self._steps.append(one)
        self._kept[len(self._steps)] = images
        self._forget()
        return images

    def undo(self, tools: Tools | None = None) -> Images:
        """Take the last step back; without any, nothing happens."""
        count = max(0, len(self._steps) - 1)
        before = max(n for n in self._kept if n <= count)
        images = apply_steps(self._kept[before], self._steps[before:count], tools)
        self._kept = {n: kept for n, kept in self._kept.items() if n <= count} | {count: images}
        del self._steps[count:]
        return images

    def _forget(self) -> None:
        """Drop results in between, the oldest first, until the others fit; the first and the last stay."""
        for n in sorted(self._kept):
            arrays = {id(a): a.nbytes for kept in self._kept.values() for a in (kept.values, kept.valid)}
            if sum(arrays.values()) > self._memory and 0 < n < len(self._steps):
                del self._kept[n]

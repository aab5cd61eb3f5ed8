"""What is asked of a run from outside, and handed over when its thread comes to it. No Qt here."""

import threading
from typing import Any

from ..core import Algorithm, InputError
from .iterates import Frame, Kept, frame
from .worker import Worker


class Requests(Worker):
    """Asked by one thread, answered by another.

    Attributes
    ----------
    refused : InputError or None
        Why the last change could not be made, in which case the run is paused, or why an iterate could not be kept.
        Whoever shows it resets it.
    shown_start : int or None
        Of an ensemble, the start whose image was asked for last.
    final : Kept or None
        The last iterate, once the run has ended and kept its result.
    """

    def __init__(self, name: str):
        super().__init__(name)
        self.refused: InputError | None = None
        self.shown_start: int | None = None
        self.final: Kept | None = None
        self._keep_wanted = self._estimate_wanted = False
        self._amended: Algorithm | None = None
        self._start_wanted: int | None = None
        self._estimate: Frame | None = None
        self._start: tuple[int, Frame] | None = None
        self._handing = threading.Lock()

    def amend(self, algorithm: Algorithm) -> None:
        """Go on with another algorithm, or with other parameters, after the iteration in progress.

        Where it cannot go on from there, the run is paused and `refused` says why.
        """
        self.refused = None
        self._give("_amended", algorithm)

    def keep(self) -> None:
        """Keep the iterate in progress, to go back to."""
        self._keep_wanted = True

    def request_estimate(self) -> None:
        """Ask for the estimate of the iteration in progress; `take_estimate` gives it later."""
        self._estimate_wanted = True

    def take_estimate(self) -> Frame | None:
        """The estimate that was asked for, once; None when it is not there yet."""
        return self._take("_estimate")

    def request_start(self, start: int) -> None:
        """Ask for the image of one start of an ensemble; `take_start` gives it later."""
        self.shown_start = start
        final = self.final
        if final is not None:
            self._give("_start", (start, frame(final.state.images[start])))
        else:
            self._give("_start_wanted", start)

    def take_start(self) -> tuple[int, Frame] | None:
        """The start that was asked for with its image, once; None when it is not there yet."""
        return self._take("_start")

    def _give(self, name: str, value: Any) -> None:
        with self._handing:
            setattr(self, name, value)

    def _take(self, name: str) -> Any:
        """What was given by the other thread, once."""
        with self._handing:
            value = getattr(self, name)
            setattr(self, name, None)
            return value

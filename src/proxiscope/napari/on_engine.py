"""The part of a run that has its pieces done by a cluster. No Qt here."""

import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..core import Algorithm
from .worker import Cancelled, Worker


class OnEngine(Worker):
    """Connects in its thread, and frees what it uses as soon as it is cancelled.

    Attributes
    ----------
    run_on : str
        Where it does its pieces, such as the starts of an ensemble, as `proxiscope.cluster.connect` takes it; to be
        given before it starts.
    """

    algorithm: Algorithm
    changes: dict[int, Algorithm]

    def __init__(self, name: str):
        super().__init__(name)
        self.run_on = self.doing = ""
        self._engine: Any = None
        self._closing = threading.Lock()

    def cancel(self) -> None:
        """End after the iteration in progress, and drop the result; of a cluster at once."""
        super().cancel()
        self._free_engine()

    def _free_engine(self) -> None:
        """Close a cluster, whatever its workers are at, without waiting for it."""
        if self._engine is not None:
            threading.Thread(target=self._leave_engine, name="proxiscope-closing", daemon=True).start()

    def _join_engine(self) -> None:
        """Connect to where the starts are to be run."""
        if self.run_on:
            from ..cluster import connect

            self.doing = "Connecting to the cluster."
            self._engine = connect(self.run_on)
            if self._cancel:  # meanwhile, when there was nothing to close yet
                raise Cancelled
        self.doing = ""
        self.algorithm = on(self.algorithm, self._engine)
        self.changes = {i: on(change, self._engine) for i, change in self.changes.items()}

    def _leave_engine(self) -> None:
        """Close what was started for it; whoever comes second waits for that."""
        with self._closing:
            if self._engine is not None:
                with suppress(Exception):  # a cluster that is gone already
                    self._engine.close()


def on(algorithm: Algorithm, engine: Any) -> Algorithm:
    """An ensemble that runs on an engine; other algorithms as they are."""
    return replace(algorithm, engine=engine) if hasattr(algorithm, "engine") else algorithm

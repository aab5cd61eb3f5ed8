"""A quick look at what a run will give: one section, or a coarse version, for less than a second."""

from typing import Any, ClassVar

from .iterates import Frame
from .layers import KEY, estimate_layer
from .run import Run
from .stream import Stream

NAME = "preview"


class PreviewRun(Run):
    """A run on a small version of the problem, which ends by itself in time.

    Attributes
    ----------
    row : int
        Of a single-axis tilt series, the y of the section.
    shows : str
        What of the whole it shows, in words, once the problem is made.
    """

    keeps: ClassVar[bool] = False
    limit: ClassVar[float] = 0.5
    row = 0
    shows = ""

    def _made(self) -> Any:
        from ..previews import preview_of

        self.algorithm, problem, self.shows = preview_of(self.algorithm, self.make_problem(), self.row)
        return problem

    def _note_speed(self, problem: Any) -> None:
        """It says nothing of whole runs."""


class PreviewStream(Stream):
    """Shows a preview in a layer that no panel takes for data or for a result; a section as an image (z, x)."""

    def _shaped(self, estimate: Frame) -> Frame:
        data = estimate.data
        return estimate._replace(data=data[:, 0] if data.ndim == 3 and data.shape[1] == 1 else data)

    def _options(self, estimate: Frame) -> dict[str, Any]:
        _, options, _ = estimate_layer(estimate.data, NAME, self._scale())
        if estimate.data.ndim == 2 and self.run.algorithm.family == "tomography":
            options["axis_labels"] = ("z", "x")
        options["metadata"][KEY]["kind"] = "preview"
        return options

    def show_result(self) -> None:
        """Show the last estimate; it carries no record, since it is no result."""
        estimate = self._shaped(self.run.result_frame)
        if self.layer is None or self.layer not in self.viewer.layers:
            self._add(estimate)
        self.layer.data = estimate.data
        self._set_limits(estimate)

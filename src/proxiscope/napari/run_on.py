"""The choice where many starts, or the slabs of a large series, are computed."""

from typing import Any

from magicgui.widgets import ComboBox, LineEdit
from magicgui.widgets.bases import ValueWidget

from ..core import InputError
from . import settings
from .fields import WholeNumber
from .form import Rows

HERE, LOCAL, RUNNING = "", "local", "running"
PLACES = [("This process", HERE), ("Local cluster", LOCAL), ("Scheduler at an address", RUNNING)]
_WORKERS = 2


class RunOn:
    """Three rows: a place, and what it needs to be known of it. At first that of the last time.

    Attributes
    ----------
    widgets : list of ValueWidget
    """

    def __init__(self) -> None:
        self.place = ComboBox(
            label="Run on", choices=PLACES,
            tooltip="Where the work is done. The bits of the result are the same. A cluster takes a few seconds to "
            "start and pays for long work.",
        )  # fmt: skip
        self.workers = WholeNumber(
            label="Workers", value=_WORKERS, min=1, max=1000,
            tooltip="Processes on this machine, which end with the run. Nothing listens beyond this machine.",
        )  # fmt: skip
        self.address = LineEdit(
            label="Address",
            tooltip="Of a dask scheduler that runs, of whose workers all take part: tcp://host:8786, tls://host:8786, "
            "or the path of the file that it wrote (--scheduler-file).",
        )  # fmt: skip
        self.address.native.setPlaceholderText("tcp://host:8786")
        self.widgets: list[ValueWidget] = [self.place, self.workers, self.address]
        self._rows: Rows | None = None
        self._wanted = True
        self.text = settings.run_on()
        self.place.changed.connect(self._show)

    @property
    def text(self) -> str:
        """The place as `proxiscope.cluster.connect` takes it; raises InputError where an address is missing."""
        if self.place.value == LOCAL:
            return f"{LOCAL}:{self.workers.value}"
        address = self.address.value.strip()
        if self.place.value == RUNNING and not address:
            raise InputError("Address", "none is given", "Give that of the scheduler, such as tcp://host:8786")
        return address if self.place.value == RUNNING else HERE

    @text.setter
    def text(self, text: str) -> None:
        kind, _, count = text.partition(":")
        if kind == LOCAL:
            usable = count.isdecimal() and 1 <= int(count) <= 1000
            self.place.value, self.workers.value = LOCAL, int(count) if usable else _WORKERS
        else:
            self.place.value, self.address.value = RUNNING if text else HERE, text

    def take_over(self, other: "RunOn") -> None:
        """Keep what is chosen in another."""
        for mine, before in zip(self.widgets, other.widgets, strict=True):
            mine.value = before.value

    def chosen(self) -> str:
        """The place, which is remembered for the next time."""
        text = self.text
        settings.remember_run_on(text)
        return text

    def show_in(self, rows: Rows, wanted: bool = True) -> None:
        """Show in the rows that hold the widgets those that matter; none unless they are wanted."""
        self._rows, self._wanted = rows, wanted
        self._show()

    def _show(self, _value: Any = None) -> None:
        shown = {self.place: True, self.workers: self.place.value == LOCAL, self.address: self.place.value == RUNNING}
        for widget, matters in shown.items():
            if self._rows is not None:
                self._rows.show_row(widget, matters and self._wanted)

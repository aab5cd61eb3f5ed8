"""One function in a thread, and what becomes of it shown when it is done."""

from collections.abc import Callable
from typing import Any

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.compat import isalive

from ..core import ProxiscopeError


def in_background(
    work: Callable[[], Any],
    done: Callable[[Any], None],
    failed: Callable[[Exception], None] | None = None,
    *,
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Call `work` in a thread, and `done` with its result in the thread of the window.

    Parameters
    ----------
    work : callable
        Touches neither Qt nor layers.
    done : callable
    failed : callable, optional
        Called with what `work` raised; by default it is shown as a notification.
    wanted : callable, optional
        Asked when the work is over; where it says no, because what was to show it has gone, neither is called.
    """

    given = [work, done, failed or show_failure, wanted]
    del work, done, failed, wanted  # Qt keeps workers that have ended, which must not keep data and panels alive

    def guarded() -> tuple[Any, Exception | None]:
        try:
            return given.pop(0)(), None
        except Exception as error:  # told where it can be shown
            return None, error

    def show(found: tuple[Any, Exception | None]) -> None:
        result, error = found
        done, failed, wanted = given
        given.clear()
        if not wanted():
            return
        if error is None:
            done(result)
        else:
            failed(error)

    create_worker(guarded, _connect={"returned": show})


def show_failure(error: Exception) -> None:
    """Say what went wrong; of errors that are not ours with their type."""
    show_error(str(error) if isinstance(error, ProxiscopeError) else f"{type(error).__name__}: {error}")


def is_open(viewer: Any) -> bool:
    """Whether the window of a viewer is still there."""
    window = getattr(viewer.window, "_qt_window", None)  # which napari takes away when it closes the viewer
    return window is not None and isalive(window)

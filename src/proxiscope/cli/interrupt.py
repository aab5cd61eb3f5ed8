"""Ctrl-C, or the signal of a queue whose time is up, that waits until what is at hand is whole."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held(words: str, quiet: bool = False) -> Iterator[threading.Event]:
    """Keep the first Ctrl-C from breaking into the block: it sets the event, and is answered by `words`.

    The second one breaks in. SIGTERM, which batch systems send before they kill, counts as Ctrl-C. Elsewhere than in
    the main thread, or where somebody else handles Ctrl-C, nothing is held.
    """
    stop = threading.Event()

    def hold(number: int, frame: Any) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.default_int_handler)
        stop.set()
        if not quiet:  # a signal handler must not print: it may have broken into a print
            with suppress(OSError):
                os.write(2, f"\n{words} Ctrl-C again leaves at once, without a result.\n".encode())

    usual = threading.current_thread() is threading.main_thread()
    usual = usual and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    if usual:
        for each in _SIGNALS:
            signal.signal(each, hold)
    try:
        yield stop
    finally:
        if usual:
            for each, handler in before.items():
                signal.signal(each, handler)

"""Ctrl-C that waits until what is at hand is whole."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def held(words: str, quiet: bool = False) -> Iterator[threading.Event]:
    """Keep the first Ctrl-C from breaking into the block: it sets the event, and is answered by `words`.

    The second one breaks in. Elsewhere than in the main thread, or where somebody else handles Ctrl-C, nothing is held.
    """
    stop = threading.Event()

    def hold(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.set()
        if not quiet:  # a signal handler must not print: it may have broken into a print
            with suppress(OSError):
                os.write(2, f"\n{words} Ctrl-C again leaves at once, without a result.\n".encode())

    usual = threading.current_thread() is threading.main_thread()
    usual = usual and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, hold)
    try:
        yield stop
    finally:
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)

"""The pace at which a run is shown."""

import time
from types import SimpleNamespace

import pytest

from proxiscope.napari.stream import DEBT, Stream
from proxiscope.napari.worker import Status

pytestmark = pytest.mark.gui


def test_one_slow_repaint_does_not_silence_a_run(qapp):
    run = SimpleNamespace(status=Status.RUNNING, request="")
    stream = Stream(None, run, "estimate", None, lambda status: None)
    stream.stop()
    stream._painted(time.perf_counter() - 60, 0.0)
    assert not stream._can_afford()
    stream._credit_at -= 1.1 * DEBT / stream._budget
    assert stream._can_afford()

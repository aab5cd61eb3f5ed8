"""What goes wrong around a run costs neither the window nor what was computed."""

import logging
import shutil

import numpy as np
import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication
from tests.napari.conftest import IDLE
from tests.problems import small_pattern, small_series

from proxiscope import save
from proxiscope.checkpoints import load_run
from proxiscope.io.lazy import is_lazy
from proxiscope.napari import interrupted
from proxiscope.napari.layers import pattern_layers, series_layer
from proxiscope.napari.reproducing import save_result
from proxiscope.napari.run import Status
from proxiscope.tomography import RESIRE

pytestmark = pytest.mark.gui

LONG = 1_000_000


def add(viewer, layers):
    return [getattr(viewer, f"add_{kind}")(data, **options) for data, options, kind in layers]


def begun(viewer, open_panel, wait_until, iterations=LONG):
    """A run of RESIRE whose image is shown."""
    (series,) = add(viewer, [series_layer(small_series(), "series")])
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = iterations
    panel.start()
    wait_until(lambda: panel.current is None or panel.current.stream.layer is not None)
    return panel, series


def idle(panel):
    return {name for name, button in panel.controls.buttons.items() if button.isEnabled()} == IDLE


def breaks_at(monkeypatch, method, iteration, error):
    """From an iteration on, a method of RESIRE raises."""
    usual = getattr(RESIRE, method)

    def broken(self, problem, state):
        if state.iteration >= iteration:
            raise error
        return usual(self, problem, state)

    monkeypatch.setattr(RESIRE, method, broken)


def test_what_nobody_foresaw_is_told_once_and_logged(viewer, open_panel, wait_until, errors, caplog, monkeypatch):
    with caplog.at_level(logging.WARNING):
        panel, _ = begun(viewer, open_panel, wait_until)
        layer, run = viewer.layers[-1], panel.run
        breaks_at(monkeypatch, "step", 0, RuntimeError("unforeseen"))
        wait_until(lambda: not panel.running)
    assert len(errors) == 1
    assert errors[0].startswith(f"RESIRE of series failed after iteration {run.iteration}")
    assert "RuntimeError: unforeseen" in errors[0]
    assert any("RuntimeError: unforeseen" in (r.exc_text or "") for r in caplog.records)
    assert layer in viewer.layers
    assert layer.name == "RESIRE of series (failed)"
    assert np.isfinite(layer.data).all()
    monkeypatch.undo()
    assert idle(panel)


def test_what_diverges_mid_run_is_offered_from_before(viewer, open_panel, wait_until, errors, monkeypatch):
    monkeypatch.setattr("proxiscope.napari.resuming.checkpoint_every", lambda: {"seconds": 0.0, "iterations": 4})
    usual = RESIRE.metrics

    def diverging(self, problem, state):
        figures = dict(usual(self, problem, state))
        return figures | ({"r_factor": np.nan} if state.iteration == 6 and self.step_size > 1 else {})

    monkeypatch.setattr(RESIRE, "metrics", diverging)
    panel, _ = begun(viewer, open_panel, wait_until)
    wait_until(lambda: not panel.running and panel.resuming.bar.runs)
    (told,) = panel.resuming.bar.runs
    assert told.iteration == 4
    assert "diverged at iteration 6" in told.failed
    assert len(errors) == 1
    failed = panel.run
    panel.resuming.resume(told.path, failed=True)
    wait_until(lambda: panel.run is not failed and panel.run.status is Status.PAUSED)
    assert panel.run.iteration == told.iteration
    panel.form.widgets["step_size"].value = 0.5
    panel.form.widgets["max_iterations"].value = told.iteration + 3
    panel.resume()
    wait_until(lambda: not panel.running)
    assert panel.run.status is Status.DONE
    assert panel.run.changes[told.iteration].step_size == 0.5


def test_layers_that_are_deleted_mid_run(viewer, open_panel, wait_until, errors):
    panel, series = begun(viewer, open_panel, wait_until, iterations=3000)
    viewer.layers.remove(panel.current.stream.layer)
    viewer.layers.remove(series)
    assert panel.running
    panel.stop()
    wait_until(lambda: not panel.running)
    assert panel.run.status in (Status.STOPPED, Status.DONE)
    assert [layer.name for layer in viewer.layers] == ["RESIRE of series"]
    assert errors == []


def test_a_viewer_closed_mid_run_leaves_a_checkpoint(make_napari_viewer, wait_until, errors):
    viewer = make_napari_viewer()
    add(viewer, pattern_layers(small_pattern(), "pattern"))
    _, panel = viewer.window.add_plugin_dock_widget("napari-proxiscope", "Phase retrieval")
    panel.form.widgets["max_iterations"].value = LONG
    panel.start()
    wait_until(lambda: panel.run.iteration > 5)
    run = panel.run
    viewer.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert run.wait(10)
    assert load_run(run.checkpoints.path).iteration == run.iteration
    assert interrupted.interrupted("phase") == [run.checkpoints.path]
    assert errors == []


def test_a_source_file_that_vanished(viewer, open_panel, wait_until, errors, tmp_path, monkeypatch):
    path = tmp_path / "series.zarr"
    save(path, small_series())
    monkeypatch.setattr("proxiscope.io.zarr_access.LAZY", 0)
    (layer,) = viewer.open(path, plugin="napari-proxiscope")
    assert is_lazy(layer.data)
    panel = open_panel("Tomography")
    shutil.rmtree(path)
    panel.start()
    wait_until(lambda: errors)
    assert panel.run is None
    assert "series.zarr" in errors[0]
    assert not any(word in errors[0] for word in ("KeyError", "FileNotFoundError"))
    assert idle(panel)


@pytest.mark.parametrize("fault", ["gone", "full"])
def test_a_result_that_cannot_be_saved_stays(viewer, open_panel, wait_until, monkeypatch, tmp_path, fault):
    panel, _ = begun(viewer, open_panel, wait_until, iterations=5)
    wait_until(lambda: not panel.running)
    layer, folder, shown = viewer.layers[-1], tmp_path / "there", []
    folder.mkdir()
    (folder / "earlier.h5").write_bytes(b"before")
    monkeypatch.setattr("proxiscope.napari.dialogs.to_save", lambda *_: str(folder / "earlier.h5"))
    monkeypatch.setattr("proxiscope.napari.background.show_error", shown.append)
    if fault == "gone":
        shutil.rmtree(folder)
        save_result(viewer, layer)
        wait_until(lambda: shown)
        assert "does not exist" in shown[0]
    else:
        resource = pytest.importorskip("resource")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        try:
            save_result(viewer, layer)
            wait_until(lambda: shown)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert "cannot be written" in shown[0]
        assert [path.name for path in folder.iterdir()] == ["earlier.h5"]
        assert (folder / "earlier.h5").read_bytes() == b"before"
    assert len(shown) == 1
    assert layer in viewer.layers
    assert panel.run.result is not None

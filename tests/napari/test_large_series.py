"""Runs that are larger than this process: slabs, from disk, what fits into memory, and clusters."""

import numpy as np
import psutil
import pytest
from tests.problems import small_pattern, small_series

from proxiscope import load, save
from proxiscope.core.estimates import PatternSize, SeriesSize, estimate_memory
from proxiscope.core.memory import set_memory_limit
from proxiscope.io.lazy import is_lazy
from proxiscope.napari.layers import note, pattern_layers, series_layer
from proxiscope.napari.proposals import fitting, outline_of, stays_on_disk, title
from proxiscope.napari.run import Run, Status
from proxiscope.napari.run_on import RunOn
from proxiscope.out_of_core import partial_path
from proxiscope.phase import HIO, Ensemble
from proxiscope.reconstruction import reconstruct
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import RESIRE, AcceleratedRESIRE, InSlabs

TILTS = np.arange(-60, 61, 12.0)


@pytest.fixture
def little_memory():
    """``little_memory(gigabytes)``; all of it again at the end."""
    yield set_memory_limit
    set_memory_limit(0)


def add(viewer, layers):
    return [getattr(viewer, f"add_{kind}")(data, **options) for data, options, kind in layers]


def tall(path):
    """A series of 70 rows in a file: two slabs."""
    save(path, tilt_series(vesicle((16, 70, 16)), TILTS, noise=0.05))
    return path


@pytest.mark.parametrize("algorithm", [AcceleratedRESIRE(), InSlabs(algorithm=RESIRE(), slices=32)])
def test_a_size_tells_as_much_as_the_series(algorithm):
    series = small_series()
    size = SeriesSize(series.shape, tilts=series.rotations)
    assert estimate_memory(algorithm, outline_of(size)) == algorithm.memory(series)


def test_what_fits_is_known_before_there_is_a_problem():
    size = SeriesSize((61, 512, 512))
    need, have = estimate_memory(AcceleratedRESIRE(), size), 1_500_000_000
    assert need > have
    slabs, from_disk, binned = fitting(AcceleratedRESIRE(), size, have, on_disk=True)
    assert slabs.algorithm.algorithm == AcceleratedRESIRE()
    assert title(slabs).startswith(f"Slabs of {slabs.algorithm.slices} px (")
    assert stays_on_disk(from_disk)
    assert title(binned).startswith(f"Bin by {binned.binning} (")
    assert all(proposal.need <= have for proposal in (slabs, from_disk, binned))
    (batch,) = fitting(Ensemble(starts=40), PatternSize((512, 512)), 200_000_000)
    assert title(batch).startswith(f"{batch.algorithm.batch} starts at a time (")


def test_where_to_run_is_a_text_and_back(monkeypatch):
    for text in ("", "local:3", "tcp://host:8786", "/tmp/scheduler.json"):
        monkeypatch.setattr("proxiscope.napari.settings.run_on", lambda text=text: text)
        assert RunOn().text == text


def test_an_address_where_nobody_is_ends_the_run_with_the_reason():
    pytest.importorskip("distributed")
    run = Run(Ensemble(algorithm=HIO(max_iterations=10), starts=2), small_pattern)
    run.run_on = "/no/such/scheduler.json"
    run.start()
    assert run.wait(30)
    assert run.status is Status.FAILED
    assert "/no/such/scheduler.json" in str(run.error)


@pytest.mark.slow
@pytest.mark.parametrize("cancelled", ["", "while it connects", "while it runs"])
def test_starts_on_a_cluster_of_this_machine(cancelled):
    pytest.importorskip("distributed")
    ensemble = Ensemble(algorithm=HIO(max_iterations=1_000_000 if cancelled else 20), starts=3)
    run = Run(ensemble, small_pattern, seed=2)
    run.run_on = "local:1"
    run.start()
    while not run.doing:
        run.wait(0.01)
    if cancelled == "while it runs":
        while run.doing:
            run.wait(0.05)
    if cancelled:
        run.cancel()
    assert run.wait(60)
    assert run.status is (Status.CANCELLED if cancelled else Status.DONE), run.error
    assert psutil.Process().children() == []
    if not cancelled:
        np.testing.assert_array_equal(run.result.array, reconstruct(ensemble, small_pattern(), seed=2).array)
        assert run.result.algorithm.engine is None
        assert np.isfinite(run.starts).all()


# ---- in a window


@pytest.mark.gui
def test_a_proposal_sets_the_panel_so_that_the_run_fits(viewer, open_panel, wait_until, little_memory):
    add(viewer, [series_layer(tilt_series(vesicle((16, 200, 16)), TILTS), "series")])
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 3
    whole = panel.chosen_algorithm()
    little_memory(0.8e-9 * whole.memory(panel.problem_maker(viewer.layers[0])()))
    panel.start()
    wait_until(lambda: panel.proposals.buttons)
    texts = [button.text() for button in panel.proposals.buttons]
    assert texts[0].startswith("Slabs of ")
    assert texts[-1].startswith("Bin by 2")
    panel.proposals.buttons[0].click()
    assert panel.controls.status.text() == "Set so that it fits. Press Run."
    chosen = panel.chosen_algorithm()
    assert isinstance(chosen, InSlabs)
    assert chosen.algorithm == whole
    wait_until(lambda: not panel.proposals.buttons)
    little_memory(0)
    panel.start()
    wait_until(lambda: not panel.running)
    assert panel.run.status is Status.DONE
    expected = reconstruct(whole, panel.run.make_problem())
    np.testing.assert_array_equal(viewer.layers[-1].data, expected.volume)


@pytest.mark.gui
def test_a_series_on_disk_becomes_a_volume_on_disk(viewer, open_panel, wait_until, errors, monkeypatch, tmp_path):
    path, output = tall(tmp_path / "tall.h5"), tmp_path / "volume.zarr"
    monkeypatch.setattr("proxiscope.io.hdf5_access.LAZY", 0)
    monkeypatch.setattr("proxiscope.io.zarr_access.LAZY", 0)
    monkeypatch.setattr("proxiscope.napari.dialogs.to_save", lambda *_: str(output))
    (layer,) = viewer.open(path, plugin="napari-proxiscope")
    panel = open_panel("Tomography")
    panel.large.way.value = "disk"
    panel.form.widgets["max_iterations"].value = 300_000
    panel.large.form.widgets["slices"].value = 32
    panel.start()
    wait_until(lambda: panel.run.doing.startswith("The first slab"))
    panel.cancel()
    wait_until(lambda: not panel.running)
    assert panel.run.status is Status.CANCELLED
    assert not output.exists()
    output = tmp_path / "other.zarr"
    panel.form.widgets["max_iterations"].value = 6
    panel.start()
    wait_until(lambda: not panel.running)
    assert panel.run.status is Status.DONE, panel.run.error
    assert (panel.run.iteration, panel.run.total) == (2, 2)
    assert not partial_path(output).exists()
    result = viewer.layers[-1]
    assert is_lazy(layer.data)
    assert is_lazy(result.data)
    expected = reconstruct(RESIRE(max_iterations=6), load(path))
    np.testing.assert_array_equal(np.asarray(result.data), expected.volume)
    assert note(result, "provenance")["out_of_core"]["slabs"] == 2
    assert errors == []


@pytest.mark.gui
def test_what_is_on_no_disk_says_what_to_do(viewer, open_panel, errors):
    add(viewer, [series_layer(small_series(), "series")])
    panel = open_panel("Tomography")
    panel.large.way.value = "disk"
    panel.start()
    assert "series: is not on disk" in errors[0]
    assert "Save the layer to a file" in errors[0]


@pytest.mark.gui
def test_the_rows_of_many_starts_are_those_that_matter(viewer, open_panel):
    add(viewer, pattern_layers(small_pattern(), "pattern"))
    panel = open_panel("Phase retrieval")
    place, starts = panel.place, panel.many.widgets["starts"]

    def shown():
        return [widget.label for widget in place.widgets if not widget.native.isHidden()]

    assert shown() == []
    starts.value = 5
    assert shown() == ["Run on"]
    place.place.value = "local"
    assert shown() == ["Run on", "Workers"]
    assert panel.run_on() == "local:2"
    panel.algorithm.value = "raar"
    assert panel.run_on() == "local:2"
    panel.place.place.value = "running"
    assert [widget.label for widget in panel.place.widgets if not widget.native.isHidden()] == ["Run on", "Address"]
    panel.many.widgets["starts"].value = 1
    assert panel.run_on() == ""


@pytest.mark.gui
def test_devices_without_a_library_cannot_be_chosen(viewer, open_panel, monkeypatch):
    monkeypatch.setattr("proxiscope.napari.devices.find_spec", lambda module: None if module == "cupy" else module)
    panel = open_panel("Phase retrieval")
    panel.algorithm.value = "hio"
    device = panel.form.widgets["device"]
    assert device.value == "cpu"
    able = {name: device.native.model().item(i).isEnabled() for i, name in enumerate(device.choices)}
    assert able == {"cpu": True, "cuda": True, "cupy": False, "torch-cpu": True}

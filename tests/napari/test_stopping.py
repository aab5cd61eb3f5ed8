"""When to stop, in the panels and in the thread that runs a reconstruction."""

import numpy as np
import pytest
from tests.napari.test_panels import IDLE, add_pattern, add_series, click, enabled
from tests.problems import small_pattern, small_series

from proxiscope.core import Discrepancy, HeldOut, InputError, Plateau
from proxiscope.napari.layers import note
from proxiscope.napari.run import CURVES, Run, Status
from proxiscope.phase import ER
from proxiscope.reconstruction import NOT_MET, reconstruct
from proxiscope.tomography import RESIRE, SIRT, AcceleratedRESIRE

pytestmark = pytest.mark.gui


class TestRun:
    @pytest.mark.parametrize(
        ("algorithm", "problem", "stop"),
        [
            (RESIRE(max_iterations=500), small_series, Discrepancy()),
            (AcceleratedRESIRE(max_iterations=300), lambda: small_series().hold_out(5), HeldOut()),
            (ER(), small_pattern, Plateau()),
        ],
    )
    def test_ends_where_reconstruct_does(self, algorithm, problem, stop):
        run = Run(algorithm, problem, stop=[stop])
        run.start()
        assert run.wait(60)
        expected = reconstruct(algorithm, problem(), stop=stop)
        assert run.status is Status.DONE
        assert run.iteration < run.total
        assert run.stopped == run.result.provenance["stopped"] == expected.provenance["stopped"]
        assert run.result.provenance["stop"] == expected.provenance["stop"]
        np.testing.assert_array_equal(run.result.array, expected.array)

    def test_a_criterion_that_does_not_apply_fails_with_its_reason(self):
        run = Run(SIRT(), small_series, stop=[HeldOut()])
        run.start()
        assert run.wait(60)
        assert run.status is Status.FAILED
        assert isinstance(run.error, InputError)
        assert "nothing is held out" in str(run.error)

    def test_every_recorded_figure_is_a_curve(self):
        run = Run(SIRT(max_iterations=5), lambda: small_series().hold_out(5))
        run.start()
        assert run.wait(60)
        assert "misfit" in run.result.metrics
        assert set(run.curves) == {*CURVES, "misfit"}
        assert all(len(run.curves[name]) == 5 for name in ("r_factor", "free_r_factor"))


def rows(panel):
    """Names of the parameters that the section shows."""
    return {
        f"{name} {widget.name}"
        for name, form in panel.stopping.forms.items()
        for widget in form.widgets.values()
        if not widget.native.isHidden()
    }


def run_to_the_end(panel, qtbot, wait_until):
    click(qtbot, panel, "run")
    wait_until(lambda: enabled(panel) == IDLE)


def test_the_section_is_folded_and_shows_what_is_chosen(viewer, open_panel):
    panel = open_panel("Tomography")
    assert not panel.stopping.isExpanded()
    assert panel.stopping.criteria() == ()
    panel.stopping.expand()
    assert rows(panel) == set()
    for name, shown in (
        ("discrepancy", {"discrepancy noise", "discrepancy factor"}),
        ("held-out", {"held-out patience", "held-out tolerance"}),
        ("plateau", {"plateau patience", "plateau tolerance"}),
    ):
        panel.stopping.choice.value = name
        assert rows(panel) == shown
    assert panel.stopping.criteria() == (Plateau(),)


def test_the_choice_stays_where_it_makes_sense(viewer, open_panel):
    panel = open_panel("Tomography")
    panel.stopping.choice.value = "discrepancy"
    noise = panel.stopping.forms["discrepancy"].widgets["noise"]
    assert noise.native.text() == "estimated"
    noise.value = 0.000123
    panel.algorithm.value = "sirt"
    assert panel.stopping.criteria() == (Discrepancy(noise=0.000123),)
    assert not panel.stopping.isHidden()
    panel.algorithm.value = "fbp"
    assert panel.stopping.isHidden()
    assert panel.stopping.criteria() == ()
    phase = open_panel("Phase retrieval")
    assert phase.stopping.choice.choices == ("", "held-out", "plateau")


def test_the_status_says_why_a_run_ended(viewer, open_panel, qtbot, wait_until):
    add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 400
    panel.stopping.choice.value = "discrepancy"
    run_to_the_end(panel, qtbot, wait_until)
    expected = reconstruct(RESIRE(max_iterations=400), small_series(), stop=Discrepancy())
    assert panel.run.status is Status.DONE
    assert f"Done. {expected.provenance['stopped']} R_F" in panel.controls.status.text()
    assert "the misfit of" in panel.controls.status.text()
    assert panel.controls.bar.value() == expected.iteration
    np.testing.assert_array_equal(viewer.layers[-1].data, expected.volume)
    assert note(viewer.layers[-1], "provenance")["stopped"] == expected.provenance["stopped"]


def test_held_out_tilts_draw_their_curve_and_end_the_run(viewer, open_panel, qtbot, wait_until):
    add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 400
    panel.hold_out.value = 5
    panel.stopping.choice.value = "held-out"
    run_to_the_end(panel, qtbot, wait_until)
    expected = reconstruct(RESIRE(max_iterations=400), small_series().hold_out(5), stop=HeldOut())
    np.testing.assert_array_equal(viewer.layers[-1].data, expected.volume)
    iterations, free = panel.controls.plot.points("free_r_factor")
    np.testing.assert_allclose(free, 100 * expected.metrics["free_r_factor"])
    assert iterations[free.argmin()] == expected.iteration
    assert "the free R-factor has not fallen below" in panel.controls.status.text()
    assert f"free R {free.min() / 100:.2%} at iteration {expected.iteration}" in panel.controls.status.text()


def test_a_plateau_ends_a_phase_retrieval(viewer, open_panel, qtbot, wait_until):
    add_pattern(viewer)
    panel = open_panel("Phase retrieval")
    panel.algorithm.value = "er"
    panel.stopping.choice.value = "plateau"
    run_to_the_end(panel, qtbot, wait_until)
    assert panel.run.iteration < panel.run.total
    assert "R_F fell by" in panel.controls.status.text()


def test_a_run_to_the_end_says_that_nothing_was_met(viewer, open_panel, qtbot, wait_until):
    add_series(viewer)
    panel = open_panel("Tomography")
    panel.form.widgets["max_iterations"].value = 4
    panel.stopping.choice.value = "plateau"
    run_to_the_end(panel, qtbot, wait_until)
    assert f"Done. {NOT_MET} R_F" in panel.controls.status.text()


def test_held_out_tilts_that_are_none_are_asked_for(viewer, open_panel, qtbot, wait_until, errors):
    add_series(viewer)
    panel = open_panel("Tomography")
    panel.stopping.choice.value = "held-out"
    run_to_the_end(panel, qtbot, wait_until)
    assert "nothing is held out" in errors[-1]
    assert panel.controls.status.text() == errors[-1]


def test_many_starts_are_not_stopped(viewer, open_panel, qtbot, wait_until, errors):
    add_pattern(viewer)
    panel = open_panel("Phase retrieval")
    panel.many.widgets["starts"].value = 3
    panel.stopping.choice.value = "plateau"
    run_to_the_end(panel, qtbot, wait_until)
    assert "plateau does not go with ensemble" in errors[-1]

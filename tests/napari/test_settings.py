"""The Preferences page: what it says is done."""

from pathlib import Path

import pytest
import yaml
from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from napari.settings import get_plugin_settings
from npe2 import PluginManifest
from qtpy.QtWidgets import QSpinBox
from tests.napari.conftest import PLUGIN

from proxiscope.core.memory import memory_limit, set_memory_limit
from proxiscope.core.threads import num_threads, set_num_threads
from proxiscope.napari import settings


@pytest.fixture
def installed(plugin_settings, npe2pm, monkeypatch):
    """The plugin alone, with preferences in a folder of their own."""
    npe2pm.register(PluginManifest.from_distribution(PLUGIN))
    monkeypatch.setattr(settings, "_applied", None)
    set_num_threads(0)
    yield npe2pm
    set_num_threads(0)
    set_memory_limit(0)


def test_the_defaults_are_those_of_the_manifest(installed):
    page = get_plugin_settings(PLUGIN).model_dump(exclude={"schema_version"})
    assert page == settings.DEFAULTS


def test_without_the_plugin_the_defaults_hold(plugin_settings):
    assert settings.streaming_budget() == 0.04
    assert settings.streaming_tick() == pytest.approx(1 / 14)
    assert settings.folder("open") == ""


def test_first_use_applies_them_and_a_change_does_at_once(installed):
    page, usual = get_plugin_settings(PLUGIN), num_threads()
    page.computing.threads = usual + 1
    assert num_threads() == usual
    installed.activate(PLUGIN)
    assert num_threads() == usual + 1
    page.computing.threads = 1
    page.computing.memory = 2.5
    assert (num_threads(), memory_limit()) == (1, 2.5)
    page.computing.threads = 0
    page.computing.memory = 0
    assert (num_threads(), memory_limit()) == (usual, 0)
    page.watching.share, page.watching.updates = 10, 5
    assert (settings.streaming_budget(), settings.streaming_tick()) == (0.1, 0.2)
    page.checkpoints.seconds, page.checkpoints.iterations = 0, 50
    assert settings.checkpoint_every() == {"seconds": 0, "iterations": 50}


def test_where_nothing_is_preferred_a_script_keeps_its_threads(installed):
    set_num_threads(2)
    settings.apply()
    assert num_threads() == 2


def test_a_folder_that_is_gone_is_none(installed, tmp_path):
    folders = get_plugin_settings(PLUGIN).folders
    folders.open = str(tmp_path)
    assert settings.folder("open") == str(tmp_path)
    for gone in (str(tmp_path / "gone"), "\0", "~nobody-here/x"):
        folders.open = gone
        assert settings.folder("open") == ""


@pytest.mark.parametrize(
    "junk",
    [
        "computing: {threads: many, memory: [1]}\nwatching: 7\nfolders: {open: 5}",
        "computing: {threads: -4, memory: .nan}\nwatching: {share: .inf, updates: 1e9}",
        "just text",
        "{unclosed: [",
    ],
)
def test_junk_in_the_file_is_as_good_as_nothing(plugin_settings, npe2pm, tmp_path, monkeypatch, junk):
    (tmp_path / f"{PLUGIN}.yaml").write_text(junk)
    npe2pm.register(PluginManifest.from_distribution(PLUGIN))
    monkeypatch.setattr(settings, "_applied", None)
    before = num_threads()
    settings.apply()
    assert (num_threads(), memory_limit()) == (before, 0)
    assert (settings.streaming_budget(), settings.folder("open")) == (0.04, "")
    assert 0.05 <= settings.streaming_tick() <= 1 / 14


@pytest.mark.gui
def test_the_page_changes_them_saves_them_and_cancel_takes_them_back(installed, qtbot, tmp_path):
    installed.activate(PLUGIN)
    before = num_threads()
    dialog = PreferencesDialog()
    qtbot.addWidget(dialog)
    titles = [dialog._list.item(i).text() for i in range(dialog._list.count())]
    dialog._list.setCurrentRow(titles.index("proxiscope"))
    threads = dialog._stack.currentWidget().findChild(QSpinBox)
    threads.setValue(before + 1)
    assert num_threads() == before + 1
    assert yaml.safe_load(Path(tmp_path, f"{PLUGIN}.yaml").read_text()) == {"computing": {"threads": before + 1}}
    dialog.reject()
    assert num_threads() == before

# make demo : everything from nothing to a reconstruction in a napari window
# make test : everything from nothing to the test runner's summary
# make lint: style, layers and types
# make coverage: lines that the tests without a window run; fails under 90 %
# make mutants: changes to the core numerics, each of which a test has to notice
# make fuzz : damaged files, parameters, checkpoints ... for a minute
# make bench: speed and memory against peers and floors
# make docs : the pages, in docs/_build/html
# make reproduce: the figures of docs/reproduction, at reduced scale
# make gallery: the pictures of docs/gallery.md

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# the oldest that pyproject.toml allows, for the processor alone: 200 MB where PyPI's brings CUDA
TORCH  := "torch==2.13.0"
# tests without a window run side by side, those of a file together as they share what they prepare; on one thread of BLAS each
SIDE_BY_SIDE := -n auto --dist loadfile
XVFB    = $(if $(DISPLAY)$(WAYLAND_DISPLAY),,xvfb-run -a -s "-screen 0 1440x900x24")

.PHONY: demo test test-headless test-gui test-lowest test-pyside lint coverage mutants fuzz bench docs reproduce gallery system clean

demo: system $(BIN)/.demo
	$(XVFB) $(BIN)/python -m proxiscope.napari.demo --output demo-output

test: lint test-headless test-gui

test-headless: $(BIN)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SIDE_BY_SIDE) -p no:napari -p no:npe2 -p no:pytest-qt -m "not gui" --ignore=tests/napari

test-gui: system $(BIN)/.dev
	$(XVFB) $(BIN)/python -m pytest tests/napari

lint: $(BIN)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check --quiet src tests benchmarks
	$(BIN)/lint-imports
	$(BIN)/mypy

coverage: $(BIN)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SIDE_BY_SIDE) -p no:napari -p no:npe2 -p no:pytest-qt -m "not gui and not slow" --ignore=tests/napari --cov

# other samples by MUTANTS="--count 200 --seed 1"
MUTANTS ?= --count 60
mutants: $(BIN)/.dev
	$(BIN)/python -m tests.mutants $(MUTANTS)

# in all, the processes' start included; other seeds by FUZZ="--seconds 3600 --first 1000000"
FUZZ ?= --seconds 60
fuzz: $(BIN)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m tests.fuzz $(FUZZ)

# the oldest versions that pyproject.toml allows, in an environment of their own; of the window what uses most of them
LOWEST_GUI_TESTS ?= $(addprefix tests/napari/test_,user.py panels.py plots.py form.py inspection.py files.py settings.py reproducing.py)
test-lowest: system $(BIN)/.dev
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)-lowest
	$(BIN)/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct -e ".[cluster]" "pytest>=8.2" "hypothesis>=6.100" "pytest-qt>=4.4" "pytest-xdist>=3.6" "PyQt6>=6.10"
	OMP_NUM_THREADS=1 $(VENV)-lowest/bin/python -m pytest $(SIDE_BY_SIDE) -p no:napari -p no:npe2 -p no:pytest-qt -m "not gui and not slow" --ignore=tests/napari
	$(XVFB) $(VENV)-lowest/bin/python -m pytest $(LOWEST_GUI_TESTS)

# the other Qt binding, in an environment of its own; what depends most on it
PYSIDE_TESTS ?= $(addprefix tests/napari/test_,commands.py docks.py manifest.py settings.py)
test-pyside: system $(BIN)/.dev
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)-pyside
	$(BIN)/uv pip install --quiet --python $(VENV)-pyside/bin/python -e ".[pyside6]" "pytest>=8.2" "pytest-qt>=4.4"
	QT_API=pyside6 $(XVFB) $(VENV)-pyside/bin/python -m pytest $(PYSIDE_TESTS)

docs: $(BIN)/.docs
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# the figures and tables of the thesis: minutes, into reproduction-output; SCALE=full takes hours, with the networks days, DOCS=docs puts them into the pages
SCALE ?= reduced
DATA  := $(wildcard $(or $(PROXISCOPE_TEST_DATA),../shared/data))
reproduce: $(BIN)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m proxiscope.experiments --scale $(SCALE) $(if $(DATA),--data "$(DATA)") $(if $(DOCS),--docs "$(DOCS)")

# the pictures of docs/gallery.md
gallery: system $(BIN)/.dev
	$(XVFB) $(BIN)/python docs/scripts/gallery.py

bench: $(BIN)/.dev
	$(BIN)/python benchmarks/tomography.py
	$(BIN)/python benchmarks/phase.py
	$(BIN)/python benchmarks/learning.py
	$(BIN)/python benchmarks/smoothing.py
	$(BIN)/python benchmarks/growth.py
	$(XVFB) $(BIN)/python benchmarks/streaming.py
	$(XVFB) $(BIN)/python benchmarks/start.py

$(BIN)/python:
	$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'proxiscope needs Python 3.11 or later: make PYTHON=python3.11')"
	$(PYTHON) -c "import ensurepip" 2>/dev/null || $(call apt,python3-venv)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(BIN)/.demo: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[all]"
	touch $@

$(BIN)/.dev: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	$(BIN)/python -m pip install --quiet --retries 0 --no-deps $(TORCH) --extra-index-url https://download.pytorch.org/whl/cpu
	$(BIN)/python -m pip install --quiet $(TORCH)
	touch $@

$(BIN)/.docs: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[docs]"
	touch $@

# what Qt and OpenGL need beyond Python packages, with a virtual display where there is none
GLIB := $(shell apt-cache show libglib2.0-0t64 >/dev/null 2>&1 && echo libglib2.0-0t64 || echo libglib2.0-0)
LIBRARIES := libegl1 libgl1 libdbus-1-3 libfontconfig1 $(GLIB) libxkbcommon-x11-0 libx11-xcb1 \
  libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 \
  libxcb-shape0 libxcb-xfixes0 libxcb-xkb1 xvfb xauth

apt = { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null; } \
  || { echo "Install these system packages first: $(1)"; exit 1; }

system:
	@if command -v dpkg-query >/dev/null; then \
	  dpkg-query -W -f='$${Status}\n' $(LIBRARIES) 2>/dev/null | grep -c '^install ok installed' | grep -qx $(words $(LIBRARIES)) \
	  || $(call apt,$(LIBRARIES)); \
	fi

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-pyside demo-output reproduction-output docs/_build docs/reference/_generated

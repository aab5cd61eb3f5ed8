"""Pages of reference from docstrings: one for each name that a public module offers."""

import importlib
import inspect
from pathlib import Path

MODULES = {
    "proxiscope": "Reconstructing",
    "proxiscope.phase": "Phase retrieval",
    "proxiscope.phase.metrics": "Figures of merit of phase retrieval",
    "proxiscope.tomography": "Tomography",
    "proxiscope.tomography.metrics": "Figures of merit of tomography",
    "proxiscope.preparation": "Preparation",
    "proxiscope.io": "Files",
    "proxiscope.simulate": "Simulation",
    "proxiscope.comparison": "Comparing results",
    "proxiscope.figures": "Figures",
    "proxiscope.scripts": "Scripts from records",
    "proxiscope.checkpoints": "Checkpoints",
    "proxiscope.out_of_core": "Out of core",
    "proxiscope.cluster": "Clusters",
    "proxiscope.learning": "Learning",
    "proxiscope.core": "For algorithms of your own",
}


def setup(app):
    """Have the pages written when Sphinx begins, before it looks for them."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "reference" / "_generated"), priority=400)
    app.connect("autodoc-skip-member", _is_of_scikit_learn)
    return {"parallel_read_safe": True}


def _is_of_scikit_learn(app, what, name, member, skip, options):
    """Skip what scikit-learn adds to each estimator, which is described there."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def write_pages(folder):
    """Write a page for each module, and their list."""
    (folder / "python").mkdir(parents=True, exist_ok=True)
    described = set()
    for name, title in MODULES.items():
        module = importlib.import_module(name)
        lines = [*_heading(title, "="), f"``{name}``: {inspect.getdoc(module)}", "", f".. currentmodule:: {name}", ""]
        for heading, directive, chosen in KINDS:
            names = [n for n in public(module) if chosen(getattr(module, n)) and getattr(module, n) not in described]
            described |= {getattr(module, n) for n in names}
            lines += _heading(heading, "-") if names else []
            for one in names:
                lines += [f".. {directive}:: {one}", *(["   :members:"] if directive == "autoclass" else []), ""]
        _write(folder / "python" / f"{name}.rst", "\n".join(lines))
    lines = [
        *_heading("Python", "="),
        ".. toctree::",
        "   :maxdepth: 1",
        "",
        *(f"   python/{name}" for name in MODULES),
        "",
    ]
    _write(folder / "python.rst", "\n".join(lines))


def _is_error(thing):
    return inspect.isclass(thing) and issubclass(thing, Exception)


KINDS = (
    ("Functions", "autofunction", inspect.isroutine),
    ("Classes", "autoclass", lambda thing: inspect.isclass(thing) and not _is_error(thing)),
    ("Errors", "autoexception", _is_error),
)


def _heading(text, line):
    return [text, line * len(text), ""]


def public(module):
    """Names that a module offers: those of ``__all__``, or those that it defines."""
    offered = getattr(module, "__all__", None)
    if offered is not None:
        return [name for name in offered if not name.startswith("_")]
    return [
        n for n, v in vars(module).items() if not n.startswith("_") and getattr(v, "__module__", "") == module.__name__
    ]


def _write(path, text):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")

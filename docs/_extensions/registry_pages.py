"""Pages of reference from what is registered: algorithms, steps, criteria, and the commands with their options.

They are written to ``reference/_generated`` before the pages are read, so that whatever is registered is documented.
"""

import contextlib
import inspect
import io
import os
from pathlib import Path

from proxiscope.cli import main
from proxiscope.core import algorithms, criteria, parameters
from proxiscope.preparation import steps

FAMILIES = {"phase": "Phase retrieval", "tomography": "Tomography"}
COMMANDS = ("", "algorithms", "prepare", "steps", "quality", "rerun", "resume", "info", "demo")


def setup(app):
    """Have the pages written when Sphinx begins."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "reference" / "_generated"))
    return {"parallel_read_safe": True}


def write_pages(folder):
    """Write all pages, each only if it has changed."""
    found = algorithms()
    pages = {"algorithms.md": _list_of_algorithms(found), "steps.md": _steps(), "criteria.md": _criteria()}
    pages |= {f"algorithms/{name}.md": _algorithm(name, cls) for name, cls in found.items()}
    pages["command-line.md"] = _command_line()
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _list_of_algorithms(found):
    lines = ["# Algorithms", ""]
    for family, title in FAMILIES.items():
        own = {name: cls for name, cls in found.items() if cls.family == family}
        rows = [[f"[{cls.title}](algorithms/{name}.md)", f"`{name}`", cls.use] for name, cls in own.items()]
        lines += [f"## {title}", "", *_table(["Algorithm", "Name", "When"], rows), ""]
    others = {name: cls for name, cls in found.items() if cls.family not in FAMILIES}
    if others:
        rows = [[f"[{cls.title}](algorithms/{name}.md)", f"`{name}`", cls.use] for name, cls in others.items()]
        lines += ["## Learning", "", *_table(["Algorithm", "Name", "When"], rows), ""]
    lines += ["```{toctree}", ":hidden:", "", *(f"algorithms/{name}" for name in found), "```", ""]
    return "\n".join(lines)


def _algorithm(name, cls):
    module = inspect.getmodule(cls)
    lines = [f"# {cls.title}", "", inspect.getdoc(cls), "", f"**When.** {cls.use}", ""]
    lines += [f"**Source.** {inspect.getdoc(module)}", ""]
    lines += [f"In Python `{_public(cls)}`, on the command line `proxiscope reconstruct {name}`.", ""]
    lines += ["## Parameters", "", *_parameters(cls)]
    if cls.presets:
        rows = [
            [preset, ", ".join(f"`{key}={value}`" for key, value in values.items())]
            for preset, values in cls.presets.items()
        ]
        lines += ["## Presets", "", *_table(["Preset", "Sets"], rows), ""]
    return "\n".join(lines)


def _public(cls):
    """The name under which a class is imported: that of its package, where it has one there."""
    package = cls.__module__.rsplit(".", 1)[0]
    return f"{package}.{cls.__name__}"


def _parameters(cls):
    lines = []
    groups = {}
    for parameter in parameters(cls):
        groups.setdefault(parameter.group, []).append(parameter)
    if not groups:
        return ["None.", ""]
    for group, members in groups.items():
        rows = [
            [f"`{p.name}`", p.title, f"`{p.format(p.default)}`" if p.format(p.default) else "", _means(p)]
            for p in members
        ]
        lines += [f"### {group}", ""] if group else []
        lines += [*_table(["Name", "In the panel", "Default", "Meaning"], rows), ""]
    return lines


def _means(parameter):
    expects = parameter.expects[0].upper() + parameter.expects[1:]
    zero = f" 0: {parameter.zero}." if parameter.zero else ""
    return f"{parameter.doc} {expects}.{zero}".strip()


def _steps():
    lines = [
        "# Steps of preparation",
        "",
        "Each is `proxiscope prepare FILE --step 'NAME parameter=value'`, an entry of",
        "",
    ]
    lines[-2] += ' *Prepare data*, and a step in Python: `step("NAME", {"parameter": value})`.'
    for name, cls in steps().items():
        data = " and ".join({"phase": "diffraction patterns", "tomography": "tilt series"}[f] for f in cls.families)
        lines += [f"## {name}", "", f"*{cls.title}*, for {data}. {inspect.getdoc(cls)}", ""]
        lines += _parameters_flat(cls)
    return "\n".join(lines)


def _criteria():
    lines = [
        "# Criteria that stop a run",
        "",
        "Each is `--stop NAME` on the command line. [When to stop](../../how-to/stopping.md) compares them.",
        "",
    ]
    for name, cls in criteria().items():
        lines += [f"## {name}", "", inspect.getdoc(cls), ""]
        lines += _parameters_flat(cls)
    return "\n".join(lines)


def _parameters_flat(cls):
    rows = [
        [f"`{p.name}`", p.title, f"`{p.format(p.default)}`" if p.format(p.default) else "", _means(p)]
        for p in parameters(cls)
    ]
    return [*_table(["Name", "In the panel", "Default", "Meaning"], rows), ""] if rows else []


def _command_line():
    lines = ["# Command line", ""]
    lines += ["Exit codes: 0 done, 1 a run that diverged, 2 bad input, 130 interrupted.", ""]
    for command in COMMANDS:
        arguments = [command, "--help"] if command else ["--help"]
        lines += [f"## proxiscope {command}".rstrip(), "", "```text", _help(arguments), "```", ""]
    for name in ("gps-r", "resire"):
        lines += [f"## proxiscope reconstruct {name}", "", "```text", _help(["reconstruct", name, "--help"]), "```", ""]
    return "\n".join(lines)


def _help(arguments):
    os.environ["COLUMNS"] = "96"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main(arguments)
    return printed.getvalue().rstrip()


def _table(titles, rows):
    cells = [[" ".join(str(cell).replace("|", "\\|").split()) for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [titles, ["---"] * len(titles), *cells]]

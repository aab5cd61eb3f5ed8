"""Docstrings of the public names keep to numpydoc, as far as this list goes.

Of numpydoc's checks these are left out: sections See Also, Examples and a longer description (SA01, EX01, ES01), since
pages link and show; an infinitive at the beginning (SS05), since many functions are named by what they return; and that
types which say all are described once more (PR07, RT03).
"""

import ast
import importlib
import inspect
import sys
import textwrap

import pytest

from proxiscope.core import Algorithm, Criterion, parameters
from proxiscope.core.parameters import parts
from proxiscope.preparation import Step
from tests.docs.pages import ROOT

numpydoc = pytest.importorskip("numpydoc.validate")

sys.path.insert(0, str(ROOT / "docs" / "_extensions"))
from code_pages import MODULES, public  # noqa: E402

CHECKS = {
    "GL08": "there is a docstring",
    "GL05": "no tabs", "GL06": "known sections", "GL07": "sections in their order", "GL09": "deprecation after summary",
    "SS01": "a summary", "SS02": "which begins with a capital letter", "SS03": "ends with a period",
    "SS04": "has no leading spaces", "SS06": "and fits on one line",
    "PR01": "all parameters are described", "PR02": "and none that does not exist", "PR03": "in their order",
    "PR04": "with their types", "PR05": "without a period",
    "RT01": "what is returned is described", "YD01": "what is yielded is described",
}  # fmt: skip

BEGINS = {"proxiscope.simulate.samples": "digits"}
"""Modules whose summaries begin with a number: how many projections there are."""


def described():
    """Public functions and classes, each once, by where they are defined."""
    found = {}
    for module in map(importlib.import_module, MODULES):
        for thing in (getattr(module, name) for name in public(module)):
            if inspect.isclass(thing) or inspect.isroutine(thing):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


THINGS = described()


def says_itself(thing):
    """Names of parameters that are described where they are declared, and from there on every face and page."""
    declared = inspect.isclass(thing) and issubclass(thing, Algorithm | Criterion | Step)
    return {parameter.name for parameter in parameters(thing)} | set(parts(thing)) if declared else set()


def documented(thing):
    """Names in the section Attributes, for what nobody makes by hand."""
    sections = numpydoc.Validator(numpydoc.get_doc_object(thing)).doc
    return {name.strip() for entry in sections["Attributes"] for name in entry.name.split(",")}


def undescribed(name, thing):
    """Parameters that nothing is said of; ``**kwargs`` with their asterisks."""
    found = numpydoc.Validator(numpydoc.get_doc_object(thing))
    missing = set(found.signature_parameters) - set(found.doc_all_parameters)
    return {p for p in missing - says_itself(thing) - documented(thing) if not p.startswith("_")}


@pytest.mark.parametrize("name", THINGS)
def test_it_keeps_to_numpydoc(name):
    thing = THINGS[name]
    errors = [(code, text) for code, text in numpydoc.validate(name)["errors"] if code in CHECKS]
    if inspect.isclass(thing):
        errors = [error for error in errors if error[0] != "PR01"]
        assert undescribed(name, thing) == set()
    takes = inspect.signature(thing).parameters if inspect.isroutine(thing) else ("self",)
    if not takes:  # the summary is what it returns
        errors = [error for error in errors if error[0] != "RT01"]
    if "cls" in takes:  # numpydoc takes it for that of a class method
        errors = [error for error in errors if error[0] != "PR02"]
    if thing.__module__ in BEGINS:
        errors = [error for error in errors if error[0] != "SS02"]
    if inspect.isgeneratorfunction(thing) or "Yields" in inspect.getdoc(thing):
        errors = [error for error in errors if error[0] != "RT01"]
    assert errors == []


def raised(function):
    """Names of the errors that a function's own lines raise, but for those that Python code alone can bring about."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call))
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)} - {"NotImplementedError"}


def routines():
    """Public functions, and the public methods of public classes, with what they and those they override say."""
    for name, thing in THINGS.items():
        if inspect.isroutine(thing):
            yield name, (thing, inspect.getdoc(thing))
        elif inspect.isclass(thing):
            own = {n: v for n, v in vars(thing).items() if inspect.isfunction(v) and v.__qualname__.endswith(f".{n}")}
            for method, function in own.items():
                if not method.startswith("_"):
                    texts = (inspect.getdoc(vars(base).get(method)) or "" for base in thing.__mro__)
                    yield f"{name}.{method}", (function, " ".join(texts))


ROUTINES = dict(routines())


@pytest.mark.parametrize("name", ROUTINES)
def test_it_says_what_it_raises(name):
    function, text = ROUTINES[name]
    assert {error for error in raised(function) if error not in text} == set()

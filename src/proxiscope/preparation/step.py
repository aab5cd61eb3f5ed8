"""The contract of a step of preparation: frozen parameters, and a pure function of images."""

import importlib
import pkgutil
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, ClassVar

from numpy.typing import NDArray

from ..core import InputError, build, parameters, to_dict
from ..core.parameters import check_parameters
from .images import Images

_MEANT = {"tomography": "projections of a tilt series", "phase": "intensities of diffraction"}
_steps: dict[str, type["Step"]] = {}


def _no_files(path: str) -> NDArray[Any]:
    raise InputError(path, "there is nothing to read files with", "Give Tools(read=proxiscope.io.read_array)")


@dataclass(frozen=True)
class Tools:
    """What a step may use while it works.

    Attributes
    ----------
    read : callable
        Reads the array of a file, such as dark frames.
    tick : callable
        Told the fraction done, now and then. It may wait, for a pause, or raise, to cancel.
    """

    read: Callable[[str], NDArray[Any]] = _no_files
    tick: Callable[[float], None] = lambda fraction: None


@dataclass(frozen=True, kw_only=True)
class Step:
    """Base of all steps.

    A step is declared as ``class Bin(Step, name="bin", title="Bin")`` in a file of this folder, with annotated
    parameters like those of an algorithm; it then appears in the panel, on the command line and in the docs.
    Calling it applies it: ``Bin(factor=2)(images)``.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    families: ClassVar[tuple[str, ...]] = ("phase", "tomography")
    """Of the images that it is meant for."""
    each_image: ClassVar[bool] = True
    """Whether it works on each image by itself, so that a preview on one tells what it does to all."""

    def __init_subclass__(cls, *, name: str = "", title: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name:
            cls.name, cls.title = name, title
            _steps[name] = cls

    def __post_init__(self) -> None:
        check_parameters(self)

    def apply(self, images: Images, tools: Tools) -> Images:
        """What the step makes of `images`, which stay as they are; raises InputError for images it cannot take."""
        raise NotImplementedError

    def __call__(self, images: Images, tools: Tools | None = None) -> Images:
        """Apply the step, and put it on the record."""
        if images.family not in self.families:
            found = f"a step for {_MEANT[self.families[0]]}; these images are {_MEANT[images.family]}"
            raise InputError(self.name, found, "Leave it out")
        done = self.apply(images, tools or Tools())
        return done.copy_with(steps=(*images.steps, {"name": self.name, **to_dict(self)}))


def steps(family: str | None = None) -> dict[str, type[Step]]:
    """Step classes by name, those for one family or all.

    Parameters
    ----------
    family : {"phase", "tomography"}, optional
        What the steps are for; all by default.

    Returns
    -------
    dict
        Classes by their names.
    """
    _discover()
    return {n: c for n, c in sorted(_steps.items()) if family is None or family in c.families}


@cache
def _discover() -> None:
    room = __package__
    for module in pkgutil.iter_modules(importlib.import_module(room).__path__, room + "."):
        importlib.import_module(module.name)


def step(name: str, values: Mapping[str, Any] | None = None) -> Step:
    """The step called `name` with some values of parameters, the others at their defaults; raises InputError.

    Parameters
    ----------
    name : str
        Such as ``"bin"``.
    values : Mapping, optional
        Values of parameters by their names.

    Returns
    -------
    Step
        The step, checked.
    """
    found = steps().get(name)
    if found is None:
        raise InputError("step", f"there is no {name!r}", f"Choose one of {', '.join(steps())}")
    return build(found, values or {})


def _split(text: str) -> list[str]:
    """Words, which quotations hold together; a backslash is one, as in paths of Windows."""
    found = shlex.shlex(text, posix=True, punctuation_chars=False)
    found.whitespace_split, found.escape, found.commenters = True, "", ""
    return list(found)


def step_from_words(text: str) -> Step:
    """A step of its name and ``parameter=value`` words, such as ``"hot-pixels threshold=6 treatment=mask"``.

    Raises
    ------
    InputError
        If there is no such step or parameter, or a value is not accepted.
    """
    try:
        name, *words = _split(text)
    except ValueError as error:  # none at all, or a quotation that does not end
        raise InputError("step", f"got {text!r}", "Give a name, and parameter=value after it") from error
    known = {p.name: p for p in parameters(steps()[name])} if name in steps() else {}
    values = {}
    for word in words:
        key, equals, value = word.partition("=")
        key = key.replace("-", "_")
        if not equals or (known and key not in known):
            listed = ", ".join(f"{p}=" for p in known) or "none"
            raise InputError(name, f"got {word!r}", f"Its parameters are {listed}")
        values[key] = known[key].parse(value) if known else value
    return step(name, values)


Given = Step | str | Mapping[str, Any]
"""A step, its words such as ``"bin factor=2"``, or its record."""


def as_step(given: Given) -> Step:
    """A step from what was given for it; raises InputError.

    Parameters
    ----------
    given : Step, str or Mapping
        A step, its words such as ``"bin factor=2"``, or its record.

    Returns
    -------
    Step
        The step, checked.
    """
    if isinstance(given, Step):
        return given
    if isinstance(given, str):
        return step_from_words(given)
    if not isinstance(given, Mapping):
        raise InputError("step", f"got {given!r}", "Give a step, its words such as 'bin factor=2', or its record")
    return step(str(given.get("name", "")), {k: v for k, v in given.items() if k != "name"})


def as_steps(given: Given | Iterable[Given]) -> list[Step]:
    """A chain of steps, or a single one, as a list; raises InputError.

    Parameters
    ----------
    given : Step, str, Mapping or iterable of these
        One step or several, each as for `as_step`.

    Returns
    -------
    list of Step
        In their order.
    """
    if isinstance(given, Iterable) and not isinstance(given, str | Mapping):
        return [as_step(one) for one in given]
    return [as_step(given)]


def apply_steps(images: Images, chain: Given | Iterable[Given], tools: Tools | None = None) -> Images:
    """Apply steps, one after the other.

    Parameters
    ----------
    images : Images
        What a detector recorded.
    chain : step, or sequence of steps
        Each a `Step`, its words such as ``"bin factor=2"``, or its record.
    tools : Tools, optional
        What reads files and is told of progress.

    Returns
    -------
    Images
        With the steps on record.

    Raises
    ------
    InputError
        If a step is not known, or cannot be applied.
    """
    tools, chain = tools or Tools(), as_steps(chain)
    for i, one in enumerate(chain):
        part = Tools(tools.read, partial(_tell, tools.tick, i, len(chain)))
        images = one(images, part)
        tools.tick((i + 1) / len(chain))
    return images


def _tell(tick: Callable[[float], None], done: int, count: int, fraction: float) -> None:
    """Tell the fraction done of all, of the fraction done of one."""
    tick((done + fraction) / count)

"""Steps of preparation as the words that make them, such as ``bin factor=2``."""

from ..core import InputError, parameters
from ..preparation import Step
from .literals import changed


def words_of(step: Step) -> str:
    """The name of a step, and its parameters that are not at their defaults, as `step_from_words` takes them."""
    known = {p.name: p for p in parameters(step)}
    texts = {name: known[name].format(value) for name, value in changed(step, type(step)()).items()}
    return " ".join([step.name, *(f"{name}={_quoted(text, name)}" for name, text in texts.items())])


def _quoted(text: str, name: str) -> str:
    """A word; in the quotation marks that it does not hold itself."""
    if text and not any(c.isspace() or c in "\"'" for c in text):
        return text
    mark = next((mark for mark in "\"'" if mark not in text), None)
    if mark is None:
        raise InputError(name, f"{text!r} has both kinds of quotation marks", "Rename the file")
    return f"{mark}{text}{mark}"

"""Errors that a user can act on: each names what is wrong, what was found, and the remedy."""

from typing import Any


class ProxiscopeError(Exception):
    """Base of all errors that proxiscope raises on purpose; its text is fit to be shown to a user."""


class InputError(ProxiscopeError, ValueError):
    """Something that came from outside is unusable.

    Parameters
    ----------
    field : str or Path
        Name of the offending field, parameter or file, as the user knows it.
    found : str
        What was found there.
    remedy : str
        What to do about it, as a full sentence.
    """

    def __init__(self, field: object, found: str, remedy: str):
        self.field, self.found, self.remedy = str(field), found, remedy
        super().__init__(f"{field}: {found}. {remedy.rstrip('.')}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.field, self.found, self.remedy)


class NotEnoughMemoryError(MemoryError, ProxiscopeError):  # in this order, or it cannot be pickled by dask
    """The job would need more memory than the machine has to spare.

    Attributes
    ----------
    proposals : tuple of Proposal
        What fits, as far as that is known.
    """

    proposals: tuple[Any, ...] = ()


class DivergedError(ProxiscopeError, ArithmeticError):
    """An iteration produced values that are not finite.

    Attributes
    ----------
    result : Result or None
        What `proxiscope.reconstruct` had before, where the algorithm keeps its best iterate.
    """

    result: Any = None

"""Modules that take long to import and are not needed before something runs."""

from importlib import import_module
from typing import Any


class Later:
    """A module that is imported when something in it is first used, from whatever thread.

    Parameters
    ----------
    name : str
        Absolute name.
    """

    def __init__(self, name: str):
        self.__name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self.__name), attribute)

"""The contract every algorithm obeys."""

from .algorithm import Algorithm, Iterative, Progress, State, check, iterate
from .errors import DivergedError, InputError, NotEnoughMemoryError, ProxiscopeError
from .parameters import Doc, Group, Parameter, Schedule, Unit, build, parameters, to_dict
from .record import Record
from .registry import algorithm, algorithms

__all__ = [
    "Algorithm", "DivergedError", "Doc", "Group", "InputError", "Iterative", "NotEnoughMemoryError", "Parameter",
    "Progress", "ProxiscopeError", "Record", "Schedule", "State", "Unit", "algorithm", "algorithms", "build", "check",
    "iterate", "parameters", "to_dict",
]  # fmt: skip

"""The contract every algorithm obeys."""

from .algorithm import Algorithm, Iterative, Progress, Record, State, check, iterate
from .errors import DivergedError, InputError, NotEnoughMemoryError, ProxiscopeError
from .parameters import Doc, Parameter, Schedule, Unit, build, parameters, to_dict
from .registry import algorithm, algorithms

__all__ = [
    "Algorithm", "DivergedError", "Doc", "InputError", "Iterative", "NotEnoughMemoryError", "Parameter", "Progress",
    "ProxiscopeError", "Record", "Schedule", "State", "Unit", "algorithm", "algorithms", "build", "check", "iterate",
    "parameters", "to_dict",
]  # fmt: skip

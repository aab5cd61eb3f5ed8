"""The contract every algorithm obeys."""

from .algorithm import Algorithm, Iterative, Progress, State, check, iterate
from .errors import DivergedError, InputError, NotEnoughMemoryError, ProxiscopeError
from .parameters import Doc, Group, Parameter, Schedule, Unit, build, parameters, to_dict
from .record import Record
from .registry import algorithm, algorithms
from .stopping import Criterion, Discrepancy, HeldOut, Plateau, criteria, lowest_of, until

__all__ = [
    "Algorithm", "Criterion", "Discrepancy", "DivergedError", "Doc", "Group", "HeldOut", "InputError", "Iterative",
    "NotEnoughMemoryError", "Parameter", "Plateau", "Progress", "ProxiscopeError", "Record", "Schedule", "State",
    "Unit", "algorithm", "algorithms", "build", "check", "criteria", "iterate", "lowest_of", "parameters", "to_dict",
    "until",
]  # fmt: skip

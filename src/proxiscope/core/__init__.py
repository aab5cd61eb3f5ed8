"""The contract every algorithm obeys."""

from .algorithm import PRESETS, Algorithm, Iterative, Progress, State, check, iterate
from .errors import DivergedError, InputError, NotEnoughMemoryError, ProxiscopeError
from .marks import Doc, Example, Group, Label, Unit, When, Zero
from .parameters import Parameter, Schedule, applicable, build, parameters, to_dict
from .record import Record
from .registry import algorithm, algorithms
from .stopping import Criterion, Discrepancy, HeldOut, Plateau, criteria, lowest_of, until

__all__ = [
    "PRESETS", "Algorithm", "Criterion", "Discrepancy", "DivergedError", "Doc", "Example", "Group", "HeldOut",
    "InputError", "Iterative", "Label", "NotEnoughMemoryError", "Parameter", "Plateau", "Progress", "ProxiscopeError",
    "Record", "Schedule", "State", "Unit", "When", "Zero", "algorithm", "algorithms", "applicable", "build", "check",
    "criteria", "iterate", "lowest_of", "parameters", "to_dict", "until",
]  # fmt: skip

"""From the record of a result to what makes it again: a Python script, a command line; and the record in words."""

from .inputs import save_input
from .python import python_code
from .shell import command_line
from .words import describe_record

__all__ = ["command_line", "describe_record", "python_code", "save_input"]

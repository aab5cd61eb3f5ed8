"""The command line: ``proxiscope``."""

from .main import main

__all__ = ["main"]

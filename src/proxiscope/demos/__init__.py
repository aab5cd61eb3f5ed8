"""Short demonstrations of the learning studies, to be watched: headless, one file each.

A new one is a file here with a subclass of `Demo` that has a name; the panel *Learning demos* then offers it.
"""

from .base import COLOURS, Curve, Demo, Frame, Plot, demos

__all__ = ["COLOURS", "Curve", "Demo", "Frame", "Plot", "demos"]

"""Live plots."""

from .base import Plot
from .curves import CurvePlot
from .run_curves import Curves
from .starts import StartsPlot
from .transfer import TransferPlot

__all__ = ["CurvePlot", "Curves", "Plot", "StartsPlot", "TransferPlot"]

"""The docks that napari shows."""

from .phase import PhasePanel
from .preparation import PreparationPanel
from .tomography import TomographyPanel

__all__ = ["PhasePanel", "PreparationPanel", "TomographyPanel"]

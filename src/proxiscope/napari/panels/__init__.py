"""The docks that napari shows."""

from .phase import PhasePanel
from .tomography import TomographyPanel

__all__ = ["PhasePanel", "TomographyPanel"]

"""Geometry of a diffraction experiment."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core import Doc, InputError, Label, Unit, When, Zero
from .images import Images
from .step import Step, Tools

HC = 1.23984198
"""Planck's constant times the speed of light, in keV nm."""


@dataclass(frozen=True, kw_only=True)
class Geometry(Step, name="geometry", title="Pixel size from the geometry"):
    """Find the pixel size of the reconstruction: wavelength x distance / (pixels of the frame x detector pixel).

    Steps that crop keep it right afterwards. It holds across the beam in the far field at small angles; of a pattern in
    3-D, such as a rocking curve, it is that of the two axes of the detector.
    """

    families = ("phase",)

    energy: Annotated[
        float,
        Interval(ge=0, le=1e4),
        Unit("keV"),
        Label("Photon energy"),
        Zero("to be given"),
        Doc("Energy of the photons; or give the wavelength."),
        When("wavelength", 0),
    ] = 0.0
    wavelength: Annotated[
        float,
        Interval(ge=0, le=1e4),
        Unit("nm"),
        Zero("from the energy"),
        Doc("Wavelength of light, X-rays or electrons; 0 to take it from the energy."),
    ] = 0.0
    distance: Annotated[
        float,
        Interval(ge=0, le=1e6),
        Unit("mm"),
        Label("Detector distance"),
        Zero("to be given"),
        Doc("Distance from the specimen to the detector."),
    ] = 0.0
    pixel: Annotated[
        float,
        Interval(ge=0, le=1e5),
        Unit("um"),
        Label("Detector pixel"),
        Zero("to be given"),
        Doc("Edge of a detector pixel, as it is now."),
    ] = 0.0

    def apply(self, images: Images, tools: Tools) -> Images:
        """Set the pixel size."""
        for name in ("distance", "pixel"):
            if not getattr(self, name):
                raise InputError(name, "it is 0", "Give that of the experiment")
        if not self.energy and not self.wavelength:
            raise InputError("energy", "neither energy nor wavelength is given", "Give one of them")
        ny, nx = images.shape[-2:]
        if not np.isclose(ny, nx, rtol=0.01):
            found = f"{ny} rows and {nx} columns, which give pixels that are not square"
            raise InputError("images", found, "Crop them to a square first")
        wavelength = self.wavelength or HC / self.energy
        size = wavelength * self.distance * 1e6 / (nx * self.pixel * 1e3)
        return images.copy_with(pixel_size=size).noted(f"Pixels of the reconstruction are {size:.4g} nm.")

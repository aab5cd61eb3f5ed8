"""The way to the best image that we know: many starts of GPS-R, and maximum likelihood for the best of them."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Interval

from ..core import Doc
from .base import PhaseRetrieval
from .ensemble import Ensemble
from .gps import GPSR

ROBUST = GPSR(restart=False)
"""Without returns to the best iterate, so that more starts succeed."""


@dataclass(frozen=True, kw_only=True)
class BestQuality(Ensemble, name="best-quality", title="Best quality (GPS-R starts, likelihood)"):
    """Best quality: many starts of GPS-R, the best of them refined and ranked by maximum likelihood.

    Takes many times as long as a single run, and comes closest to the object that the noise allows.
    """

    algorithm: PhaseRetrieval = field(default=ROBUST, metadata={"part": True})
    starts: Annotated[int, Interval(ge=1, le=10_000), Doc("Random starts.")] = 64
    refined: Annotated[
        int, Interval(ge=0, le=10_000), Doc("Best starts that maximum likelihood refines and ranks; 0 for none.")
    ] = 16
    exchanges: Annotated[
        int,
        Interval(ge=0, le=1000),
        Doc("Rounds in which refined starts trade phases with the best one in part of the spectrum."),
    ] = 4

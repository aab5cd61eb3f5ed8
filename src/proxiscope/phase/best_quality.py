"""The way to the best image that we know: many starts of GPS-R, and maximum likelihood for the best of them."""

from dataclasses import dataclass, field

from .base import PhaseRetrieval
from .ensemble import Ensemble, Exchanges, Refined, Starts
from .gps import GPSR

ROBUST = GPSR(restart=False)
"""Without returns to the best iterate, so that more starts succeed."""


@dataclass(frozen=True, kw_only=True)
class BestQuality(Ensemble, name="best-quality", title="Best quality (GPS-R starts, likelihood)"):
    """Best quality: many starts of GPS-R, the best of them refined and ranked by maximum likelihood.

    Takes many times as long as a single run, and comes closest to the object that the noise allows.
    """

    algorithm: PhaseRetrieval = field(default=ROBUST, metadata={"part": True})
    starts: Starts = 64
    refined: Refined = 16
    exchanges: Exchanges = 4

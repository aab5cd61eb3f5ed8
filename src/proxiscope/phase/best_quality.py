"""The way to the best image that we know: many starts of GPS-R, and maximum likelihood for the best of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

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

    use: ClassVar[str] = (
        "The final image, when time does not matter: it comes to what the noise allows, in the time of a hundred runs."
    )

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"fast": {"starts": 16, "refined": 4, "exchanges": 1}}

    algorithm: PhaseRetrieval[Any] = field(default=ROBUST, metadata={"part": True})
    starts: Starts = 64
    refined: Refined = 16
    exchanges: Exchanges = 4

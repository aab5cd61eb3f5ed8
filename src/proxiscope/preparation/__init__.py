"""From raw to ready: small steps that turn what a detector recorded into a problem."""

from .history import History
from .images import Images
from .step import Step, Tools, apply_steps, as_step, as_steps, step, steps

__all__ = ["History", "Images", "Step", "Tools", "apply_steps", "as_step", "as_steps", "step", "steps"]

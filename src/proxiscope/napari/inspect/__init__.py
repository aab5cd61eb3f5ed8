"""The pages of the panel *Inspect*."""

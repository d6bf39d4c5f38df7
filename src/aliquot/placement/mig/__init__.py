"""Where MIG instances go: which GPU, and which of its memory slices."""

from aliquot.placement.mig.policies import MigPlacer, MigPolicy

__all__ = ["MigPlacer", "MigPolicy"]

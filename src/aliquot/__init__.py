"""Aliquot divides physical GPUs into virtual GPUs."""

__version__ = "0.1.0"

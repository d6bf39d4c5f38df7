"""The package for a guest VM: guest driver, loader entry and aliquot-guest."""

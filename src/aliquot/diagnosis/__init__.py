"""Finds out what keeps Aliquot from working here, or working as well as it could."""

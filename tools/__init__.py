"""Development programs; nothing here is installed with Aliquot."""

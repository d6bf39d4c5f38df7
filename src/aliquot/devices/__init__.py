"""Discovery of devices: one file a source."""

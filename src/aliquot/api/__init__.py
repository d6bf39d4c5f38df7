"""The REST API: one thin face of the daemon."""

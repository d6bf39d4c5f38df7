"""The typed client of device hosts."""

"""QEMU, by its monitor's protocol QMP."""

"""A sysfs with behaviour: what is written to it happens, with the kernel's errors."""

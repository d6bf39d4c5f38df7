"""Mode `mig`: NVIDIA's Multi-Instance GPU."""

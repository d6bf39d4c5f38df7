"""Consumers of a vGPU: a process, and later a container, a VM, a desktop."""

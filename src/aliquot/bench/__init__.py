"""Measures what a vGPU costs against the bare device."""

"""Fixtures of the performance tests: those of the system tests."""

from tests.system.conftest import programs, pytest_generate_tests, runtime

__all__ = ["programs", "pytest_generate_tests", "runtime"]

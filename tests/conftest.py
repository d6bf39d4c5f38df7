"""What holds for all tests: when they run, and when they can't."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measurements run last, one after another; tests for root are skipped by an ordinary user."""
    items.sort(key=lambda item: item.get_closest_marker("performance") is not None)
    if os.geteuid() == 0:
        return
    needs_root = pytest.mark.skip(reason="only root can show this; run the tests as root")
    for item in items:
        if item.get_closest_marker("needs_root"):
            item.add_marker(needs_root)

"""What holds for all tests: when they run, and when they can't."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator

import hypothesis
import pytest

from tests.soak import results

# The same examples each time: whether a change may go in is not to depend on luck, nor on how fast
# the machine is. To look for more: pytest --hypothesis-profile=explore.
hypothesis.settings.register_profile(
    "aliquot", derandomize=True, deadline=None, database=None, print_blob=True
)
hypothesis.settings.register_profile("explore", max_examples=2000, deadline=None, print_blob=True)
hypothesis.settings.load_profile("aliquot")


# A shell starts what it puts into the background with interrupts ignored, and programs inherit that
# from us; those under test are to be started as from a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What tests that compare with kept pictures are to do."""
    parser.addoption(
        "--new-baselines",
        action="store_true",
        help="make the pictures anew with which tests/dashboard/test_looks.py compares",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measurements run last, long tests first; tests for root are skipped by an ordinary user."""
    items.sort(key=_place)
    if os.geteuid() == 0:
        return
    needs_root = pytest.mark.skip(reason="only root can show this; run the tests as root")
    for item in items:
        if item.get_closest_marker("needs_root"):
            item.add_marker(needs_root)


def _place(item: pytest.Item) -> int:
    """What begins last, where several run at once, is to be short: the others would wait for it."""
    if item.get_closest_marker("performance"):
        return 2
    return 0 if item.get_closest_marker("timeout") else 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Every long test leaves a dated result, whatever came of it."""
    report = yield
    if report.when == "call" and item.get_closest_marker("soak"):
        results.write(item.nodeid, report.duration, report.outcome, dict(item.user_properties))
    return report

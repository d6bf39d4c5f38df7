"""What part of its vGPU's time each command queue has."""

from __future__ import annotations

import pytest

from aliquot.model.queues import CommandQueue, QueueClaims, QueuesAnswer, Readings, shares

SECOND = 1_000_000_000


def claims(at: float, **device_ns: int) -> QueueClaims:
    """Of queues that are called a, b, …, at so many seconds."""
    queues = [
        CommandQueue(1, ord(name) - ord("a") + 1, True, 0, 0, had, 0)
        for name, had in device_ns.items()
    ]
    return QueueClaims(round(at * SECOND), QueuesAnswer.TOLD, queues)


def test_of_all_time_where_nothing_was_told_before() -> None:
    assert shares(None, claims(5, a=300, b=100)) == {(1, 1): 75, (1, 2): 25}
    assert shares(None, claims(5, a=0)) == {(1, 1): 0}


def test_of_the_time_since() -> None:
    before = claims(5, a=300, b=100)
    assert shares(before, claims(6, a=300, b=200)) == {(1, 1): 0, (1, 2): 100}
    assert shares(before, claims(6, a=300, b=100)) == {(1, 1): 0, (1, 2): 0}
    # A new one, and one of a number that another had.
    assert shares(before, claims(6, a=100, b=100, c=300)) == {(1, 1): 25, (1, 2): 0, (1, 3): 75}


def test_of_the_last_second() -> None:
    readings = Readings()
    assert readings.add(claims(10, a=1000, b=0)) == {(1, 1): 100, (1, 2): 0}
    assert readings.add(claims(10.5, a=1000, b=300)) == {(1, 1): 0, (1, 2): 100}
    assert readings.add(claims(11, a=1100, b=300)) == {(1, 1): 25, (1, 2): 75}
    # What was told a second ago is where it begins by now.
    assert readings.add(claims(11.5, a=1100, b=300)) == {(1, 1): 100, (1, 2): 0}
    assert readings.add(QueueClaims(12 * SECOND, QueuesAnswer.SILENT)) == {}
    assert sum(readings.add(claims(99, a=1107, b=314)).values()) == pytest.approx(100)


def test_what_is_no_newer_changes_nothing() -> None:
    readings = Readings()
    readings.add(claims(10, a=1000, b=0))
    newest = readings.add(claims(10.5, a=1000, b=300))
    for late in (10.5, 10.2):
        assert readings.add(claims(late, a=900, b=100)) == newest
    assert readings.add(claims(10.7, a=1100, b=300)) == {(1, 1): 25, (1, 2): 75}

"""`aliquot bench daemon`: its bars, its percentiles, and what watchers must have seen."""

from __future__ import annotations

import pytest

from aliquot.bench.daemon.cases import CASES, CREATE_MS, IDLE_PERCENT, Kind
from aliquot.bench.daemon.result import Line, Result, percentile
from aliquot.bench.daemon.watching import Seen


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1.0), (1, 2.0), (50, 100.0), (99, 198.0), (100, 200.0)]
)
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    assert percentile([float(number) for number in range(1, 201)], percent) == expected


def test_a_percentile_of_one_value() -> None:
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7.0


@pytest.mark.parametrize(
    ("line", "holds", "holds_twice_as_wide"),
    [
        (Line("c", "n", 50.0, "ms", 50.0), True, True),
        (Line("c", "n", 50.1, "ms", 50.0), False, True),
        (Line("c", "n", 100.1, "ms", 50.0), False, False),
        (Line("c", "n", 91.0, "MiB", 90.0, strict=True), False, False),
        (Line("c", "n", 200, "", 200, at_least=True, strict=True), True, True),
        (Line("c", "n", 199, "", 200, at_least=True, strict=True), False, False),
        (Line("c", "n", 199, "", 200, at_least=True), False, True),
        (Line("c", "n", 1e9, "ms", None), True, True),
    ],
)
def test_a_bar_is_widened_where_other_work_changes_what_is_measured(
    line: Line, holds: bool, holds_twice_as_wide: bool
) -> None:
    assert line.holds(1) is holds
    assert line.holds(2) is holds_twice_as_wide


def test_one_line_that_does_not_hold_breaks_the_result() -> None:
    good, bad = Line("c", "good", 1.0, "ms", 2.0), Line("c", "bad", 3.0, "ms", 2.0)
    assert Result([good], {}, 1.0, 0.0, 0.0).holds
    broken = Result([good, bad], {}, 1.0, 0.0, 0.0)
    assert not broken.holds
    assert [line["holds"] for line in broken.as_dict()["lines"]] == [True, False]


@pytest.mark.parametrize(
    "mine",
    [[], [1, 2, 3], [1, 2, 2, 3, 4], [1, 3, 4], [2, 1, 3, 4], [2, 3, 4]],
    ids=["nothing", "not the last", "one twice", "not one", "out of order", "not the first"],
)
def test_a_watcher_that_missed_something_is_found(mine: list[int]) -> None:
    assert Seen([[1, 2, 3, 4], mine], 4).whole([1, 2, 3, 4, 5]) == 1


def test_a_watcher_may_have_seen_more() -> None:
    assert Seen([[1, 2, 3, 4], [1, 2, 3, 4, 5]], 4).whole([1, 2, 3, 4, 5]) == 2


def test_each_case_has_its_bar() -> None:
    for case in CASES:
        if case.kind is Kind.CREATE:
            assert case.there in CREATE_MS
        if case.kind is Kind.IDLE:
            assert case.there in IDLE_PERCENT
    assert len({case.name for case in CASES}) == len(CASES)

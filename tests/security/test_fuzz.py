"""The fuzzers find nothing: in half a minute each, and in an hour each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.security.fuzz_seeds import seeds_of
from tests.security.fuzzing import FUZZERS, Fuzzer, execute, fuzz, need

_SECONDS = 30
_HOUR = 3600
# The guest driver has two, one for each way in which data may pass.
_SECONDS_OF = {"guest": 15, "guest_staged": 15}

fuzzers = pytest.mark.parametrize("fuzzer", FUZZERS, ids=lambda fuzzer: fuzzer.name)


@fuzzers
def test_fuzzer_finds_nothing(fuzzer: Fuzzer, tmp_path: Path) -> None:
    """From nothing and from recorded programs."""
    need(fuzzer)
    seconds = _SECONDS_OF.get(fuzzer.name, _SECONDS)
    outcome = fuzz(fuzzer, seconds, tmp_path / "corpus", *seeds_of(fuzzer))
    assert not outcome.report, outcome.report
    assert outcome.executions > 100, outcome
    print(f"{outcome.executions} inputs, {outcome.coverage} places")


@pytest.mark.parametrize(
    "fuzzer", [one for one in FUZZERS if one.regressions], ids=lambda fuzzer: fuzzer.name
)
def test_past_trouble_is_none_now(fuzzer: Fuzzer) -> None:
    """Inputs that once ended badly end well."""
    need(fuzzer)
    outcome = execute(fuzzer, fuzzer.regressions)
    assert not outcome.report, outcome.report


@pytest.mark.soak
@pytest.mark.timeout(_HOUR + 600)
@fuzzers
def test_fuzzer_finds_nothing_in_an_hour(
    fuzzer: Fuzzer, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """With nothing found before to start from but recorded programs."""
    need(fuzzer)
    outcome = fuzz(fuzzer, _HOUR, tmp_path / "corpus", *seeds_of(fuzzer))
    record_property("executions", outcome.executions)
    record_property("places_reached", outcome.coverage)
    assert not outcome.report, outcome.report

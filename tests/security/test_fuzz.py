"""The fuzzers find nothing: in half a minute each, and in an hour each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.security.fuzz_seeds import seeds_of
from tests.security.fuzzing import FUZZERS, Fuzzer, Outcome, execute, fuzz, need
from tests.soak import length

pytestmark = pytest.mark.alone

_SECONDS = 30
_HOUR = 3600
# The guest driver has two, one for each way in which data may pass; a guest VM's stream, two ends.
_SECONDS_OF = {"guest": 15, "guest_staged": 15, "vm_stream_host": 15, "vm_stream_guest": 15}
_AT_ONCE = 2

fuzzers = pytest.mark.parametrize("fuzzer", FUZZERS, ids=lambda fuzzer: fuzzer.name)


class Runs:
    """The runs that one session's tests want, two at a time; they begin with the first wanted."""

    def __init__(self, items: list[pytest.Item], folder: Path) -> None:
        self._items = items
        self._folder = folder
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
        self._futures: dict[tuple[str, str], Future[Outcome]] = {}

    def outcome(
        self, test: pytest.Item, fuzzer: Fuzzer, seconds: Callable[[Fuzzer], int]
    ) -> Outcome:
        """What came of one fuzzer; starts those of the same test as well."""
        name = getattr(test, "originalname", test.name)
        if (name, fuzzer.name) not in self._futures:
            for item in self._items:
                if getattr(item, "originalname", "") == name:
                    wanted: Fuzzer = item.callspec.params["fuzzer"]  # type: ignore[attr-defined]
                    self._futures[name, wanted.name] = self._start(name, wanted, seconds(wanted))
        return self._futures[name, fuzzer.name].result()

    def close(self) -> None:
        """Waits for what runs; what has not begun never does."""
        self._pool.shutdown(cancel_futures=True)

    def _start(self, test: str, fuzzer: Fuzzer, seconds: int) -> Future[Outcome]:
        need(fuzzer)
        corpus = self._folder / test / fuzzer.name / "corpus"
        # The same start each time in `make test`, whose verdict is not to depend on luck.
        seed = 1 if seconds <= _SECONDS else 0
        return self._pool.submit(fuzz, fuzzer, seconds, corpus, *seeds_of(fuzzer), seed=seed)


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    """The session's fuzzing."""
    runs = Runs(request.session.items, tmp_path_factory.mktemp("fuzz"))
    yield runs
    runs.close()


@fuzzers
def test_fuzzer_finds_nothing(fuzzer: Fuzzer, runs: Runs, request: pytest.FixtureRequest) -> None:
    """From nothing and from recorded programs."""
    need(fuzzer)
    outcome = runs.outcome(request.node, fuzzer, lambda one: _SECONDS_OF.get(one.name, _SECONDS))
    assert not outcome.report, outcome.report
    assert outcome.executions > 50, outcome
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
@pytest.mark.timeout(_HOUR + 900)
@fuzzers
def test_fuzzer_finds_nothing_in_an_hour(
    fuzzer: Fuzzer,
    runs: Runs,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    """With nothing found before to start from but recorded programs."""
    need(fuzzer)
    outcome = runs.outcome(request.node, fuzzer, lambda _: length.scaled(_HOUR, least=31))
    record_property("seconds", round(outcome.seconds))
    record_property("executions", outcome.executions)
    record_property("places_reached", outcome.coverage)
    assert not outcome.report, outcome.report

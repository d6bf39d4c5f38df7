"""The command queues of guest processes, as their worker tells them: nothing rests on that.

Not to be confused with the queue of vGPUs that wait for a place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Literal, NamedTuple

_SECOND_NS = 1_000_000_000


class QueuesAnswer(IntEnum):
    """What came of asking a worker."""

    TOLD = 0
    NO_WORKER = 1  # none runs, so nobody works on queues
    SILENT = 2  # it has not answered in time

    @property
    def word(self) -> QueuesWord:
        """As the API says it."""
        return _WORDS[self]


QueuesWord = Literal["told", "no-worker", "silent"]
_WORDS: dict[QueuesAnswer, QueuesWord] = {
    QueuesAnswer.TOLD: "told",
    QueuesAnswer.NO_WORKER: "no-worker",
    QueuesAnswer.SILENT: "silent",
}


class CommandQueue(NamedTuple):
    """A command queue of a guest process, which is known by its connection.

    `outstanding` commands have not ended, those included that wait for the device; the oldest of
    them has been known for `oldest_ns` at least. `completed` ones took `device_ns`.
    """

    connection: int
    number: int
    in_order: bool
    outstanding: int
    completed: int
    device_ns: int
    oldest_ns: int


class QueueClaims(NamedTuple):
    """What a worker told at a moment of the monotonic clock.

    `left_out` queues of all connections are not told, `left_out_of` which connection how many.
    """

    at_ns: int = 0
    answer: QueuesAnswer = QueuesAnswer.NO_WORKER
    queues: Sequence[CommandQueue] = ()
    left_out: int = 0
    left_out_of: Mapping[int, int] = {}


def shares(earlier: QueueClaims | None, now: QueueClaims) -> dict[tuple[int, int], float]:
    """Each queue's part of the time of all that are told, in percent, by connection and number.

    Of the time since `earlier`, or without that of all of it. Where nothing has ended meanwhile,
    nobody had any.
    """
    before: dict[tuple[int, int], int] = {}
    if earlier is not None:
        before = {(queue.connection, queue.number): queue.device_ns for queue in earlier.queues}
    had: dict[tuple[int, int], int] = {}
    for queue in now.queues:
        key = (queue.connection, queue.number)
        since = before.get(key, 0)
        # One with less than before is another of the same number.
        had[key] = queue.device_ns - since if queue.device_ns >= since else queue.device_ns
    whole = sum(had.values())
    return {key: 100 * part / whole if whole else 0.0 for key, part in had.items()}


class Readings:
    """The last claims of one vGPU's worker, to tell by them what its queues have now."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._told: list[QueueClaims] = []
        self._shares: dict[tuple[int, int], float] = {}

    def add(self, claims: QueueClaims) -> dict[tuple[int, int], float]:
        """The shares of the last second or, where that is more, since what was told before.

        Claims that are no newer than what was told before change nothing.
        """
        if claims.answer is not QueuesAnswer.TOLD:
            return {}
        if self._told and claims.at_ns <= self._told[-1].at_ns:
            return self._shares
        begin = claims.at_ns - _SECOND_NS
        while len(self._told) > 1 and self._told[1].at_ns <= begin:
            del self._told[0]
        earlier = self._told[0] if self._told else None
        self._told.append(claims)
        self._shares = shares(earlier, claims)
        return self._shares

"""Watchers: whether each sees every event once, and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aliquot.client.rest.address import Address
from aliquot.client.rest.async_client import AsyncClient

_SECONDS = 120.0


class Seen(NamedTuple):
    """The numbers of the events that each watcher was told, and of the last that all should see."""

    by_watcher: list[list[int]]
    last: int

    def whole(self, told: Sequence[int]) -> int:
        """How many saw all up to the last, once and in order, where `told` is what there was."""
        return sum(
            mine[-1:] >= [self.last] and mine == list(told[: len(mine)]) for mine in self.by_watcher
        )


def watch(address: Address, since: int, watchers: int, act: Callable[[], int]) -> Seen:
    """Watch events from number `since` on, while `act` makes something happen.

    It returns the number of the newest event then. Who has waited too long has seen what it has.
    """
    return asyncio.run(_watch(address, since, watchers, act))


async def _watch(address: Address, since: int, watchers: int, act: Callable[[], int]) -> Seen:
    seen: list[list[int]] = [[] for _ in range(watchers)]
    last: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def follow(mine: list[int]) -> None:
        async for event in client.watch(since):
            mine.append(event.sequence)
            if last.done() and event.sequence >= last.result():
                return

    async with AsyncClient(address) as client:
        tasks = [asyncio.create_task(follow(mine)) for mine in seen]
        last.set_result(await asyncio.to_thread(act))
        # One more event, should somebody have seen the last one before it was known to be that.
        await asyncio.to_thread(act)
        _, late = await asyncio.wait(tasks, timeout=_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return Seen(seen, last.result())

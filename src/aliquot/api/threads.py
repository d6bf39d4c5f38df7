"""Threads for what the service does, so that nobody's slow requests take all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """A pool of threads, of which one tenant has a part at most. Belongs to one event loop."""

    def __init__(self, name: str, most: int, most_each: int) -> None:
        """`most` threads, and `most_each` at once for one tenant."""
        self.pool = ThreadPoolExecutor(most, name)
        self._most_each = most_each
        self._places: dict[str, asyncio.Semaphore] = {}
        self._users: dict[str, int] = {}

    async def run(self, tenant: str, act: Callable[[], T]) -> T:
        """What `act` returns, once the tenant has a thread for it."""
        self._users[tenant] = self._users.get(tenant, 0) + 1
        place = self._places.setdefault(tenant, asyncio.Semaphore(self._most_each))
        try:
            async with place:
                return await asyncio.get_running_loop().run_in_executor(self.pool, act)
        finally:
            self._users[tenant] -= 1
            if not self._users[tenant]:
                del self._users[tenant], self._places[tenant]

    def close(self) -> None:
        """Wait for what is being done."""
        self.pool.shutdown()

"""Server-sent events: every watcher sees every event that it may see, once and in order.

The newest events are kept in memory as this node's changes tell of them, and read from the store
where others lie between them. Each watcher has its own place among them. Who is too slow waits on
its own connection, is read for from the store when it comes back, and where that has forgotten is
told to list again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from aliquot.api.problems import problem
from aliquot.daemon.caller import Caller
from aliquot.errors import AliquotError
from aliquot.model.access_token import Role
from aliquot.model.api.node import EventResource

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

EVENT_STREAM = "text/event-stream"
KEEP_ALIVE_SECONDS = 15.0
# Another node's events in a shared database aren't told, so they are looked for.
_LOOK_SECONDS = 2.0
_KEPT = 4096
_AT_ONCE = 500
_CHUNK = 64 << 10
_log = logging.getLogger(__name__)
_READER = Caller(tenant="system", role=Role.ADMIN)


class Watch(NamedTuple):
    """What an operation answers that wants its caller to watch; None is from now on."""

    caller: Caller
    since: int | None


class _Kept(NamedTuple):
    sequence: int
    event: EventResource
    text: bytes


class Hub:
    """All watchers. Belongs to one event loop."""

    def __init__(self, service: Service, executor: ThreadPoolExecutor) -> None:
        """Not yet reading."""
        self._service = service
        self._executor = executor
        self._kept: deque[_Kept] = deque(maxlen=_KEPT)
        self._newest = 0
        self._wake = asyncio.Event()
        self._waiting: set[asyncio.Event] = set()
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self._cancel: Callable[[], None] | None = None

    async def start(self) -> None:
        """Begin to read from here on."""
        loop = asyncio.get_running_loop()

        def told(happened: list[EventResource]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody watches any more
                loop.call_soon_threadsafe(self._take_told, happened)

        self._newest = await self._in_thread(self._service.events.newest)
        self._cancel = self._service.events.subscribe(told)
        self._wake.set()
        self._task = asyncio.create_task(self._read())

    async def close(self) -> None:
        """End every stream; who reconnects goes on where it was."""
        if self._closed:
            return
        self._closed = True
        if self._cancel:
            self._cancel()
        self._tell()
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def stream(self, watch: Watch) -> AsyncIterator[bytes]:
        """The events for a watcher; raises what is wrong before the first of them."""
        position = self._newest if watch.since is None else watch.since
        first, position = await self._since(watch.caller, position)
        return self._events(watch.caller, first, position)

    async def _events(
        self, caller: Caller, first: list[bytes], position: int
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        awake = asyncio.Event()
        self._waiting.add(awake)
        self._wake.set()  # another node's events are looked for only while somebody waits
        checked = loop.time()
        chunks = [*first, _place(position)]
        try:
            while not self._closed:
                awake.clear()
                if not chunks:
                    chunks, position = await self._since(caller, position)
                for chunk in _joined(chunks):
                    yield chunk
                quiet = not chunks
                chunks = []
                if caller.token and loop.time() - checked > KEEP_ALIVE_SECONDS:
                    await self._in_thread(self._service.tokens.check, caller)
                    checked = loop.time()
                if quiet and position >= self._newest:
                    try:
                        await asyncio.wait_for(awake.wait(), KEEP_ALIVE_SECONDS)
                    except TimeoutError:
                        yield b": keep-alive\n" + _place(position)
        except AliquotError as error:
            yield b"event: problem\ndata: " + msgspec.json.encode(problem(error)) + b"\n\n"
        finally:
            self._waiting.discard(awake)

    async def _since(self, caller: Caller, position: int) -> tuple[list[bytes], int]:
        """The events after a place that the caller may see, and the place after them."""
        if position == self._newest:
            return [], position
        if not self._kept or not self._kept[0].sequence <= position + 1 <= self._newest + 1:
            page = await self._in_thread(self._service.events.since, caller, position, _AT_ONCE)
            return [_text(event) for event in page.items], page.sequence
        start = position + 1 - self._kept[0].sequence
        found = list(islice(self._kept, start, start + _AT_ONCE))
        may_see = self._service.events.may_see
        return [kept.text for kept in found if may_see(caller, kept.event)], found[-1].sequence

    async def _read(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_SECONDS if self._waiting else None)
            self._wake.clear()
            try:
                await self._read_all()
            except AliquotError:
                # The store is out of reach: the watchers wait, and nothing is skipped.
                await asyncio.sleep(_LOOK_SECONDS)
                self._wake.set()
            except Exception:  # nobody would be told of anything any more, and nobody would know
                _log.exception("reading events for watchers met a fault")
                await asyncio.sleep(_LOOK_SECONDS)
                self._wake.set()

    async def _read_all(self) -> None:
        while True:
            page = await self._in_thread(
                self._service.events.since, _READER, self._newest, _AT_ONCE
            )
            # Meanwhile some of them may have been told.
            new = [event for event in page.items if event.sequence > self._newest]
            if not new:
                return
            self._keep(new)

    def _take_told(self, happened: Sequence[EventResource]) -> None:
        """What follows what is kept is kept as well; where something is missing, it is read."""
        new = [event for event in happened if event.sequence > self._newest]
        if not new:
            return
        if new[0].sequence == self._newest + 1:
            self._keep(new)
        else:
            self._wake.set()

    def _keep(self, new: Sequence[EventResource]) -> None:
        self._kept.extend(_Kept(event.sequence, event, _text(event)) for event in new)
        self._newest = new[-1].sequence
        self._tell()

    def _tell(self) -> None:
        for awake in self._waiting:
            awake.set()

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._executor, function, *arguments)


def _text(event: EventResource) -> bytes:
    kind = event.kind.encode()
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.sequence, kind, msgspec.json.encode(event))


def _place(position: int) -> bytes:
    """An id without data: no event, but where to go on from (as the standard has it)."""
    return b"id: %d\n\n" % position


def _joined(chunks: list[bytes]) -> list[bytes]:
    joined = [b""]
    for chunk in chunks:
        if len(joined[-1]) > _CHUNK:
            joined.append(b"")
        joined[-1] += chunk
    return [chunk for chunk in joined if chunk]

"""Watching: every event once and in order, for many at once, and for those who come back."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from aliquot.api import watch as watching
from aliquot.client.rest import AsyncClient, Client
from aliquot.client.rest.address import Address
from aliquot.errors import EventsForgotten, NotAllowed, TokenRefused
from aliquot.model.access_token import Role
from aliquot.model.api.node import EventResource
from aliquot.model.api.vgpus import VgpuChange, VgpuWanted
from aliquot.store.change import SYSTEM
from tests.contract.api.raw import ask
from tests.contract.api.serving import Serving

WATCHERS = 200
EVENTS = 150


def tell(serving: Serving, count: int, tenant: str = "", kind: str = "device.changed") -> None:
    """Events, a transaction each."""
    for _ in range(count):
        with serving.service.store.change(SYSTEM) as change:
            change.tell_watchers(kind, "subject", tenant)


def take(events: Iterator[EventResource], count: int) -> list[EventResource]:
    """The next events."""
    return [next(events) for _ in range(count)]


def sequences(text: bytes) -> list[int]:
    """The numbers of the events in a stream, as they came."""
    return [int(found) for found in re.findall(rb"id: (\d+)\nevent: ", text)]


def test_every_watcher_sees_every_event_once(on_fakes: Serving) -> None:
    async def one(began: asyncio.Semaphore) -> list[int]:
        client = AsyncClient(Address(on_fakes.listener.path))
        seen: list[int] = []
        events = client.watch(0)
        began.release()
        async for event in events:
            seen.append(event.sequence)
            if len(seen) == EVENTS:
                break
        await events.aclose()  # type: ignore[attr-defined]
        return seen

    async def all_of_them() -> list[list[int]]:
        began = asyncio.Semaphore(0)
        tasks = [asyncio.create_task(one(began)) for _ in range(WATCHERS)]
        for _ in range(WATCHERS):
            await began.acquire()
        await asyncio.to_thread(tell, on_fakes, EVENTS)
        return await asyncio.wait_for(asyncio.gather(*tasks), 120)

    seen = asyncio.run(all_of_them())
    assert seen == [list(range(1, EVENTS + 1))] * WATCHERS


def test_who_lists_and_then_watches_misses_nothing(serving: Serving, client: Client) -> None:
    client.vgpus.create(VgpuWanted(name="one", memory=1 << 20, device="0"))
    page = client.vgpus.list()
    made = client.vgpus.create(VgpuWanted(name="two", memory=1 << 20, device="0"))
    events = client.watch(page.sequence)
    found = next(event for event in events if event.subject == made.id)
    assert found.sequence > page.sequence
    assert found.kind.startswith("vgpu.")
    kinds = [event.kind for event in client.events.since(0, 500).items]
    assert len(kinds) == client.node.show().sequence


def test_a_tenant_sees_its_own_events_alone(on_fakes: Serving) -> None:
    tell(on_fakes, 3, "alice", "vgpu.ready")
    tell(on_fakes, 2, "bob", "vgpu.ready")
    tell(on_fakes, 1)
    tell(on_fakes, 1, "", "store.secret")
    tell(on_fakes, 1, "alice", "vgpu.deleted")
    with on_fakes.client(on_fakes.token("alice", Role.VIEWER)) as alice:
        expected = [1, 2, 3, 6, 8]
        assert [event.sequence for event in take(alice.watch(0), 5)] == expected
        page = alice.events.since(0, 500)
        assert [event.sequence for event in page.items] == expected
        assert page.sequence == 8
    narrow = on_fakes.token("alice", Role.ADMIN, "vgpus:read")
    with on_fakes.client(narrow) as client, pytest.raises(NotAllowed):
        next(client.watch(0))
    assert ask(on_fakes, "GET", "/watch", token="").status == 401


def test_who_comes_back_goes_on_where_it_was(on_fakes: Serving, client_of: Client) -> None:
    events = client_of.watch(0)
    tell(on_fakes, 5)
    assert [event.sequence for event in take(events, 3)] == [1, 2, 3]
    # As a browser does it: Last-Event-ID goes before what the URL says.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way:
        way.settimeout(20)
        way.connect(on_fakes.listener.path)
        way.sendall(b"GET /api/v1/watch?since=0 HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 3\r\n\r\n")
        text = b""
        while text.count(b"data:") < 2:
            text += way.recv(65536)
    assert sequences(text) == [4, 5]
    assert ask(on_fakes, "GET", "/watch", Last_Event_ID="x").status == 400


@pytest.fixture
def client_of(on_fakes: Serving) -> Iterator[Client]:
    """A client of the API on fakes."""
    with on_fakes.client() as client:
        yield client


def test_the_client_connects_again_and_sees_each_event_once(
    on_fakes: Serving, client_of: Client
) -> None:
    events = client_of.watch(0)
    tell(on_fakes, 2)
    seen = [event.sequence for event in take(events, 2)]
    # What a restarted daemon or a broken connection is to the client.
    on_fakes.drop_connections()
    tell(on_fakes, 3)
    seen += [event.sequence for event in take(events, 3)]
    assert seen == [1, 2, 3, 4, 5]


def test_from_now_on_is_from_now_on(on_fakes: Serving, client_of: Client) -> None:
    tell(on_fakes, 4)
    assert client_of.node.show().sequence == 4

    async def first() -> int:
        client = AsyncClient(Address(on_fakes.listener.path))
        events = client.watch()
        waiting = asyncio.ensure_future(anext(events))
        while not on_fakes.watchers():
            await asyncio.sleep(0.02)
        await asyncio.to_thread(tell, on_fakes, 1)
        return (await asyncio.wait_for(waiting, 20)).sequence

    assert asyncio.run(first()) == 5


def test_what_is_forgotten_is_told_of(on_fakes: Serving, client_of: Client) -> None:
    tell(on_fakes, 3)
    with pytest.raises(EventsForgotten):
        next(client_of.watch(99))
    refused = ask(on_fakes, "GET", "/watch?since=99")
    assert (refused.status, refused.code) == (410, "ALQ-E326")
    assert ask(on_fakes, "GET", "/events?since=99").status == 410


def test_a_slow_watcher_holds_up_nobody_and_is_read_for_from_the_store(
    on_fakes: Serving, client_of: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(30)
        slow.connect(on_fakes.listener.path)
        slow.sendall(b"GET /api/v1/watch?since=0 HTTP/1.1\r\nHost: x\r\n\r\n")
        count = watching._KEPT + 1000
        padding = "x" * 500
        with on_fakes.service.store.change(SYSTEM) as change:
            for _ in range(count):
                change.tell_watchers("device.changed", "subject", "", padding=padding)
        # Another one has seen all of it, while the slow one has read nothing.
        events = client_of.watch(0)
        assert [event.sequence for event in take(events, count)] == list(range(1, count + 1))
        text = b""
        while f"id: {count}\n".encode() not in text:
            text += slow.recv(1 << 20)
    assert sequences(text) == list(range(1, count + 1))


def test_a_watcher_that_fell_behind_what_is_kept_is_told_to_list_again(
    on_fakes: Serving, client_of: Client
) -> None:
    from sqlalchemy import delete

    from aliquot.store.tables import events as table

    count = watching._KEPT + 1000
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(30)
        slow.connect(on_fakes.listener.path)
        slow.sendall(b"GET /api/v1/watch?since=0 HTTP/1.1\r\nHost: x\r\n\r\n")
        with on_fakes.service.store.change(SYSTEM) as change:
            for _ in range(count):
                change.tell_watchers("device.changed", "subject", "", padding="x" * 500)
        take(client_of.watch(0), count)
        with on_fakes.service.store.change(SYSTEM) as change:
            change.connection.execute(delete(table).where(table.c.sequence < count))
        text = b""
        while b"event: problem\n" not in text or not text.endswith(b"\n\n\r\n0\r\n\r\n"):
            chunk = slow.recv(1 << 20)
            if not chunk:
                break
            text += chunk
    told = text[text.index(b"event: problem\n") :]
    assert json.loads(told[told.index(b"{") : told.rindex(b"}") + 1])["code"] == "ALQ-E326"


def test_a_fault_while_events_are_read_ends_no_watching(
    on_fakes: Serving, client_of: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_LOOK_SECONDS", 0.05)
    events = client_of.watch(0)
    # As those of another node that shares the database: not told, but read.
    monkeypatch.setattr(watching.Hub, "_take_told", lambda *_: None)
    since = on_fakes.service.events.since
    faults = [RuntimeError("a fault of ours"), RuntimeError("another")]
    met = threading.Event()

    def faulty(*arguments: Any) -> Any:
        if faults:
            raise faults.pop()
        met.set()
        return since(*arguments)

    tell(on_fakes, 1)
    assert [event.sequence for event in take(events, 1)] == [1]
    # The watcher waits, so its node looks for events again and again, and meets the faults. Told
    # only afterwards: a look that was under way could find the second event without them.
    monkeypatch.setattr(on_fakes.service.events, "since", faulty)
    assert met.wait(20)
    tell(on_fakes, 1)
    assert [event.sequence for event in take(events, 1)] == [2]


def test_a_revoked_token_watches_no_longer(
    on_fakes: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "KEEP_ALIVE_SECONDS", 0.2)
    token = on_fakes.token("alice", Role.USER)
    with on_fakes.client(token) as alice, on_fakes.client() as admin:
        events = alice.watch(0)
        tell(on_fakes, 1)
        assert next(events).sequence == 1
        admin.tokens.revoke(token.split("_")[1])
        with pytest.raises(TokenRefused):
            next(events)


def test_silence_is_kept_alive_and_moves_the_place_on(
    on_fakes: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "KEEP_ALIVE_SECONDS", 0.2)
    token = on_fakes.token("alice", Role.USER)
    with socket.create_connection(("127.0.0.1", on_fakes.port), 20) as way:
        way.sendall(
            b"GET /api/v1/watch?since=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            + token.encode()
            + b"\r\n\r\n"
        )
        tell(on_fakes, 3, "bob", "vgpu.ready")
        text = b""
        until = time.monotonic() + 20
        while b": keep-alive\nid: 3\n" not in text and time.monotonic() < until:
            text += way.recv(65536)
    assert b": keep-alive\nid: 3\n" in text
    assert b"bob" not in text


def test_streams_end_when_the_daemon_does(on_fakes: Serving, client_of: Client) -> None:
    client_of.vgpus.create(VgpuWanted(name="one", memory=1 << 20))
    events = client_of.watch(0)
    assert next(events).kind == "vgpu.ready"
    client_of.vgpus.change("one", VgpuChange(weight=2))
    began = time.monotonic()
    on_fakes.close()
    assert time.monotonic() - began < 20

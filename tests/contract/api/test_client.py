"""The clients: one method an operation, errors by their codes, and what may be sent twice."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import aliquot
from aliquot.api.authorization import PUBLIC, RULES
from aliquot.client.rest import AsyncClient, Client
from aliquot.client.rest import address as addresses
from aliquot.client.rest.address import Address
from aliquot.client.rest.exchange import from_problem, part
from aliquot.errors import (
    AliquotError,
    BadApiAddress,
    BadTokenFile,
    DaemonError,
    DaemonUnreachable,
    NoSuchVgpu,
    NotUnderstood,
)
from aliquot.errors.catalogue import catalogue
from aliquot.model.access_token import Role
from aliquot.model.api.common import Problem
from aliquot.model.api.devices import PolicyResource, PriorityMixWanted
from aliquot.model.api.node import TokenWanted
from aliquot.model.api.vgpus import (
    GroupWanted,
    LeaseWanted,
    MoveWanted,
    ProfileWanted,
    VgpuChange,
    VgpuWanted,
)
from aliquot.model.api.vms import AttachWanted, VmTold
from aliquot.model.vm import HypervisorKind
from tests.contract.api.serving import Serving

WANTED = VgpuWanted(name="one", memory=1 << 20)
# For each operation what its method is called with, in an order in which they succeed.
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("node.health", (), {}),
    ("node.ready", (), {}),
    ("node.metrics", (), {}),
    ("node.show", (), {}),
    ("node.agreement", (), {}),
    ("node.whoami", (), {}),
    ("profiles.put", ("small", ProfileWanted(memory=1 << 20)), {}),
    ("profiles.list", (), {}),
    ("profiles.show", ("small",), {}),
    ("profiles.remove", ("small",), {}),
    ("vgpus.plan", (WANTED,), {}),
    ("vgpus.create", (WANTED,), {"idempotency_key": "k"}),
    ("vgpus.list", (), {"label": {}, "limit": 3}),
    ("vgpus.show", ("one",), {}),
    ("vgpus.change", ("one", VgpuChange(weight=2)), {}),
    ("vgpus.series", ("one",), {"step_seconds": 10}),
    ("vgpus.processes", ("one",), {}),
    ("vgpus.suspend", ("one",), {}),
    ("vgpus.resume", ("one",), {}),
    ("leases.begin", ("one", LeaseWanted(process_id=1)), {}),
    ("vms.started", (VmTold(hypervisor=HypervisorKind.LIBVIRT, vm="none"),), {}),
    ("vms.stopped", (VmTold(hypervisor=HypervisorKind.LIBVIRT, vm="none"),), {}),
    ("leases.list", (), {"ended": True}),
    ("receipts.list", (), {}),
    ("receipts.of_vgpu", ("one",), {}),
    ("receipts.now", ("one",), {}),
    ("vgpus.delete", ("one",), {}),
    ("devices.list", (), {}),
    ("devices.show", ("0",), {}),
    ("devices.set_policy", ("0", PolicyResource()), {}),
    ("devices.set_priority_mix", ("0", PriorityMixWanted(mix={"latency:batch": 0})), {}),
    ("devices.series", ("0",), {"step_seconds": 1}),
    ("devices.turns", ("0",), {}),
    ("groups.create", (GroupWanted(name="g", vgpus=[WANTED]),), {}),
    ("groups.list", (), {}),
    ("groups.show", ("g",), {}),
    ("groups.delete", ("g",), {}),
    ("queue.list", (), {}),
    ("tokens.invite", (), {}),
    ("diagram.show", (), {"collapse": "all"}),
    ("diagram.modes", (), {}),
    ("tokens.create", (TokenWanted(name="t"),), {}),
    ("tokens.list", (), {}),
    ("audit.list", (), {}),
    ("audit.verify", (), {}),
    ("events.since", (0,), {}),
]
# These need the id of something, or end in an error on fakes.
REFUSED: list[tuple[str, tuple[Any, ...], str]] = [
    ("vgpus.move", ("none", MoveWanted(device="1")), "ALQ-E106"),
    ("vgpus.attach", ("none", AttachWanted(vm="qemu:/none")), "ALQ-E106"),
    ("vgpus.detach", ("none",), "ALQ-E106"),
    ("leases.show", ("0" * 32,), "ALQ-E323"),
    ("leases.end", ("0" * 32,), "ALQ-E323"),
    ("queue.leave", ("none",), "ALQ-E323"),
    ("tokens.revoke", ("0" * 16,), "ALQ-E323"),
]


def method(client: Any, name: str) -> Callable[..., Any]:
    """`vgpus.create` of a client."""
    resource, _, operation = name.partition(".")
    found: Callable[..., Any] = getattr(getattr(client, resource), operation)
    return found


def test_every_operation_has_its_method() -> None:
    called = {name for name, *_ in CALLS} | {name for name, *_ in REFUSED}
    # Watching is Client.watch; the document is for other programs.
    assert called | {"events.watch", "node.openapi"} == set(RULES) | PUBLIC


def test_every_method_is_answered(on_fakes: Serving) -> None:
    with on_fakes.client() as client:
        for name, arguments, named in CALLS:
            function = method(client, name)
            answer = function(*arguments, **named)
            declared = inspect.signature(function).return_annotation
            assert type(answer).__name__ == declared
        for name, arguments, code in REFUSED:
            with pytest.raises(AliquotError) as caught:
                method(client, name)(*arguments)
            assert caught.value.code == code


def test_every_method_is_answered_with_asyncio(on_fakes: Serving) -> None:
    async def ask() -> None:
        async with AsyncClient(Address(on_fakes.listener.path)) as client:
            for name, arguments, named in CALLS:
                function = method(client, name)
                answer = await function(*arguments, **named)
                declared = inspect.signature(function).return_annotation
                assert type(answer).__name__ == declared
            for name, arguments, code in REFUSED:
                with pytest.raises(AliquotError) as caught:
                    await method(client, name)(*arguments)
                assert caught.value.code == code

    asyncio.run(ask())


def test_many_threads_share_a_client(on_fakes: Serving) -> None:
    problems: list[Exception] = []
    with on_fakes.client() as client:

        def work(number: int) -> None:
            try:
                for turn in range(10):
                    name = f"v{number}-{turn}"
                    made = client.vgpus.create(VgpuWanted(name=name, memory=1 << 10))
                    assert client.vgpus.show(made.id).name == name
            except Exception as problem:
                problems.append(problem)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert problems == []


def test_an_error_comes_back_as_what_it_was() -> None:
    from aliquot.api.problems import problem

    for kind in catalogue():
        before = kind("what happened", remedy="do that")
        after = from_problem(problem(before))
        assert type(after) is kind
        assert after.as_dict() == before.as_dict()


def test_the_error_of_a_newer_daemon_keeps_its_words() -> None:
    told = Problem(
        type="", title="New", status=409, detail="it is new", code="ALQ-E499", why="W.", remedy="R"
    )
    error = from_problem(told)
    assert isinstance(error, DaemonError)
    assert (error.code, error.title, str(error)) == ("ALQ-E499", "New", "it is new; R")


def test_names_are_parts_of_a_path() -> None:
    assert part("a/b?c#d") == "a%2Fb%3Fc%23d"
    assert part("tenant:name") == "tenant:name"
    assert part("..") == "%2E%2E"


def test_where_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(addresses, "SYSTEM_SOCKET", str(tmp_path / "system.sock"))
    monkeypatch.delenv("ALIQUOT_API", raising=False)
    assert Client.connect() is None
    assert asyncio.run(AsyncClient.connect()) is None
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "api.sock"))
    assert Client.connect() is None
    stale.close()
    assert Client.connect() is None
    monkeypatch.setenv("ALIQUOT_API", str(tmp_path / "api.sock"))
    with pytest.raises(DaemonUnreachable):
        Client.connect()
    client = Client(Address(str(tmp_path / "api.sock")))
    for ask in (client.node.show, lambda: next(client.watch(0))):
        with pytest.raises(DaemonUnreachable):
            ask()

    async def ask_async() -> None:
        with pytest.raises(DaemonUnreachable):
            await AsyncClient(Address(str(tmp_path / "api.sock"))).node.show()
        with pytest.raises(DaemonUnreachable):
            async for _ in AsyncClient(Address(str(tmp_path / "api.sock"))).watch(0):
                pass

    asyncio.run(ask_async())


def test_a_daemon_is_found(
    on_fakes: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(Path(on_fakes.listener.path).parent))
    monkeypatch.delenv("ALIQUOT_API", raising=False)
    found = aliquot.Client.connect()
    assert found is not None
    assert found.node.whoami().role is Role.ADMIN
    secret = tmp_path / "token"
    secret.write_text(on_fakes.token("alice", Role.USER) + "\n")
    monkeypatch.setenv("ALIQUOT_API", f"http://127.0.0.1:{on_fakes.port}")
    monkeypatch.setenv("ALIQUOT_TOKEN_FILE", str(secret))
    with pytest.raises(BadTokenFile) as caught:
        Client.connect()
    assert secret.read_text().strip() not in str(caught.value)
    secret.chmod(0o600)
    over_tcp = Client.connect()
    assert over_tcp is not None
    assert over_tcp.node.whoami().tenant == "alice"

    async def ask() -> str:
        client = await aliquot.AsyncClient.connect()
        assert client is not None
        return (await client.node.whoami()).tenant

    assert asyncio.run(ask()) == "alice"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket away")
def test_another_users_socket_is_not_believed(
    on_fakes: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = on_fakes.listener.path
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(Path(path).parent))
    monkeypatch.setattr(addresses, "SYSTEM_SOCKET", path)
    monkeypatch.delenv("ALIQUOT_API", raising=False)
    os.chown(path, 65534, 65534)
    assert Client.connect() is None


@pytest.mark.parametrize(
    "text",
    [
        "http://192.0.2.1:7070",
        "http://example.org:80",
        "https://127.0.0.1:7070",
        "http://user:secret@127.0.0.1:1",
        "http://127.0.0.1",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "ftp://x",
    ],
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(BadApiAddress) as caught:
        addresses.parse(text)
    assert "secret" not in str(caught.value)


def test_addresses() -> None:
    assert addresses.parse("http://[::1]:70").shown == "http://[::1]:70"
    assert addresses.parse("http://localhost:70/") == Address(host="localhost", port=70)
    assert addresses.parse("/run/x.sock").path == "/run/x.sock"


class Stub:
    """A server that gives each connection one of the given answers and hangs up."""

    def __init__(self, path: Path, answers: list[bytes]) -> None:
        """Listen at `path`."""
        self.requests: list[bytes] = []
        self._answers = answers
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for answer in self._answers:
            try:
                way, _ = self._listener.accept()
            except OSError:  # closed
                return
            with way:
                self.requests.append(_request(way))
                way.sendall(answer)

    def close(self) -> None:
        """Listen no more."""
        # A thread that accepts isn't woken by a close, and would then accept at whatever has the
        # descriptor next.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Callable[[list[bytes]], tuple[Client, Stub]]]:
    """Makes a stub and its client."""
    made: list[Stub] = []

    def make(answers: list[bytes]) -> tuple[Client, Stub]:
        path = tmp_path / f"stub{len(made)}.sock"
        made.append(Stub(path, answers))
        return Client(Address(str(path)), timeout=5), made[-1]

    yield make
    for one in made:
        one.close()


def _request(way: socket.socket) -> bytes:
    """A whole request, as long as its head says."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += way.recv(65536)
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += way.recv(65536)
    return head + b"\r\n\r\n" + body


HEALTHY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
    b'{"status":"ok"}'
)
Make = Callable[[list[bytes]], tuple[Client, Stub]]


@pytest.mark.parametrize(
    "lost", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", HEALTHY[:-15], HEALTHY[:-3]]
)
def test_what_changes_nothing_twice_is_sent_again(stub: Make, lost: bytes) -> None:
    client, server = stub([lost, lost, HEALTHY])
    assert client.node.health().status == "ok"
    assert len(server.requests) == 3


def test_what_could_be_done_twice_is_sent_once(stub: Make) -> None:
    for act in (
        lambda client: client.vgpus.create(WANTED),
        lambda client: client.vgpus.delete("one", generation=3),
    ):
        client, server = stub([b"", HEALTHY])
        with pytest.raises(DaemonUnreachable):
            act(client)
        assert len(server.requests) == 1
        server.close()


def test_with_a_key_it_is_sent_again(stub: Make) -> None:
    problem = (
        b'{"type":"","title":"","status":404,"detail":"gone","code":"ALQ-E106","remedy":"look"}'
    )
    refused = (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(problem)
    ) + problem
    client, server = stub([b"", refused])
    with pytest.raises(NoSuchVgpu):
        client.vgpus.create(WANTED, idempotency_key="k")
    assert len(server.requests) == 2
    assert server.requests[0] == server.requests[1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n" + b'{"status":"other"}',
        b"HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 404 No\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_what_is_no_daemon_is_not_understood(stub: Make, answer: bytes) -> None:
    client, _ = stub([answer])
    with pytest.raises(NotUnderstood):
        client.node.health()

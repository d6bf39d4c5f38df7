"""What the API makes of requests: good ones, repeated ones, conflicting ones, and nonsense."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import Any

import pytest

from aliquot.api import server
from aliquot.api.app import MOST_BODY_BYTES
from aliquot.api.problems import STATUS, answer
from aliquot.api.server import MOST_CONNECTIONS, MOST_HEADER_BYTES
from aliquot.client.rest import Client
from aliquot.daemon.caller import Caller
from aliquot.errors import (
    BadRequest,
    ChangedMeanwhile,
    DaemonFault,
    IdempotencyKeyReused,
    NameTaken,
)
from aliquot.errors.catalogue import catalogue
from aliquot.model.access_token import Role
from aliquot.model.api.devices import PolicyResource, PriorityMixWanted
from aliquot.model.api.vgpus import ProfileWanted, VgpuChange, VgpuResource, VgpuWanted
from aliquot.model.lifecycle import VgpuState
from aliquot.store.change import SYSTEM
from tests.contract.api.raw import ask, send
from tests.contract.api.serving import Serving
from tests.contract.device_host_process import wait_until


def wanted(name: str, **more: Any) -> VgpuWanted:
    """A small vGPU on the first device (a simulated one is only taken where it is named)."""
    return VgpuWanted(name=name, memory=1 << 20, device="0", **more)


def test_every_error_has_a_status() -> None:
    assert set(STATUS) == set(catalogue())
    assert all(400 <= status <= 503 for status in STATUS.values())


def test_a_fault_says_nothing_of_what_went_wrong() -> None:
    told = answer(RuntimeError("secret"), "vgpus.list")
    assert told.status == 500
    assert b"secret" not in told.body
    assert json.loads(told.body)["code"] == DaemonFault.code


def test_a_vgpu_from_its_making_to_its_end(client: Client) -> None:
    made = client.vgpus.create(wanted("one", labels={"team": "vision"}, compute=25.0))
    assert (made.name, made.memory, made.compute) == ("one", 1 << 20, 25.0)
    assert made.state is VgpuState.READY
    assert client.vgpus.show("one") == client.vgpus.show(made.id)
    changed = client.vgpus.change("one", VgpuChange(memory=2 << 20, weight=5))
    assert (changed.memory, changed.weight, changed.compute) == (2 << 20, 5, 25.0)
    with pytest.raises(NameTaken):
        client.vgpus.create(wanted("one"))
    ended = client.vgpus.delete("one")
    assert ended.state is VgpuState.DELETED
    assert client.vgpus.create(wanted("one")).id != made.id


def test_a_change_of_what_was_changed_meanwhile_is_refused(
    serving: Serving, client: Client
) -> None:
    made = client.vgpus.create(wanted("one"))
    first = ask(serving, "GET", "/vgpus/one")
    assert first.headers["etag"] == made.etag == f'"{made.generation}"'
    tag = first.headers["etag"]
    second = ask(serving, "PATCH", "/vgpus/one", {"weight": 2}, If_Match=tag)
    assert second.status == 200
    assert second.headers["etag"] != tag
    third = ask(serving, "PATCH", "/vgpus/one", {"weight": 3}, If_Match=tag)
    assert (third.status, third.code) == (412, "ALQ-E321")
    assert ask(serving, "PATCH", "/vgpus/one", {"weight": 3}, If_Match='W/"x"').status == 412
    assert ask(serving, "PATCH", "/vgpus/one", {"weight": 3}, If_Match="x").status == 400
    assert ask(serving, "PATCH", "/vgpus/one", {"weight": 3}, If_Match="*").status == 200
    assert client.vgpus.show("one").weight == 3
    with pytest.raises(ChangedMeanwhile):
        client.vgpus.delete("one", generation=made.generation)


def test_the_same_key_makes_one_thing(serving: Serving, client: Client) -> None:
    first = client.vgpus.create(wanted("one"), idempotency_key="k-1")
    again = client.vgpus.create(wanted("one"), idempotency_key="k-1")
    assert first.id == again.id
    with pytest.raises(IdempotencyKeyReused):
        client.vgpus.create(wanted("two"), idempotency_key="k-1")
    # Another tenant's key is another key.
    with serving.client(serving.token("bob", Role.USER)) as bob:
        assert bob.vgpus.create(wanted("one"), idempotency_key="k-1").id != first.id
    assert len(client.vgpus.list().items) == 2
    for bad in ("", "x" * 201, "a\tb"):
        refused = ask(serving, "POST", "/vgpus", {"name": "x"}, Idempotency_Key=bad)
        assert (refused.status, refused.code) == (400, "ALQ-E421")


def test_pages_have_everything_once(client: Client) -> None:
    names = {f"v{number}" for number in range(25)}
    for name in names:
        client.vgpus.create(wanted(name))
    seen: list[str] = []
    cursor = None
    while True:
        page = client.vgpus.list(limit=7, cursor=cursor)
        assert len(page.items) <= 7
        seen += [one.name for one in page.items]
        if page.next is None:
            break
        cursor = page.next
    assert len(seen) == 25
    assert set(seen) == names


def test_a_list_can_be_narrowed(client: Client) -> None:
    client.vgpus.create(wanted("a", labels={"team": "x", "tier": "1"}))
    client.vgpus.create(wanted("b", labels={"team": "x"}))
    client.vgpus.create(wanted("c"))
    client.vgpus.delete("c")

    def names(**which: Any) -> list[str]:
        return [one.name for one in client.vgpus.list(**which).items]

    assert names() == ["a", "b"]
    assert names(name="b") == ["b"]
    assert names(label={"team": "x"}) == ["a", "b"]
    assert names(label={"team": "x", "tier": "1"}) == ["a"]
    assert names(state=[VgpuState.DELETED]) == ["c"]
    assert names(state=[VgpuState.DELETED, VgpuState.READY]) == ["a", "b", "c"]
    assert names(tenant="nobody-we-know") == []


def test_profiles_are_put_and_removed(client: Client) -> None:
    made = client.profiles.put("4g", ProfileWanted(memory=4 << 30, compute=25.0), generation=0)
    with pytest.raises(ChangedMeanwhile):
        client.profiles.put("4g", ProfileWanted(memory=5 << 30), generation=0)
    changed = client.profiles.put(
        "4g", ProfileWanted(memory=5 << 30, priority="batch"), generation=made.generation
    )
    assert (changed.memory, changed.priority) == (5 << 30, "batch")
    assert [one.name for one in client.profiles.list().items] == ["4g"]
    assert client.profiles.remove("4g").name == "4g"
    assert client.profiles.list().items == []


def test_a_policy_is_set(client: Client) -> None:
    policy = PolicyResource(policy="fixed-share", turn_ms=5.0, averaging=10)
    assert client.devices.set_policy("0", policy).policy == policy
    assert client.devices.show("0").policy == policy
    assert client.devices.list().items[0].policy == policy


def test_a_mix_of_priority_classes_is_set(client: Client) -> None:
    mix = PriorityMixWanted(mix={"latency:batch": 0, "latency:latency": 1})
    assert client.devices.set_priority_mix("0", mix).priority_mix == mix.mix
    assert client.devices.show("0").priority_mix == mix.mix


@pytest.mark.parametrize("mix", [{"latency": 1}, {"fast:batch": 1}, {"latency:batch": -1}])
def test_a_mix_that_is_not_understood_is_refused(client: Client, mix: dict[str, int]) -> None:
    with pytest.raises(BadRequest):
        client.devices.set_priority_mix("0", PriorityMixWanted(mix=mix))  # type: ignore[arg-type]
    assert client.devices.show("0").priority_mix == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"[]", "object"),
        (b'"x"', "object"),
        (b"null", "object"),
        (b'{"name":"a"}garbage', "malformed"),
        (b'{"name":"a","memry":1}', "memry"),
        (b'{"name":"a","memory":"1GiB"}', "memory"),
        (b'{"name":"a","memory":0}', "memory"),
        (b'{"name":"a","memory":1e400}', "too large"),
        (b'{"name":"a","memory":1.5}', "memory"),
        (b'{"name":"a","compute":101}', "compute"),
        (b'{"name":"a","labels":{"a":1}}', "labels"),
        (b'{"name":"a","labels":' + b'{"a":' * 100_000, "malformed"),
        (b'{"name":' + b"[" * 500_000, "recursion"),
        (b'{"name":"../../etc/passwd"}', "name"),
        (b'{"name":"a","device":"\\u0000"}', "zero"),
        (b'{"name":"a","tenant":"\\ud800"}', "malformed"),
        (b'{"name":"\xff"}', "UTF-8"),
        (b'{"name":"a","lease":{"process_id":-1}}', "process_id"),
        (b'{"name":"a","ttl_ms":99999999999999999999999}', "ttl_ms"),
    ],
)
def test_malformed_bodies_are_told_of(on_fakes: Serving, body: bytes, said: str) -> None:
    refused = ask(on_fakes, "POST", "/vgpus", body, Content_Type="application/json")
    assert (refused.status, refused.code) == (400, "ALQ-E421")
    assert said in refused.json["detail"]
    assert len(refused.body) < 2000


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=null",
        "limit=1&limit=2",
        "limit",
        "memry=1",
        "state=gone",
        "label=x",
        "name=%00",
        "name=%ff",
        "cursor=" + "x" * 300,
        "&".join(f"label=a{number}=b" for number in range(200)),
    ],
)
def test_malformed_parameters_are_told_of(on_fakes: Serving, query: str) -> None:
    refused = ask(on_fakes, "GET", f"/vgpus?{query}")
    assert (refused.status, refused.code) == (400, "ALQ-E421")


@pytest.mark.parametrize("path", ["/vgpus/%00", "/vgpus/%ff", "/vgpus/" + "x" * 300, "/leases/XYZ"])
def test_malformed_paths_are_told_of(on_fakes: Serving, path: str) -> None:
    assert ask(on_fakes, "GET", path).status in (400, 404)


@pytest.mark.parametrize("path", ["/", "/nothing", "/vgpus/a/b", "/vgpus/..%2f..%2fnode", "//"])
def test_what_is_not_there_is_404(on_fakes: Serving, path: str) -> None:
    refused = ask(on_fakes, "GET", path)
    assert (refused.status, refused.code) == (404, "ALQ-E424")


def test_a_method_that_is_not_there_is_405(on_fakes: Serving) -> None:
    for method in ("PUT", "TRACE", "HEAD", "FOO"):
        refused = ask(on_fakes, method, "/vgpus")
        assert refused.status == 405
        assert {"GET", "POST"} <= set(refused.headers["allow"].replace(" ", "").split(","))


def test_content_of_another_kind_is_refused(on_fakes: Serving) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/msgpack"):
        refused = ask(on_fakes, "POST", "/vgpus", b'{"name":"a"}', Content_Type=kind)
        assert (refused.status, refused.code) == (415, "ALQ-E435")
    patch = ask(
        on_fakes, "POST", "/vgpus", b'{"name":"a"}', Content_Type="application/merge-patch+json"
    )
    assert patch.status == 415
    good = ask(
        on_fakes, "POST", "/vgpus", b'{"name":"a"}', Content_Type="Application/JSON; charset=utf-8"
    )
    assert good.status == 201


def test_large_bodies_and_heads_are_refused(on_fakes: Serving) -> None:
    large = b'{"name":"a","labels":{"a":"' + b"x" * MOST_BODY_BYTES + b'"}}'
    refused = ask(on_fakes, "POST", "/vgpus", large, Content_Type="application/json")
    assert (refused.status, refused.code) == (413, "ALQ-E425")
    # Where no length is told, it is what comes that counts.
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = b"POST /api/v1/vgpus HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    told = send(on_fakes, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 20 + b"0\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 413 ")
    long_header = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (2 * MOST_HEADER_BYTES)
    assert send(on_fakes, long_header).startswith(b"HTTP/1.1 400 ")
    assert ask(on_fakes, "GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"POST /api/v1/vgpus HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /api/v1/vgpus HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00" * 1000,
    ],
)
def test_nonsense_ends_no_more_than_its_connection(on_fakes: Serving, data: bytes) -> None:
    told = send(on_fakes, data)
    assert not told.startswith(b"HTTP/1.1 5")
    assert ask(on_fakes, "GET", "/healthz").status == 200


def test_who_hangs_up_within_a_request_is_no_fault_of_ours(
    on_fakes: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /api/v1/vgpus HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way:
        way.connect(on_fakes.listener.path)
        way.sendall(head + b'Content-Length: 100\r\n\r\n{"name": "a"')
        # It is in the midst of it once another request that came later was answered.
        assert ask(on_fakes, "GET", "/healthz").status == 200
    registry = on_fakes.service.metrics.own.registry

    def ended(status: str) -> float | None:
        labels = {"operation": "vgpus.create", "status": status}
        return registry.get_sample_value("aliquot_daemon_requests_total", labels)

    wait_until(lambda: ended("4xx") or ended("5xx"), "it is known to be gone")
    assert (ended("4xx"), ended("5xx")) == (1.0, None)
    assert not [record for record in caplog.records if "fault" in record.getMessage()]


def test_health_and_metrics(on_fakes: Serving) -> None:
    for path in ("/healthz", "/readyz"):
        assert ask(on_fakes, "GET", path, token="").json["status"] == "ok"
    metrics = ask(on_fakes, "GET", "/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"aliquot_up{for=" in metrics.body


def test_one_user_can_not_have_all_connections(on_fakes: Serving) -> None:
    held: list[socket.socket] = []
    try:
        for _ in range(MOST_CONNECTIONS + 5):
            way = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            way.settimeout(30)
            way.connect(on_fakes.listener.path)
            held.append(way)
        assert held[-1].recv(4096).startswith(b"HTTP/1.1 503 ")
        # Over TCP it is another account.
        assert ask(on_fakes, "GET", "/healthz", token="").status == 200
    finally:
        for way in held:
            way.close()


def test_who_is_too_slow_is_hung_up_on(on_fakes: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_REQUEST_SECONDS", 0.3)
    head = b"POST /api/v1/vgpus HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for begun in (b"", b"GET /heal", head + b"Content-Length: 9\r\n\r\n{"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way:
            way.settimeout(20)
            way.connect(on_fakes.listener.path)
            way.sendall(begun)
            with contextlib.suppress(ConnectionResetError):
                assert way.recv(1) == b""
    # What is waited for isn't: an answer may take its time, and a watcher is silent.
    with on_fakes.client() as client:
        assert client.node.health().status == "ok"


def test_who_takes_no_answer_is_hung_up_on(
    on_fakes: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_TAKE_SECONDS", 0.3)
    with on_fakes.service.store.change(SYSTEM) as change:
        for _ in range(4000):
            change.tell_watchers("device.changed", "subject", "", padding="x" * 500)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way:
        way.settimeout(20)
        way.connect(on_fakes.listener.path)
        way.sendall(b"GET /api/v1/watch?since=0 HTTP/1.1\r\nHost: x\r\n\r\n")
        until = time.monotonic() + 20
        while on_fakes.connections() and time.monotonic() < until:
            time.sleep(0.05)
        assert on_fakes.connections() == 0
    assert ask(on_fakes, "GET", "/healthz").status == 200


def test_one_tenants_slow_requests_leave_threads_to_others(
    on_fakes: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = (on_fakes.token(name, Role.USER) for name in ("alice", "bob"))
    release = threading.Event()
    create = on_fakes.service.vgpus.create

    def slow(caller: Caller, body: VgpuWanted, **more: Any) -> VgpuResource:
        if caller.tenant == "alice":
            assert release.wait(60)
        return create(caller, body, **more)

    monkeypatch.setattr(on_fakes.service.vgpus, "create", slow)
    statuses: list[int] = []

    def work(number: int) -> None:
        body = {"name": f"v{number}", "memory": 1048576}
        statuses.append(ask(on_fakes, "POST", "/vgpus", body, token=alice).status)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(5):
            made = ask(on_fakes, "POST", "/vgpus", {"name": f"b{turn}"}, token=bob)
            assert made.status == 201
        assert statuses == []
    finally:
        release.set()
        for thread in threads:
            thread.join(60)
    assert statuses == [201] * 40

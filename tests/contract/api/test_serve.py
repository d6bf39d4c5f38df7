"""`aliquot serve`: how it starts, what keeps it from starting, how it ends, what it logs."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.api import listening
from aliquot.api.systemd import Notifier, handed_over
from aliquot.client.rest import Client
from aliquot.client.rest.address import Address
from aliquot.errors import (
    AddressInUse,
    BadListenAddress,
    BadServerSetting,
    DaemonRunning,
    TokenRefused,
    TooManyVgpus,
)
from aliquot.model.access_token import Role
from aliquot.model.api.node import TokenWanted
from aliquot.model.api.vgpus import VgpuWanted
from tests.contract.api.daemon_process import Daemon, eventually, running
from tests.folders import short_folder


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short path: sockets are to be in it, and in folders of it."""
    with short_folder() as folder:
        yield folder


def ended_with(daemon: Daemon) -> str:
    """The one line that it said on stderr before it ended with status 2."""
    assert daemon.wait() == 2
    lines = [line for line in daemon.log.read_text().splitlines() if line.startswith("aliquot:")]
    assert len(lines) == 1, daemon.log.read_text()
    assert "Traceback" not in daemon.log.read_text()
    return lines[0]


def test_it_serves_and_ends(place: Path) -> None:
    with running(place / "one", "--listen", "127.0.0.1:0") as daemon:
        assert daemon.said.startswith("aliquot serve: ready, listens on ")
        mode = stat.S_IMODE(Path(daemon.socket_path).stat().st_mode)
        assert mode == (0o666 if os.geteuid() == 0 else 0o600)
        with daemon.client() as client:
            me = client.node.whoami()
            assert (me.role, me.user_id) == (Role.ADMIN, os.geteuid())
            made = client.vgpus.create(VgpuWanted(name="kept", memory=1 << 20, device="0"))
            secret = client.tokens.create(TokenWanted(name="t", role=Role.USER)).secret
        over_tcp = Client(Address(host="127.0.0.1", port=daemon.port), token=secret)
        assert over_tcp.vgpus.show("kept").id == made.id
        over_tcp.close()
        assert daemon.end() == 0
        assert not Path(daemon.socket_path).exists()
    with running(place / "one") as again:
        with again.client() as client:
            assert client.vgpus.show("kept").id == made.id
        assert again.end(signal.SIGINT) == 0


def asked_as(user_id: int, path: str, target: str) -> bytes:
    """What another user of this machine gets."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(user_id)
            os.setuid(user_id)
            with socket.socket(socket.AF_UNIX) as way:
                way.settimeout(20)
                way.connect(path)
                way.sendall(
                    f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
                )
                while chunk := way.recv(65536):
                    os.write(writer, chunk)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        found = answer.read()
    os.waitpid(child, 0)
    return found


@pytest.mark.needs_root
def test_another_user_is_a_user(place: Path) -> None:
    place.chmod(0o711)
    with running(place / "one") as daemon:
        with daemon.client() as client:
            client.vgpus.create(VgpuWanted(name="roots", memory=1 << 20, device="0"))
        nobody = 65534
        name = pwd.getpwuid(nobody).pw_name
        who = asked_as(nobody, daemon.socket_path, "/api/v1/whoami")
        told = json.loads(who[who.index(b"{") :])
        assert (told["tenant"], told["role"], told["user_id"]) == (name, "user", nobody)
        assert b'"items":[]' in asked_as(nobody, daemon.socket_path, "/api/v1/vgpus")
        for reference in ("roots", "root:roots"):
            path = f"/api/v1/vgpus/{reference}"
            assert asked_as(nobody, daemon.socket_path, path).startswith(b"HTTP/1.1 404 ")
        assert asked_as(nobody, daemon.socket_path, "/api/v1/audit").startswith(b"HTTP/1.1 403 ")


def test_how_many_vgpus_a_user_may_have_is_an_option(place: Path) -> None:
    with running(place / "one", "--most-vgpus", "2") as daemon, daemon.client() as admin:
        wanted = TokenWanted(name="t", role=Role.USER, tenant="alice")
        token = admin.tokens.create(wanted).secret
        with Client(Address(daemon.socket_path), token=token) as client:
            for number in range(2):
                client.vgpus.create(VgpuWanted(name=f"v{number}", memory=2, device="0"))
            with pytest.raises(TooManyVgpus, match="may have 2"):
                client.vgpus.create(VgpuWanted(name="v2", memory=2, device="0"))


def test_a_stale_socket_is_replaced(place: Path) -> None:
    with running(place / "one") as killed:
        assert killed.end(signal.SIGKILL) == -signal.SIGKILL
        assert Path(killed.socket_path).exists()
    with running(place / "one") as daemon, daemon.client() as client:
        assert client.node.health().status == "ok"


def test_two_daemons_do_not_share_a_socket_or_a_state(place: Path) -> None:
    with running(place / "one") as first:
        line = ended_with(Daemon(place / "one", state=place / "other"))
        assert "ALQ-E428" in line
        line = ended_with(Daemon(place / "two", state=place / "one" / "state"))
        assert "ALQ-E301" in line
        assert f"process {first.process.pid}" in line
        # It has left nothing behind, and the first one is as it was.
        assert not (place / "two" / "api.sock").exists()
        with first.client() as client:
            assert client.node.health().status == "ok"


def test_what_else_keeps_it_from_starting(place: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = ended_with(Daemon(place / "a", "--listen", f"127.0.0.1:{port}"))
        assert "ALQ-E429" in line
        assert str(port) in line
    for number, address in enumerate(("0.0.0.0:70", "192.0.2.1:70", "[::]:70", "x", "127.0.0.1:")):
        line = ended_with(Daemon(place / f"b{number}", "--listen", address))
        assert "ALQ-E430" in line
    (place / "file").write_text("precious")
    line = ended_with(Daemon(place / "c", "--socket", str(place / "file")))
    assert "ALQ-E429" in line
    assert (place / "file").read_text() == "precious"
    line = ended_with(Daemon(place / "d", "--inventory", str(place / "none")))
    assert "ALQ-E223" in line
    line = ended_with(Daemon(place / "e", "--nonsense"))
    assert "ALQ-E201" in line


def test_what_was_begun_is_finished(place: Path) -> None:
    body = b'{"name":"late","memory":1048576,"device":"0"}'
    with running(place / "one") as daemon:
        with socket.socket(socket.AF_UNIX) as way:
            way.settimeout(30)
            way.connect(daemon.socket_path)
            head = b"POST /api/v1/vgpus HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            way.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
            with daemon.client() as client:
                assert client.node.health().status == "ok"  # by now it has begun
            daemon.process.send_signal(signal.SIGTERM)
            # It takes no more, but waits for what is under way.
            assert eventually(lambda: "ending" in daemon.log.read_text())
            way.sendall(body[10:])
            answer = b""
            while chunk := way.recv(65536):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert daemon.wait() == 0


def test_it_looks_for_devices_again(place: Path) -> None:
    with running(place / "one") as daemon, daemon.client() as client:
        daemon.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: "asks drivers" in daemon.log.read_text())
        assert client.node.health().status == "ok"


def test_systemd_hands_over_the_socket_and_is_told(place: Path) -> None:
    (place / "one").mkdir()
    path = str(place / "activated.sock")
    with (
        socket.socket(socket.AF_UNIX) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told,
    ):
        listener.bind(path)
        listener.listen()
        told.bind(str(place / "notify"))
        told.settimeout(30)
        # As systemd does it: descriptor 3, and the process's own number.
        program = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); "
            "os.environ['LISTEN_PID'] = str(os.getpid()); os.execv(sys.argv[2], sys.argv[2:])"
        )
        extra = {
            "LISTEN_FDS": "1",
            "NOTIFY_SOCKET": str(place / "notify"),
            "WATCHDOG_USEC": "3000000",
        }
        with running(
            place / "one",
            extra=extra,
            pass_fds=[listener.fileno()],
            wrapper=[sys.executable, "-c", program, str(listener.fileno())],
        ) as daemon:
            assert told.recv(4096).startswith(b"READY=1\nSTATUS=")
            with Client(Address(path)) as client:
                assert client.node.whoami().user_id == os.geteuid()
            assert told.recv(4096) == b"WATCHDOG=1"
            assert not Path(daemon.socket_path).exists()
            assert daemon.end() == 0
            found = b""
            while b"STOPPING=1" not in found:
                found = told.recv(4096)
        assert Path(path).exists()


def test_descriptors_that_are_not_from_systemd() -> None:
    assert handed_over(os.getpid(), {}) == []
    assert handed_over(os.getpid(), {"LISTEN_PID": "1", "LISTEN_FDS": "1"}) == []
    for count in ("x", "0", "99"):
        with pytest.raises(BadServerSetting):
            handed_over(os.getpid(), {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count})


def test_nobody_to_notify(place: Path) -> None:
    Notifier(1, {}).tell("READY=1")
    Notifier(1, {"NOTIFY_SOCKET": str(place / "none")}).tell("READY=1")
    assert Notifier(1, {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "2"}).watched is False


def test_many_who_start_at_once_are_one(place: Path) -> None:
    path = str(place / "api.sock")
    made: list[listening.UnixListener] = []
    refused: list[Exception] = []

    def start() -> None:
        try:
            made.append(listening.UnixListener(path, for_all=False))
        except (DaemonRunning, AddressInUse) as error:
            refused.append(error)

    for _ in range(20):
        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 1
        assert len(refused) == 3
        with socket.socket(socket.AF_UNIX) as way:
            way.connect(path)
        made.pop().close()
        refused.clear()
        assert not Path(path).exists()


def test_addresses_of_this_machine_alone() -> None:
    assert listening.parse("127.0.0.1:70") == ("127.0.0.1", 70)
    assert listening.parse("localhost:0") == ("127.0.0.1", 0)
    assert listening.parse("[::1]:70") == ("::1", 70)
    for text in ("example.org:70", "127.0.0.1", "127.0.0.1:70000", "[::1]", "::1:70"):
        with pytest.raises(BadListenAddress):
            listening.parse(text)


@pytest.mark.parametrize("form", ["text", "json"])
def test_tokens_are_in_no_log_process_list_or_error(place: Path, form: str) -> None:
    options = ["--listen", "127.0.0.1:0", "--log-requests"]
    options += ["--log-json"] if form == "json" else []
    with running(place / "one", *options) as daemon:
        with daemon.client() as client:
            secret = client.tokens.create(TokenWanted(name="t", role=Role.USER)).secret
            assert secret
            told: list[str] = []
            address = Address(host="127.0.0.1", port=daemon.port)
            for token in (secret, secret[:-1] + ("A" if secret[-1] != "A" else "B")):
                with Client(address, token=token) as over_tcp:
                    for act in (
                        lambda c=over_tcp: c.vgpus.show(secret),
                        lambda c=over_tcp: c.vgpus.list(name=secret),
                        lambda c=over_tcp: c.audit.list(),
                        lambda c=over_tcp: c.vgpus.create(VgpuWanted(name="x", memory=1 << 62)),
                    ):
                        try:
                            act()
                        except Exception as error:
                            told.append(str(error))
            with Client(address, token="alq_" + "0" * 16 + "_" + "s" * 43) as stranger:
                with pytest.raises(TokenRefused) as caught:
                    stranger.node.show()
                told.append(str(caught.value))
            rows = client.audit.list(limit=1000).items
            events = client.events.since(0, 1000).items
        part = secret.split("_", 2)[2]
        command_line = Path(f"/proc/{daemon.process.pid}/cmdline").read_bytes()
        environment = Path(f"/proc/{daemon.process.pid}/environ").read_bytes()
        assert part.encode() not in command_line + environment
        assert daemon.end() == 0
        log = daemon.log.read_text()
        assert part not in log
        assert part not in repr(rows) + repr(events)
        # Its own name for a vGPU comes back to who gave it; the rest may not have it.
        assert not [text for text in told if part in text and "vGPU" not in text]
        lines = log.splitlines()
        assert any("GET /api/v1/vgpus" in line for line in lines)
        if form == "json":
            assert all(json.loads(line)["level"] for line in lines)
        for file in (place / "one" / "state").iterdir():
            assert part.encode() not in file.read_bytes()


def test_it_is_quick_to_say_that_it_is_ready(place: Path) -> None:
    with running(place / "one") as daemon, daemon.client() as client:
        # The socket listens before it says so: nobody who waited for that is refused.
        assert client.node.ready().checks == {"store": "ok"}
        assert re.search(r"listens on /.*api\.sock\n", daemon.said)

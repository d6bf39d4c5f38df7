"""Two users of one machine and root's daemon: to each, the other's vGPU isn't there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.absent import absent
from tests.system.daemon import Daemon, User
from tools.programs.drivers import all_drivers

pytestmark = pytest.mark.needs_root
ALICE, BOB = 61001, 61002

_CONNECT = """
import socket, sys
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.settimeout(20)
try:
    peer.connect(sys.argv[1])
    peer.send(b"x" * 64)
    print("answered" if peer.recv(256) else "hung up")
except OSError as error:
    print(type(error).__name__)
"""
# All that /proc has of a process's memory and of what it has open.
_READ = """
import os, sys
for name in ("mem", "maps", "environ", "fd", "map_files"):
    path = f"/proc/{sys.argv[1]}/{name}"
    try:
        os.listdir(path) if name in ("fd", "map_files") else open(path, "rb").read(1)
        print(name)
    except OSError:
        pass
"""


class Scene(NamedTuple):
    """Alice's program runs on her vGPU, and Bob has one of his own."""

    daemon: Daemon
    alice: User
    bob: User
    vgpu: dict[str, Any]
    lease: dict[str, Any]
    socket: str
    program: subprocess.Popen[str]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    drivers = all_drivers()[:1]
    if not drivers:
        absent("no OpenCL driver is here")
    daemon = Daemon(drivers, for_all_users=True)
    try:
        daemon.start()
        try:
            alice, bob = daemon.as_user(ALICE), daemon.as_user(BOB)
        except LookupError as error:
            absent(str(error))
        vgpu = told(alice, "create", "mine", "--memory", "64MiB", "--device", "0")
        told(bob, "create", "his", "--memory", "64MiB", "--device", "0")
        program = alice.popen(
            "exec", "mine", "--quiet", "--", "sh", "-c",
            'echo "$ALIQUOT_VGPU_SOCKET"; exec sleep 300',
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert program.stdout
        socket = program.stdout.readline().strip()
        (lease,) = told(alice, "leases")["leases"]
        yield Scene(daemon, alice, bob, vgpu, lease, socket, program)
        print(daemon.log[-4000:])
    finally:
        daemon.close()


def told(user: User, *arguments: str) -> dict[str, Any]:
    done = user.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_sees_their_own(scene: Scene) -> None:
    for user, name in ((scene.alice, "mine"), (scene.bob, "his")):
        assert [vgpu["name"] for vgpu in told(user, "vgpus", "--all")["vgpus"]] == [name]
    assert told(scene.bob, "leases", "--ended")["leases"] == []
    subjects = {event["subject"] for event in told(scene.bob, "events", "--limit", "500")["events"]}
    assert not subjects & {scene.vgpu["id"], scene.lease["id"]}
    assert scene.bob.run("completion", "--names", "vgpus").stdout == "his\n"
    listed = json.loads(scene.daemon.run("vgpus", "--json").stdout)["vgpus"]
    assert {(vgpu["tenant"], vgpu["name"]) for vgpu in listed} == {
        (f"uid-{ALICE}", "mine"),
        (f"uid-{BOB}", "his"),
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        ("resize", "--memory", "32MiB"),
        ("suspend",),
        ("resume",),
        ("move", "--device", "0"),
        ("delete", "--yes"),
        ("leases",),
        ("exec", "--", "true"),
        ("receipts",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_is_another_s_is_not_there(scene: Scene, arguments: tuple[str, ...]) -> None:
    command, *options = arguments
    nothing = scene.bob.run(command, "nothing", *options)
    for reference in (scene.vgpu["id"], f"uid-{ALICE}:mine"):
        done = scene.bob.run(command, reference, *options)
        assert (done.returncode, done.stdout) == (nothing.returncode, nothing.stdout)
        # The same words as about what nobody has.
        assert done.stderr.replace(reference, "nothing") == nothing.stderr
        assert done.returncode == 2
    assert told(scene.alice, "show", "mine")["memory"] == 64 << 20


def test_another_s_lease_is_not_there(scene: Scene) -> None:
    done = scene.bob.run("release", scene.lease["id"])
    assert (done.returncode, done.stdout) == (2, "")
    assert scene.program.poll() is None
    assert told(scene.alice, "leases")["leases"] == [scene.lease]


def test_another_s_socket_answers_nothing(scene: Scene) -> None:
    assert scene.socket
    assert scene.bob.python(_CONNECT, scene.socket) in {
        "hung up",
        "PermissionError",
        "ConnectionResetError",
        "BrokenPipeError",
    }
    # Nor does it serve a program whose environment says that it is its own.
    shell = 'exec "$0" -c "$1" "$ALIQUOT_VGPU_SOCKET"'
    command = ["env", f"ALIQUOT_VGPU_SOCKET={scene.socket}", "sh", "-c", shell]
    done = scene.bob.run("exec", "his", "--quiet", "--", *command, scene.bob.executable, _CONNECT)
    assert done.stdout.strip()
    assert done.stdout.strip() != "answered"


def test_another_s_program_and_worker_can_t_be_read(scene: Scene) -> None:
    worker = told(scene.alice, "show", "mine")["worker_process_id"]
    assert worker
    for process in (worker, scene.program.pid):
        assert scene.bob.python(_READ, str(process)) == ""
        assert scene.daemon.shell([sys.executable, "-c", _READ, str(process)]).stdout != ""


def test_who_is_no_admin_rules_nothing(scene: Scene) -> None:
    for arguments in (
        ("policy", "0", "equal-share"),
        ("profile", "put", "small", "--memory", "1MiB"),
        ("token", "create", "one", "--role", "admin"),
        ("token", "create", "one", "--tenant", f"uid-{ALICE}"),
    ):
        done = scene.bob.run(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
    refused = json.loads(scene.bob.run("doctor", "--deep", "--json").stdout)["findings"]
    (about,) = [f for f in refused if (f["area"], f["subject"]) == ("daemon", "agreement")]
    assert about["level"] == "weak"


def test_a_lease_is_for_a_process_of_one_s_own(scene: Scene) -> None:
    from_bob = (
        "from aliquot.client.rest import Client\n"
        "from aliquot.errors import AliquotError\n"
        "from aliquot.model.api.vgpus import LeaseWanted\n"
        "import sys\n"
        "with Client.connect() as client:\n"
        "    try:\n"
        "        client.leases.begin('his', LeaseWanted(process_id=int(sys.argv[1])))\n"
        "        print('leased')\n"
        "    except AliquotError as error:\n"
        "        print(error.code)\n"
    )
    assert scene.bob.python(from_bob, str(scene.program.pid)).startswith("ALQ-E")


def test_the_end_is_seen(scene: Scene) -> None:
    """Last, since it ends Alice's program."""
    scene.program.terminate()
    scene.program.wait(60)
    deadline = time.monotonic() + 60
    while told(scene.alice, "leases")["leases"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)

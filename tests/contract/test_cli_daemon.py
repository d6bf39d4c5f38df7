"""The command line beside a real `aliquot serve`: what it prints, refuses, waits for and leaves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aliquot.client.device_host import running_hosts
from aliquot.errors import IllegalTransition
from tests.absent import absent
from tests.contract.test_cli_imports import FORBIDDEN
from tests.system.daemon import Daemon
from tools.programs.drivers import all_drivers


@pytest.fixture(scope="module")
def shared() -> Iterator[Daemon]:
    drivers = all_drivers()[:1]
    if not drivers:
        absent("no OpenCL driver is here")
    daemon = Daemon(drivers)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()


@pytest.fixture
def daemon(shared: Daemon) -> Iterator[Daemon]:
    """The daemon, with nothing in it."""
    yield shared
    with shared.client() as client:
        for vgpu in client.vgpus.list().items:
            with contextlib.suppress(IllegalTransition):  # an ephemeral one has just ended itself
                client.vgpus.delete(vgpu.id)


def asked(daemon: Daemon, *arguments: str) -> dict[str, Any]:
    done = daemon.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(daemon: Daemon, code: str, *arguments: str) -> str:
    """The one line of a refusal."""
    done = daemon.run(*arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"aliquot: {code}: "), line
    return line


def more_than_half(daemon: Daemon) -> tuple[str, ...]:
    """Options that ask for more than half of the memory of device 0."""
    with daemon.client() as client:
        memory = client.devices.show("0").memory
    return "--device", "0", "--memory", str(memory * 3 // 4)


def until(found: Callable[[], object]) -> None:
    deadline = time.monotonic() + 90
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_life(daemon: Daemon) -> None:
    options = ("--memory", "64MiB", "--compute", "25", "--label", "team=a", "--ttl", "2h")
    made = asked(daemon, "create", "mine", *options)
    assert (made["state"], made["memory"], made["compute"]) == ("ready", 64 << 20, 25.0)
    assert made["labels"] == {"team": "a"}
    assert made["expires_ms"] - made["created_ms"] == 7_200_000
    assert refused(daemon, "ALQ-E105", "create", "mine", "--memory", "64MiB")
    listed = daemon.run("vgpus").stdout
    assert "mine" in listed
    assert "team=a" in listed
    assert "at least 25 % of its time" in listed
    for options, there in (
        (("--label", "team=a"), True),
        (("--label", "team=b"), False),
        (("--state", "ready", "--device", "0"), True),
        (("--state", "suspended"), False),
    ):
        assert bool(asked(daemon, "vgpus", *options)["vgpus"]) is there, options
    resized = asked(daemon, "resize", "mine", "--memory", "96MiB", "--weight", "3", "--ttl", "none")
    assert (resized["memory"], resized["weight"], resized["expires_ms"]) == (96 << 20, 3, None)
    assert resized["compute"] == 25.0
    shown = asked(daemon, "show", "mine")
    assert (shown["id"], shown["measured"]["memory_limit"]) == (made["id"], 96 << 20)
    assert {"vgpu.ready"} <= {event["kind"] for event in shown["events"]}
    refused(daemon, "ALQ-E442", "delete", "mine")
    assert daemon.run("delete", "mine", "--yes").stdout == "vGPU mine: deleted\n"
    assert "mine" not in daemon.run("vgpus").stdout
    assert made["id"] in {vgpu["id"] for vgpu in asked(daemon, "vgpus", "--all")["vgpus"]}
    refused(daemon, "ALQ-E106", "show", "mine")


def test_show_tells_what_is_known_while_the_device_host_hangs(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(daemon, "create", "mine", "--memory", "64MiB")
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", daemon.environment["ALIQUOT_RUNTIME_DIR"])
    (host,) = running_hosts()
    with host:
        stopped = host.welcome.process_id
    os.kill(stopped, signal.SIGSTOP)
    try:
        done = daemon.run("show", "mine")
        assert done.returncode == 0, done.stderr
        assert "processes     unknown, they are not told of now" in done.stdout.splitlines()
        shown = asked(daemon, "show", "mine")
        assert (shown["used_by"]["queues_told"], shown["measured"]) == ("silent", None)
    finally:
        os.kill(stopped, signal.SIGCONT)
    until(lambda: asked(daemon, "show", "mine")["used_by"]["queues_told"] == "no-worker")


def test_exec_leases_and_runs(daemon: Daemon) -> None:
    asked(daemon, "create", "mine", "--memory", "64MiB")
    done = daemon.run("exec", "mine", "--", "sh", "-c", "echo out; exit 7")
    assert (done.returncode, done.stdout) == (7, "out\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith("aliquot: vGPU mine: 64 MiB of ")
    # On a software device, outside a container, it can't be otherwise.
    assert line.endswith("mode remoting, advisory")
    assert daemon.run("exec", "mine", "--quiet", "true").stderr == ""
    assert daemon.run("exec", "mine", "--", "/no/such").returncode == 127
    done = daemon.run("exec", "mine", "--json", "--", "true")
    told, end = (json.loads(text) for text in done.stderr.splitlines())
    assert (told["lease"], told["device_index"]) == ("advisory", 0)
    assert end["receipt"]["vgpu"] == told["vgpu"]
    ended = asked(daemon, "leases", "mine", "--ended")["leases"]
    assert told["lease_id"] in {lease["id"] for lease in ended}


def test_a_lease_is_listed_and_ended(daemon: Daemon) -> None:
    asked(daemon, "create", "mine", "--memory", "64MiB")
    program = daemon.popen("exec", "mine", "--quiet", "--", "sleep", "60")
    until(lambda: asked(daemon, "leases", "mine")["leases"])
    (lease,) = asked(daemon, "leases")["leases"]
    assert (lease["vgpu_name"], lease["process_id"]) == ("mine", program.pid)
    assert asked(daemon, "vgpus")["vgpus"][0]["state"] == "leased"
    assert f"process {program.pid}, advisory" in daemon.run("show", "mine").stdout
    assert asked(daemon, "release", lease["id"])["id"] == lease["id"]
    until(lambda: not asked(daemon, "leases")["leases"])
    program.terminate()
    assert program.wait(60) == 128 + signal.SIGTERM


def test_run_is_an_ephemeral_vgpu(daemon: Daemon) -> None:
    done = daemon.run("run", "--memory", "64MiB", "--name", "short", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert done.stderr.startswith("aliquot: vGPU short: 64 MiB of ")
    until(lambda: not asked(daemon, "vgpus")["vgpus"])
    program = daemon.popen("run", "--memory", "64MiB", "--quiet", "--", "sleep", "60")
    until(lambda: asked(daemon, "vgpus")["vgpus"])
    assert asked(daemon, "vgpus")["vgpus"][0]["ephemeral"]
    program.kill()  # nobody is left to say goodbye
    until(lambda: not asked(daemon, "vgpus")["vgpus"])


def test_the_daemon_may_die_meanwhile(daemon: Daemon) -> None:
    gate = daemon.work / "gate"
    script = f"while [ ! -e {gate} ]; do sleep 0.1; done; exit 5"
    program = daemon.popen("run", "--memory", "64MiB", "--quiet", "--", "sh", "-c", script)
    until(lambda: asked(daemon, "leases")["leases"])
    daemon.kill()
    # The socket of the dead is there still, and nobody behind it.
    done = daemon.run("run", "--memory", "64MiB", "--", "true")
    assert (done.returncode, "advisory" in done.stderr) == (0, True), done.stderr
    refused(daemon, "ALQ-E440", "leases")
    daemon.start()
    assert program.pid in {lease["process_id"] for lease in asked(daemon, "leases")["leases"]}
    gate.touch()
    assert program.wait(60) == 5
    until(lambda: not asked(daemon, "vgpus")["vgpus"])


def test_a_dry_run_says_where_or_why_not(daemon: Daemon) -> None:
    plan = asked(daemon, "create", "mine", "--memory", "64MiB", "--dry-run")
    assert plan["fits"]
    assert asked(daemon, "vgpus")["vgpus"] == []
    done = daemon.run("create", "mine", "--memory", "900TiB", "--dry-run")
    assert done.returncode == 1
    assert "900 TiB are asked for" in done.stdout


def test_waiting_for_a_place(daemon: Daemon) -> None:
    most = more_than_half(daemon)
    asked(daemon, "create", "first", *most)
    assert daemon.run("create", "second", *most).returncode == 2
    assert daemon.run("create", "second", *most, "--wait", "1s").returncode == 2
    waiting = daemon.popen("create", "second", *most, "--wait", "1m")
    until(lambda: asked(daemon, "queue")["queue"])
    assert "second" in daemon.run("queue").stdout
    assert waiting.poll() is None
    daemon.run("delete", "first", "--yes")
    assert waiting.wait(60) == 0
    assert [vgpu["state"] for vgpu in asked(daemon, "vgpus")["vgpus"]] == ["ready"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_waits_no_more_leaves_the_queue(daemon: Daemon, number: int) -> None:
    most = more_than_half(daemon)
    asked(daemon, "create", "first", *most)
    waiting = daemon.popen("run", *most, "--wait", "1m", "--", "true", stderr=subprocess.PIPE)
    until(lambda: asked(daemon, "queue")["queue"])
    waiting.send_signal(number)
    assert waiting.wait(60) == 128 + number
    until(lambda: not asked(daemon, "queue")["queue"])
    assert [vgpu["name"] for vgpu in asked(daemon, "vgpus")["vgpus"]] == ["first"]


def test_a_group_is_made_and_deleted_whole(daemon: Daemon) -> None:
    made = asked(daemon, "group", "create", "pair", "--memory", "32MiB", "--together")
    assert [vgpu["name"] for vgpu in made["vgpus"]] == ["pair-0", "pair-1"]
    assert "pair-1" in daemon.run("group", "list").stdout
    refused(daemon, "ALQ-E442", "group", "delete", "pair")
    assert daemon.run("group", "delete", "pair", "--yes").returncode == 0
    assert asked(daemon, "vgpus")["vgpus"] == []


def test_profiles_fill_in_what_is_not_given(daemon: Daemon) -> None:
    asked(daemon, "profile", "put", "small", "--memory", "32MiB", "--weight", "3")
    assert asked(daemon, "profile", "list")["profiles"][0]["name"] == "small"
    made = asked(daemon, "create", "mine", "--profile", "small", "--compute", "10")
    assert (made["memory"], made["weight"], made["compute"]) == (32 << 20, 3, 10.0)
    assert daemon.run("profile", "remove", "small", "--yes").returncode == 0
    assert asked(daemon, "profile", "list")["profiles"] == []


def test_a_token_s_secret_goes_where_it_is_to_go(daemon: Daemon) -> None:
    done = daemon.run("token", "create", "one", "--role", "viewer")
    assert done.returncode == 0
    secret = done.stdout.strip()
    assert secret
    assert secret not in done.stderr + daemon.log
    token = asked(daemon, "token", "create", "two", "--file", "two.token")
    assert token["secret"] is None
    path = daemon.work / "two.token"
    assert (path.stat().st_mode & 0o777, path.read_text() != "") == (0o600, True)
    again = refused(daemon, "ALQ-E201", "token", "create", "three", "--file", "two.token")
    assert "two.token" in again
    assert "three" not in daemon.run("token", "list").stdout
    assert secret not in daemon.run("token", "list", "--json").stdout
    assert asked(daemon, "token", "revoke", token["id"])["revoked_ms"]


def test_events_are_listed_and_followed(daemon: Daemon) -> None:
    following = daemon.popen("events", "--follow", "--limit", "0", "--json", stdout=subprocess.PIPE)
    assert following.stdout
    time.sleep(1)
    made = asked(daemon, "create", "mine", "--memory", "32MiB")
    kinds: list[str] = []
    while "vgpu.ready" not in kinds:
        event = json.loads(following.stdout.readline())
        kinds += [event["kind"]] if event["subject"] == made["id"] else []
    following.send_signal(signal.SIGINT)
    assert following.wait(60) == 130
    listed = asked(daemon, "events", "--subject", made["id"], "--limit", "50")["events"]
    assert [event["kind"] for event in listed][: len(kinds)] == kinds


def test_the_policy_is_the_daemon_s(daemon: Daemon) -> None:
    policy = asked(daemon, "policy", "0", "equal-share", "--turn", "3ms", "--averaging", "2")
    assert (policy["policy"], policy["turn_ms"], policy["averaging"]) == ("equal-share", 3.0, 2)
    with daemon.client() as client:
        assert client.devices.show("0").policy.policy == "equal-share"
    assert "best-effort" in daemon.run("policy", "0", "best-effort").stdout
    mixed = asked(daemon, "policy", "0", "--priority-mix", "latency:batch=0,latency:latency=1")
    assert mixed["priority_mix"] == {"latency:batch": 0, "latency:latency": 1}
    told = daemon.run("policy", "0").stdout
    assert "beside a vGPU of class latency at most 0 of class batch" in told
    asked(daemon, "create", "mine", "--memory", "32MiB", "--device", "0")
    assert asked(daemon, "show", "mine")["priority_mix"] == mixed["priority_mix"]
    told = daemon.run("show", "mine").stdout
    assert "priority mix  latency:batch=0,latency:latency=1" in told
    assert asked(daemon, "policy", "0", "--priority-mix", "none")["priority_mix"] == {}
    assert asked(daemon, "show", "mine")["priority_mix"] == {}
    assert "priority mix" not in daemon.run("show", "mine").stdout


def test_daemon_and_device_hosts_agree(daemon: Daemon) -> None:
    asked(daemon, "create", "mine", "--memory", "32MiB", "--compute", "10")
    program = daemon.popen("exec", "mine", "--quiet", "--", "sleep", "60")
    until(lambda: asked(daemon, "leases")["leases"])
    done = daemon.run("doctor", "--deep", "--json")
    found = [f for f in json.loads(done.stdout)["findings"] if f["area"] == "daemon"]
    assert {"listens", "agreement", "audit"} <= {f["subject"] for f in found}
    assert [f for f in found if f["level"] == "broken"] == []
    program.terminate()
    program.wait(60)


def test_names_for_completion(daemon: Daemon) -> None:
    asked(daemon, "create", "mine", "--memory", "32MiB")
    assert daemon.run("completion", "--names", "vgpus").stdout == "mine\n"
    assert daemon.run("completion", "--names", "devices").stdout.splitlines()[0] == "0"


def test_run_imports_what_it_needs_of_the_client_and_nothing_more(daemon: Daemon) -> None:
    program = (
        "import sys\nbefore = set(sys.modules)\nfrom aliquot.cli import main\n"
        "assert main(['run', '--quiet', '--memory', '32MiB', '--', 'true']) == 0\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**daemon.environment, "PYTHONPATH": paths}
    done = daemon.shell([sys.executable, "-S", "-c", program], env=environment)
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.split())
    assert "aliquot.client.rest" in modules
    # http.client brings its parser of headers and ssl along; msgspec reads annotations.
    brought = {"email", "http", "inspect", "msgspec", "ssl", "urllib", "uuid"}
    slow = modules & (FORBIDDEN - brought)
    assert not slow
    assert not {m for m in modules if m.startswith(("aliquot.api", "aliquot.daemon", "sqlalchemy"))}

"""A worker that belongs to the tenant: what it can't do, tried by doing it.

The fake worker stands in for the real one and follows orders. As root every test runs twice, with
a device host of root's and one of an ordinary user's.
"""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.device_host_process import (
    BUFFERS,
    DEVICE,
    GUEST_HELLO,
    MIB,
    DeviceHostProcess,
    identities,
    running_device_host,
    wait_until,
)
from tests.system.stalls import Stalls

OWN_USER, USER_NAMESPACE, NO_NETWORK, NO_NEW_PRIVILEGES = 1 << 0, 1 << 1, 1 << 2, 1 << 3
NO_CAPABILITIES, SECCOMP, LANDLOCK, MOUNT_NAMESPACE = 1 << 4, 1 << 5, 1 << 6, 1 << 7
MEMORY_CGROUP, RESOURCE_LIMITS, PROCESS_NAMESPACE, MEMORY_WITNESS = (
    1 << 8, 1 << 9, 1 << 10, 1 << 11,
)  # fmt: skip

# What the driver may hold beyond the quota: 256 MiB, and what it took while loading.
ALLOWANCE = 256 * MIB


@pytest.fixture(params=identities(), ids=lambda user: "as-self" if user is None else "as-user")
def user(request: pytest.FixtureRequest) -> int | None:
    return request.param


def is_root(user: int | None) -> bool:
    return user is None and os.geteuid() == 0


REFUSED = [
    "read /etc/shadow", "read /etc/passwd", "read /root", "read /home", "read /var", "read /run",
    "read /dev/zero", "read /dev/mem", "read /dev/shm",
    "make-file /usr/x", "make-file /x", "make-file /etc/x", "make-file /proc/self/comm",
    "connect 127.0.0.1", "connect 192.0.2.1",
    "signal 2", "ptrace 1", "read-process 1", "pidfd 1", "file-handle x",
    "file-owner 1", "own-files-thread x", "unshare-files x",
    "become-root x", "new-namespace x", "mount x", "chroot x", "personality x",
    "memory-file x", "shared-memory x", "system-v-memory x",
    "bpf x", "keyring x", "io-uring x", "userfaultfd x", "perf x",
    "raise-limit x", "outlive-parent x", "large-file 300000000", "fork-many 1100",
]  # fmt: skip
PERMITTED = [
    "read /usr/bin", "read /proc/cpuinfo", "read /proc/self/maps", "read /dev/urandom",
    "read /sys/devices/system/cpu/online", "start-program true", "working-folder x",
    "cache-folder x",
]  # fmt: skip


def test_what_a_worker_may_and_may_not(user: int | None) -> None:
    secrets = ["lock", "control.sock", "v1.sock", "v2.sock"]
    # Permitted ones first: afterwards the processes are used up.
    orders = ["ready", *PERMITTED, *REFUSED[:-1]]
    with running_device_host(user, "ready serve") as host:
        control = host.control()
        neighbour = control.create(name="neighbour")
        outside = [f"signal {neighbour.worker}", f"signal {os.getpid()}"]
        hidden = [f"read {host.device_folder / name}" for name in secrets]
        hidden += [f"connect-socket {host.control_path}", f"connect-socket {neighbour.socket_path}"]
        hidden += [f"read {host.folder / 'cache'}", f"read {host.folder / 'log'}"]
        host.orders.write_text("\n".join([*orders, *outside, *hidden, REFUSED[-1], "serve"]))
        control.create(name="hostile")
        host.wait_for_log(r"trial fork-many 1100: ")
        wrong = [name for name in PERMITTED if host.trial(name) != "permitted"]
        wrong += [
            name
            for name in [*REFUSED, *outside, *hidden]
            if not host.trial(name).startswith("refused")
        ]
        assert not wrong, host.log()


def test_every_fence_is_up(user: int | None) -> None:
    """On a machine that has them all; where one is missing `aliquot doctor` says so."""
    with running_device_host(user) as host:
        vgpu = host.control().create()
        expected = (
            NO_NETWORK | NO_NEW_PRIVILEGES | NO_CAPABILITIES | SECCOMP | LANDLOCK
            | MOUNT_NAMESPACE | RESOURCE_LIMITS | PROCESS_NAMESPACE | MEMORY_WITNESS
        )  # fmt: skip
        expected |= OWN_USER if is_root(user) else USER_NAMESPACE
        missing = expected & ~vgpu.protections
        if missing and not machine_has_namespaces(user):
            pytest.skip(f"this machine grants no namespaces; missing: {missing:#x}")
        assert missing == 0
        status = Path(f"/proc/{vgpu.worker}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert "Seccomp:\t2" in status
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert f"{kind}:\t0000000000000000" in status
        owner = Path(f"/proc/{vgpu.worker}").stat().st_uid
        if is_root(user):
            assert 61184 <= owner <= 65519
        arguments = Path(f"/proc/{vgpu.worker}/cmdline").read_bytes().split(b"\0")
        assert arguments[:2] == [b"aliquot-worker", b"serve"]
        host.wait_for_log("worker=.* ready")  # until then it reads its orders
        descriptors = {path.name for path in Path(f"/proc/{vgpu.worker}/fd").iterdir()}
        assert descriptors <= {"0", "1", "2", "3"}
        environment = Path(f"/proc/{vgpu.worker}/environ").read_bytes().split(b"\0")
        names = {variable.split(b"=")[0] for variable in environment if variable}
        assert names == {b"PATH", b"LANG", b"HOME", b"TMPDIR", b"XDG_CACHE_HOME", b"POCL_CACHE_DIR"}


def machine_has_namespaces(user: int | None) -> bool:
    command = ["unshare", "--mount", "--pid", "--net", "--fork", "true"]
    if not is_root(user):
        command.insert(1, "--user")
    identity = {} if user is None else {"user": user, "group": user}
    run = subprocess.run(command, capture_output=True, check=False, **identity)  # pyright: ignore
    return run.returncode == 0


@pytest.mark.needs_root
def test_every_worker_has_a_user_of_its_own() -> None:
    with running_device_host() as host:
        control = host.control()
        workers = [control.create(name=f"v{index}").worker for index in range(4)]
        assert len({Path(f"/proc/{worker}").stat().st_uid for worker in workers}) == 4


@pytest.mark.needs_root
def test_no_worker_has_the_user_of_another_tenant_s_cache() -> None:
    """It could write what that tenant's next worker will load, where no fence hides the cache."""
    with running_device_host() as host:
        control = host.control()
        # The user that this device host tries first.
        user = 61184 + control.device_host() * 31 % (65520 - 61184)
        cache = host.folder / "cache" / "4242" / "0"
        cache.mkdir(parents=True)
        os.chown(cache, user, user)
        worker = control.create().worker
        assert Path(f"/proc/{worker}").stat().st_uid == user + 1


def test_the_device_host_s_memory_is_closed_to_its_user() -> None:
    user = 1000 if os.geteuid() == 0 else None
    with running_device_host(user) as host:
        control = host.control()
        vgpu = control.create()
        os.kill(control.device_host(), signal.SIGKILL)  # nor that of the next one, nor of either's
        assert host.process is not None  # supervisor
        identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        for process in (host.process.pid, control.device_host()):
            for name in ("mem", "environ", "fd/0"):
                opened = subprocess.run(
                    ["head", "-c", "0", f"/proc/{process}/{name}"],
                    capture_output=True, check=False, **identity,
                )  # fmt: skip
                assert opened.returncode != 0, name
                assert b"Permission denied" in opened.stderr
        assert vgpu.protections & MEMORY_WITNESS


@pytest.mark.needs_root
def test_a_child_started_at_once_is_in_the_worker_s_cgroup() -> None:
    with running_device_host(orders="fork-many 3 ready serve") as host:
        vgpu = host.control().create()
        if not vgpu.protections & MEMORY_CGROUP:
            pytest.skip("no memory cgroup can be made on this machine")
        host.wait_for_log("worker=.* ready")
        family = [vgpu.worker, *children(vgpu.worker)]
        assert len(family) == 4
        for process in family:
            groups = Path(f"/proc/{process}/cgroup").read_text()
            assert f"aliquot/{DEVICE}-{host.process.pid if host.process else 0}-v1" in groups


# Memory

KINDS = ["allocate", "fork-allocate", "orphan-allocate"]
FORBIDDEN_KINDS = ["allocate-memory-file", "allocate-shared"]


def total_memory(process: int) -> int:
    """Resident memory of a process and its children, zero when it is gone."""
    total = 0
    for entry in [process, *children(process)]:
        try:
            status = Path(f"/proc/{entry}/status").read_text()
        except OSError:
            continue
        total += sum(
            int(line.split()[1]) * 1024
            for line in status.splitlines()
            if line.startswith(("RssAnon", "RssShmem"))
        )
    return total


def longest_beyond(worker: int, bound: int) -> float:
    """For how long a worker held more than the bound, seen until its end or for 12 s."""
    beyond_since: float | None = None
    stood_still = longest = 0.0
    end = time.monotonic() + 12
    with Stalls() as stalls:
        while time.monotonic() < end and Path(f"/proc/{worker}").exists():
            held, now = total_memory(worker), time.monotonic()
            if held <= bound:
                beyond_since = None
            elif beyond_since is None:
                beyond_since, stood_still = now, stalls.so_far()
            else:
                longest = max(longest, now - beyond_since - (stalls.so_far() - stood_still))
            if not held:
                break
            time.sleep(0.02)
    return longest


def children(process: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(word) for word in path.read_text().split()]
        except OSError:
            continue
    return found + [grandchild for child in found for grandchild in children(child)]


@pytest.mark.parametrize("moment", ["before-ready", "idle", "connected"])
@pytest.mark.parametrize("kind", KINDS)
def test_quota_holds_against_the_worker_itself(user: int | None, kind: str, moment: str) -> None:
    quota = 64 * MIB
    wait = {"before-ready": "", "idle": "ready", "connected": "ready await-connect"}[moment]
    greedy = quota + 2 * ALLOWANCE + 300 * MIB
    with running_device_host(user, f"{wait} {kind} {greedy} serve") as host:
        control = host.control()
        vgpu = control.create(quota)
        if moment == "connected":
            host.guest(vgpu)
        longest = longest_beyond(vgpu.worker, quota + 2 * ALLOWANCE)
        assert longest < 1.0, host.log()
        # By the witness, or by the kernel where there is a cgroup: it doesn't hold it now.
        assert total_memory(vgpu.worker) <= quota + 2 * ALLOWANCE
        host.wait_for_log("MiB are explained|cgroup's limit")


@pytest.mark.parametrize("kind", FORBIDDEN_KINDS)
def test_memory_out_of_sight_cannot_be_had(user: int | None, kind: str) -> None:
    with running_device_host(user, f"ready {kind} {8 * MIB} serve") as host:
        host.control().create()
        host.wait_for_log(f"{kind}: Operation not permitted")


def test_memory_of_a_process_without_its_first_thread_is_seen(user: int | None) -> None:
    quota = 64 * MIB
    with running_device_host(user, f"ready thread-allocate {quota + 2 * ALLOWANCE} serve") as host:
        host.control().create(quota)
        host.wait_for_log("MiB are explained|cgroup's limit")


def test_dropped_memory_cannot_be_kept(user: int | None) -> None:
    """Nor filled again: arenas that the worker says it dropped, a dozen times the quota of them."""
    orders = "ready hoard-arenas await-connect serve"
    with running_device_host(user, orders) as host:
        vgpu = host.control().create(64 * MIB)
        guest = host.guest(vgpu)
        for _ in range(12):
            # Refused until the last one is said to be dropped; dead once that was found out.
            try:
                wait_until(lambda: guest.arena(100 * MIB, BUFFERS)[0] != 0, "there is an arena")
            except (AssertionError, OSError):
                break
        host.wait_for_log("MiB are explained|cgroup's limit")


def test_scratch_is_bounded_and_counted(user: int | None) -> None:
    orders = f"ready allocate-in-scratch {60 * MIB} allocate-in-scratch {60 * MIB} serve"
    with running_device_host(user, orders) as host:
        control = host.control()
        vgpu = control.create()
        host.wait_for_log("allocate-in-scratch: No space left on device")
        if vgpu.protections & MOUNT_NAMESPACE:
            wait_until(lambda: control.list()[0].witnessed >= 60 * MIB, "the scratch is counted")


def test_common_pages_count_once_and_for_both(user: int | None) -> None:
    """A pair of accomplices can't hold the quota twice, in arenas and in the worker."""
    quota = 256 * MIB
    orders = f"ready await-connect await-connect allocate {quota + ALLOWANCE - 64 * MIB} serve"
    with running_device_host(user, orders) as host:
        control = host.control()
        vgpu = control.create(quota)
        guest = host.guest(vgpu)
        size, _ = guest.arena(quota, BUFFERS)
        assert size == quota
        os.posix_fallocate(guest.descriptors[3], 0, quota)
        wait_until(lambda: control.list()[0].witnessed >= quota, "the arena is seen")
        host.silent_guest(vgpu).send(GUEST_HELLO, struct.pack("II", 1, os.getpid()))
        assert guest.receive() is None
        host.wait_for_log("MiB are explained|cgroup's limit")


def test_permitted_memory_is_left_alone(user: int | None) -> None:
    orders = f"ready allocate {200 * MIB} await-connect serve"
    with running_device_host(user, orders) as host:
        control = host.control()
        vgpu = control.create(64 * MIB)
        guest = host.guest(vgpu)
        time.sleep(1.5)
        assert guest.borrow(MIB) >= MIB
        assert control.list()[0].worker == vgpu.worker


# Device time


@pytest.mark.alone
def test_computing_outside_of_turns_ends_a_worker(user: int | None) -> None:
    """It says that it computed nothing; its processor time says otherwise."""
    with running_device_host(user, "ready burn serve") as host:
        host.control().create()
        host.wait_for_log("ready, the driver took")
        begin = time.monotonic()
        host.wait_for_log("ms outside its turns")
        assert time.monotonic() - begin < 2


# The cache of compiled kernels


def test_cache_is_kept_for_the_next_worker_of_the_owner(user: int | None) -> None:
    with running_device_host(user, "ready cache-was-kept x cache-folder x serve") as host:
        control = host.control()
        first = control.create()
        assert host.trial("cache-was-kept x").startswith("refused")
        control.destroy(first.number)
        control.create()  # at once
        wait_until(lambda: host.trial("cache-was-kept x") == "permitted", "the cache is there")


def test_workers_at_once_have_caches_of_their_own(user: int | None) -> None:
    with running_device_host(user, "ready cache-was-kept x cache-folder x serve") as host:
        control = host.control()
        control.create(name="one")
        host.wait_for_log("trial cache-folder x: permitted")
        control.create(name="two")
        wait_until(lambda: host.log().count("trial cache-folder x: permitted") == 2, "both wrote")
        assert host.log().count("trial cache-was-kept x: refused") == 2


def test_a_cache_does_not_fill_the_disk(user: int | None) -> None:
    """Files that lie deeper than anybody looks count as too many."""
    with running_device_host(user, "ready fill-cache 6 serve") as host:
        host.control().create()
        host.wait_for_log("trial fill-cache 6: permitted")
        host.wait_for_log("its cache of compiled kernels holds more than")
        cache = host.folder / "cache"
        wait_until(lambda: not list(cache.glob("*/*/*")), "the cache is empty")


@pytest.mark.needs_root
def test_owners_have_caches_of_their_own() -> None:
    with running_device_host(orders="ready cache-folder x serve") as host:
        host.control().create()
        host.wait_for_log("trial cache-folder x: permitted")
        folders = list((host.folder / "cache").iterdir())
        assert [folder.name for folder in folders] == ["0"]  # root's, who asked
        cache = folders[0] / "0"
        assert cache.stat().st_uid >= 61184
        assert cache.stat().st_mode & 0o077 == 0


# Containers often grant no namespaces at all


@pytest.fixture
def without_namespaces() -> Iterator[DeviceHostProcess]:
    """A device host where the kernel makes no namespace for it."""
    limits = "".join(
        f"echo 0 > /proc/sys/user/max_{kind}_namespaces; "
        for kind in ("mnt", "pid", "net", "ipc", "uts", "user")
    )
    host = DeviceHostProcess()
    original = host.command

    def command(*more: str) -> list[str]:
        # Limits are a user namespace's own; the last one in it is the limit on itself.
        return ["unshare", "--user", "--map-root-user", "sh", "-c", limits + 'exec "$@"', "sh",
                *original(*more)]  # fmt: skip

    host.command = command
    try:
        yield host
    finally:
        host.close()


def test_fences_that_need_no_namespace(without_namespaces: DeviceHostProcess) -> None:
    host = without_namespaces
    tried = [
        "read /etc/shadow", "read /root", "read /var", f"read {host.device_folder / 'lock'}",
        "make-file /tmp/aliquot-was-here", "connect 127.0.0.1", "memory-file x",
        f"connect-socket {host.control_path}", "signal -1", f"signal {os.getpid()}", "ptrace 1",
        "read /proc/1/status", "new-namespace x", "raise-limit x",
    ]  # fmt: skip
    host.orders.write_text(
        "\n".join(["ready", *tried, "start-program true", "cache-folder x", "serve"])
    )
    host.start()
    vgpu = host.control().create()
    assert vgpu.protections & MOUNT_NAMESPACE == 0
    fences = NO_NETWORK | NO_NEW_PRIVILEGES | NO_CAPABILITIES | SECCOMP | LANDLOCK
    assert vgpu.protections & fences == fences
    host.wait_for_log("trial cache-folder x: ")
    assert host.trial("cache-folder x") == "permitted"
    assert host.trial("start-program true") == "permitted"
    wrong = [name for name in tried if not host.trial(name).startswith("refused")]
    assert not wrong, host.log()


def supervised(host: DeviceHostProcess) -> list[int]:
    """The children of the device host's supervisor: it, workers, and what these leave behind."""
    assert host.process is not None
    return children(host.process.pid)


def test_children_that_leave_their_worker_are_killed(without_namespaces: DeviceHostProcess) -> None:
    host = without_namespaces
    host.orders.write_text(f"ready orphan-allocate {100 * MIB} serve")
    host.start()
    control = host.control()
    vgpu = control.create()
    host.wait_for_log(r"orphan \d+ allocates")
    found = re.search(r"orphan (\d+) allocates", host.log())
    assert found
    wait_until(lambda: not Path(f"/proc/{found[1]}").exists(), "the orphan is gone")
    assert sorted(supervised(host)) == sorted([control.device_host(), vgpu.worker])


def test_children_of_a_dead_worker_are_killed(without_namespaces: DeviceHostProcess) -> None:
    host = without_namespaces
    host.orders.write_text("ready await-connect fork-many 5 exit 0")
    host.start()
    control = host.control()
    vgpu = control.create()
    assert host.guest(vgpu).receive() is None
    host.wait_for_log("worker=.* ended")
    host.orders.write_text("ready serve")
    wait_until(lambda: supervised(host) == [control.device_host()], "no child is left")

"""The client: vGPUs that last, leases and memory, on a device host and on its stand-in."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.client.device_host import DeviceHost
from aliquot.errors import (
    LimitReached,
    MemoryInUse,
    MemoryUnavailable,
    NoSuchLease,
    NoSuchProcess,
    NoSuchVgpu,
    VgpuDiffers,
)
from aliquot.model.shares import Shares
from aliquot.model.vgpu import VgpuState
from tests.contract.device_host_process import (
    DEVICE,
    DEVICE_MEMORY,
    MIB,
    REPOSITORY,
    child_process,
    running_device_host,
    wait_until,
)
from tests.folders import short_folder

ID = 0xFEDC_BA98_7654_3210_0123_4567_89AB_CDEF


@pytest.fixture(params=["real", "fake"])
def socket_path(request: pytest.FixtureRequest) -> Iterator[str]:
    """The control socket of a device host, or of its stand-in."""
    if request.param == "real":
        with running_device_host() as host:
            yield str(host.control_path)
        return
    with short_folder() as runtime:
        (runtime / DEVICE).mkdir()
        arguments = {"--uuid": DEVICE, "--runtime-dir": runtime, "--memory": DEVICE_MEMORY}
        flat = [str(word) for pair in arguments.items() for word in pair]
        paths = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
        subprocess.run(
            [sys.executable, "-m", "tests.fakes.device_host", *flat],
            env=os.environ | {"PYTHONPATH": paths, "FAKE_DEVICE_HOST": ""},
            check=True,
        )
        path = str(runtime / DEVICE / "control.sock")
        try:
            yield path
        finally:
            with connect(path) as left:
                for usage in left.list_vgpus():
                    left.destroy_vgpu(usage.id)
            wait_until(lambda: not Path(path).exists(), "the stand-in has ended")


def connect(path: str) -> DeviceHost:
    host = DeviceHost.join(path)
    assert host is not None
    return host


def test_a_life(socket_path: str) -> None:
    with connect(socket_path) as maker:
        made = maker.create_vgpu("team-a", 64 * MIB, external_id=ID)
        assert (made.memory, made.worker_process_id, made.protections) == (64 * MIB, 0, 0)
    with connect(socket_path) as host:
        [usage] = host.list_vgpus()
        assert (usage.id, usage.name, usage.external_id) == (made.id, "team-a", ID)
        assert (usage.lasting, usage.state, usage.holders) == (True, VgpuState.RESERVED, ())
        assert usage.as_dict()["external_id"] == f"{ID:032x}"
        assert host.create_vgpu("team-a", 64 * MIB, external_id=ID) == made
        with pytest.raises(VgpuDiffers):
            host.create_vgpu("team-a", 65 * MIB, external_id=ID)
        lease = host.take_lease(external_id=ID)
        assert (lease.vgpu, lease.memory, lease.socket_path) == (
            *(made.id, 64 * MIB, made.socket_path),
        )
        assert lease.worker_process_id
        assert lease.protections
        [usage] = host.list_vgpus()
        [holder] = usage.holders
        assert (holder.lease, holder.process_id, holder.by_process) == (
            *(lease.number, os.getpid(), False),
        )
        assert 0 <= time.monotonic_ns() - holder.since_ns < 60e9
        assert usage.state == VgpuState.READY
        assert host.show_vgpu(made.id).usage.holders == (holder,)
        host.end_lease(made.id, lease.number)
        with pytest.raises(NoSuchLease):
            host.end_lease(made.id, lease.number)
        host.destroy_lasting_vgpu(ID)
        with pytest.raises(NoSuchVgpu):
            host.destroy_lasting_vgpu(ID)
        with pytest.raises(NoSuchVgpu):
            host.take_lease(external_id=ID)
        assert host.list_vgpus() == []


def test_leases_end_with_their_holders(socket_path: str) -> None:
    with connect(socket_path) as host, child_process() as process:
        made = host.create_vgpu("team-a", MIB, external_id=ID)
        with connect(socket_path) as other:
            other.take_lease(made.id)
            held = other.take_lease(made.id, process_id=process.pid)
            assert len(host.list_vgpus()[0].holders) == 2
        wait_until(lambda: len(host.list_vgpus()[0].holders) == 1, "the connection's has ended")
        [holder] = host.list_vgpus()[0].holders
        assert (holder.lease, holder.process_id, holder.by_process) == (
            *(held.number, process.pid, True),
        )
        process.kill()
        process.wait()
        wait_until(lambda: not host.list_vgpus()[0].holders, "the process's has ended")
        with pytest.raises(NoSuchProcess):
            host.take_lease(made.id, process_id=process.pid)


def test_memory_up_and_down(socket_path: str) -> None:
    with connect(socket_path) as host:
        made = host.create_vgpu("team-a", 64 * MIB, external_id=ID)
        host.create_vgpu("team-b", 100 * MIB, external_id=ID + 1)
        with pytest.raises(MemoryUnavailable):
            host.resize_vgpu(made.id, Shares(), memory=DEVICE_MEMORY - 100 * MIB + 1)
        host.resize_vgpu(made.id, Shares(), memory=DEVICE_MEMORY - 100 * MIB)
        host.resize_vgpu(made.id, Shares(weight=2))
        [usage, _] = host.list_vgpus()
        assert (usage.memory_limit, usage.turns.shares.weight) == (DEVICE_MEMORY - 100 * MIB, 2)
        host.resize_vgpu(made.id, Shares(), memory=32 * MIB)
        assert host.list_vgpus()[0].memory_limit == 32 * MIB
        assert host.look().reserved_memory == 132 * MIB


def test_bounds(socket_path: str) -> None:
    with connect(socket_path) as host:
        for number in range(1, 2501):
            host.create_vgpu(f"v{number}", 4096, external_id=number)
        with pytest.raises(LimitReached):
            host.create_vgpu("one more", 4096, external_id=2501)
        # More than one answer holds.
        assert [usage.external_id for usage in host.list_vgpus()] == list(range(1, 2501))
        for _ in range(64):
            host.take_lease(external_id=1)
        with pytest.raises(LimitReached):
            host.take_lease(external_id=1)


def test_owners(socket_path: str) -> None:
    with connect(socket_path) as host:
        host.create_vgpu("own", MIB, external_id=1)
        if os.geteuid() == 0:
            host.create_vgpu("another's", MIB, external_id=2, owner_uid=1001)
            with pytest.raises(VgpuDiffers):
                host.create_vgpu("another's", MIB, external_id=2, owner_uid=1002)
        owners = [usage.owner_uid for usage in host.list_vgpus()]
        assert owners == [os.geteuid(), 1001][: len(owners)]


def test_turns_of_nobody(socket_path: str) -> None:
    with connect(socket_path) as host:
        host.create_vgpu("team-a", MIB, external_id=ID)
        assert host.turns() == []


def test_what_is_in_use_is_told(fakes_or_real_in_use: DeviceHost) -> None:
    [usage] = fakes_or_real_in_use.list_vgpus()
    with pytest.raises(MemoryInUse):
        fakes_or_real_in_use.resize_vgpu(usage.id, Shares(), memory=4096)
    assert fakes_or_real_in_use.list_vgpus()[0].memory_limit == MIB


@pytest.fixture
def fakes_or_real_in_use(socket_path: str) -> Iterator[DeviceHost]:
    """With one vGPU, most of which is in use."""
    from tests.contract.device_host_process import Guest

    with connect(socket_path) as host:
        host.create_vgpu("team-a", MIB, external_id=ID)
        lease = host.take_lease(external_id=ID)
        if not Path(lease.socket_path).exists():  # the stand-in says that always
            yield host
            return
        with Guest(lease.socket_path) as guest:
            assert guest.hello().borrow(MIB // 2)
            guest.set_page_credit(0)
            yield host

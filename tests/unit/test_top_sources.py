"""What `aliquot top` makes of a daemon's answers and of device hosts' pages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from aliquot.client.rest import Client
from aliquot.errors import DaemonUnreachable
from aliquot.model.api.devices import DevicePage, DeviceResource, PolicyResource
from aliquot.model.api.leases import LeasePage, LeaseResource
from aliquot.model.api.vgpus import VgpuPage, VgpuResource
from aliquot.model.lease import LeaseKind
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.model.shares import PriorityClass, Shares
from aliquot.model.vgpu_record import Placement
from aliquot.tui import daemon_source, host_source
from aliquot.tui.daemon_source import DaemonSource
from aliquot.tui.host_source import HostSource
from aliquot.tui.source import Act, NewSize
from tests.fakes.looks import DEVICE, MIB, usage

ID = "0" * 31 + "7"


def resource(name: str = "one", vgpu: str = ID, **fields: Any) -> VgpuResource:
    told: dict[str, Any] = {
        "id": vgpu, "name": name, "tenant": "alice", "node": "n", "group": None,
        "state": VgpuState.LEASED, "reason": "", "reason_code": "", "wanted": Wanted.RUNNING,
        "generation": 1, "settled": True, "memory": 1024 * MIB, "memory_used": 5 * MIB,
        "compute": 25.0, "compute_limit": 50.0, "weight": 2, "priority": "latency",
        "copy_limit": 0, "kernel_limit_ms": 2000, "mode": "remoting", "device": DEVICE,
        "placement": Placement.PACK, "apart": None, "movable": False, "preemptible": False,
        "ephemeral": False, "profile": None, "labels": {}, "leases": 1, "queue_position": None,
        "worker_process_id": 1, "created_ms": 0, "changed_ms": 0, "expires_ms": None,
        "deleted_ms": None,
    }  # fmt: skip
    return VgpuResource(**(told | fields))


def device_resource(**fields: Any) -> DeviceResource:
    told: dict[str, Any] = {
        "uuid": DEVICE, "index": 3, "node": "n", "name": "CPU", "kind": "software",
        "present": True, "simulated": False, "remotable": True, "memory": 8 << 30,
        "reserved_memory": 1 << 30, "free_memory": 7 << 30, "reserved_compute": 25.0, "vgpus": 1,
        "policy": PolicyResource(policy="equal-share"), "telemetry": {}, "facts": {}, "seen_ms": 0,
    }  # fmt: skip
    return DeviceResource(**(told | fields))


class FakeDaemon:
    """Answers with what a test puts in, and remembers what it was told to do."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.devices_told = [device_resource()]
        self.pages = [[resource()]]
        self.failing = False
        self.address = SimpleNamespace(shown="/run/api.sock")
        lease = LeaseResource(
            id="L", vgpu=ID, vgpu_name="one", tenant="alice", kind=LeaseKind.PROCESS,
            process_id=1, user_id=1, holder="x", enforced=False, since_ms=0,
        )  # fmt: skip
        self.devices = SimpleNamespace(list=self._devices)
        self.leases = SimpleNamespace(
            list=lambda **_: LeasePage(items=[lease]),
            end=lambda lease: self.done.append(("end", lease)),
        )
        self.vgpus = SimpleNamespace(
            list=self._page,
            change=lambda vgpu, change: self.done.append(("change", vgpu, change)),
            suspend=lambda vgpu: self.done.append(("suspend", vgpu)),
            resume=lambda vgpu: self.done.append(("resume", vgpu)),
        )

    def _devices(self) -> DevicePage:
        if self.failing:
            raise DaemonUnreachable("it is gone")
        return DevicePage(items=self.devices_told, sequence=0)

    def _page(self, *, limit: int, cursor: str | None) -> VgpuPage:
        number = int(cursor or 0)
        more = str(number + 1) if number + 1 < len(self.pages) else None
        return VgpuPage(items=self.pages[number], sequence=0, next=more)

    def close(self) -> None:
        self.done.append(("close",))


class MadeUpHosts(HostSource):
    """Device hosts whose pages a test writes."""

    def __init__(self) -> None:
        super().__init__()
        self.told = [usage(1, name="one", external_id=7, at=1)]

    def usages(self) -> list[Any]:
        return self.told

    def _ask(self, usages: list[Any]) -> None:
        """No device host runs here."""

    def _discover(self) -> None:
        """Nor is any driver asked."""


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> MadeUpHosts:
    made = MadeUpHosts()
    monkeypatch.setattr(daemon_source, "HostSource", lambda: made)
    return made


@pytest.fixture
def daemon(hosts: MadeUpHosts) -> FakeDaemon:
    return FakeDaemon()


def source_of(daemon: FakeDaemon) -> DaemonSource:
    return DaemonSource(cast("Client", daemon))


def test_the_daemons_word_and_the_pages_are_one(daemon: FakeDaemon, hosts: MadeUpHosts) -> None:
    source = source_of(daemon)
    source.look()
    hosts.told = [usage(1, name="one", external_id=7, at=2, held=0.5, waited=0.25)]
    shown = source.look()
    (vgpu,) = shown.vgpus
    assert (vgpu.key, vgpu.owner, vgpu.state, vgpu.number) == (ID, "alice", "leased", 1)
    assert vgpu.shares == Shares(2500, 5000, 2, PriorityClass.LATENCY)
    assert vgpu.waiting == 25.0
    assert vgpu.memory_used == 256 * MIB  # the page's, which is newer
    assert vgpu.leases == ("L",)
    (device,) = shown.devices
    assert (device.number, device.policy, device.granted) == (3, "equal-share", 25.0)
    assert shown.origin == "daemon at /run/api.sock"


def test_who_can_not_read_pages_sees_what_the_daemon_tells(
    daemon: FakeDaemon, hosts: MadeUpHosts
) -> None:
    hosts.told = []
    (vgpu,) = source_of(daemon).look().vgpus
    assert (vgpu.memory_used, vgpu.share, vgpu.waiting) == (5 * MIB, None, None)


def test_all_pages_of_a_list_are_read(daemon: FakeDaemon, hosts: MadeUpHosts) -> None:
    hosts.told = []
    daemon.pages = [[resource(f"v{n}", f"{n:032x}")] for n in range(1, 4)]
    assert [vgpu.name for vgpu in source_of(daemon).look().vgpus] == ["v1", "v2", "v3"]


def test_what_the_daemon_has_not_seen_yet_is_shown_and_left_alone(
    daemon: FakeDaemon, hosts: MadeUpHosts
) -> None:
    hosts.told.append(usage(9, name="new"))
    source = source_of(daemon)
    (new,) = [vgpu for vgpu in source.look().vgpus if vgpu.name == "new"]
    assert "doesn't know it yet" in source.why_not(Act.RESIZE, new)


def test_without_an_answer_the_pages_alone_are_shown_and_why(
    daemon: FakeDaemon, hosts: MadeUpHosts
) -> None:
    daemon.failing = True
    shown = source_of(daemon).look()
    assert [vgpu.name for vgpu in shown.vgpus] == ["one"]
    assert "ALQ-E420" in shown.trouble


def test_acts_reach_the_daemon(daemon: FakeDaemon, hosts: MadeUpHosts) -> None:
    source = source_of(daemon)
    (vgpu,) = source.look().vgpus
    source.resize(vgpu, NewSize(None, Shares(3000, 6000, 1, PriorityClass.BATCH)))
    source.suspend(vgpu)
    source.resume(vgpu)
    source.kill(vgpu)
    source.close()
    (_, changed, change), *others = daemon.done
    assert changed == ID
    assert (change.compute, change.compute_limit, change.priority) == (30.0, 60.0, "batch")
    assert not change.memory
    assert others == [("suspend", ID), ("resume", ID), ("end", "L"), ("close",)]


def test_an_idle_software_device_is_idle_and_a_gpu_unknown(
    daemon: FakeDaemon, hosts: MadeUpHosts
) -> None:
    hosts.told = []
    daemon.devices_told = [
        device_resource(),
        device_resource(uuid="a", kind="gpu"),
        device_resource(uuid="b", kind="gpu", telemetry={"use": 12.0, "power_watts": 70.0}),
    ]
    assert [one.use for one in source_of(daemon).look().devices] == [0.0, None, 12.0]


def test_without_a_daemon_devices_are_those_of_the_hosts(hosts: MadeUpHosts) -> None:
    hosts.told = [
        usage(1, turns=usage().turns._replace(share_1s=3000)),
        usage(2, turns=usage().turns._replace(share_1s=2000), leased=False),
    ]
    shown = hosts.look()
    (device,) = shown.devices
    assert (device.use, device.vgpus, device.memory_used) == (50.0, 2, 512 * MIB)
    assert [vgpu.state for vgpu in shown.vgpus] == ["leased", "reserved"]
    assert [vgpu.waiting for vgpu in shown.vgpus] == [None, 0.0]  # one look tells no rate
    assert host_source.NEEDS_DAEMON in hosts.why_not(Act.SUSPEND, shown.vgpus[0])
    assert hosts.why_not(Act.RESIZE, shown.vgpus[0]) == ""

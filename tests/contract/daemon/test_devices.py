"""Devices in the state: as discovery sees them, and what their owner sets."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aliquot.errors import (
    AmbiguousDevice,
    BadTurn,
    ClassNotBeside,
    NoDeviceFits,
    NotPermitted,
    StoreLocked,
    UnknownDevice,
)
from aliquot.model.api.devices import PolicyResource, PriorityMixWanted
from aliquot.model.api.vgpus import VgpuChange, VgpuWanted
from aliquot.model.shares import PolicyKind
from aliquot.model.telemetry import Telemetry
from aliquot.store import audit, events
from tests.contract.daemon.house import ADMIN, ALICE, GIB, ONE, TWO, House, house
from tests.fakes.device_hosts import FakeMachine, device


def kinds(home: House, since: int = 0) -> list[str]:
    with home.store.look() as view:
        return [event.kind for event in events.since(view, since)]


def test_devices_are_listed_in_the_order_of_their_indices(home: House) -> None:
    page = home.service.devices.list(ALICE)
    assert [(found.uuid, found.index) for found in page.items] == [(ONE, 0), (TWO, 1)]
    assert all(found.remotable and found.present for found in page.items)
    home.machine.opencl.devices.reverse()
    home.service.finder.look()
    assert [found.uuid for found in home.service.devices.list(ALICE).items] in (
        [ONE, TWO],  # an order alone is no event
        [TWO, ONE],
    )


def test_a_look_that_finds_nothing_new_writes_nothing(home: House) -> None:
    before = len(kinds(home))
    home.service.finder.look()
    home.service.finder.look()
    assert len(kinds(home)) == before


def test_of_a_device_that_is_gone_nothing_is_read(home: House) -> None:
    home.core.telemetry[ONE] = Telemetry(time=0.0, sources=(), power_watts=100.0)
    home.machine.opencl.devices = home.machine.opencl.devices[1:]
    home.service.finder.look()
    assert home.service.devices.show(ALICE, ONE).telemetry == {}
    assert ONE not in home.core.telemetry


def test_a_new_device_comes_and_a_lost_one_goes_last(home: House) -> None:
    three = device("33333333-0000-4000-8000-000000000003", 4 * GIB, name="Third")
    first, *rest = home.machine.opencl.devices
    home.machine.opencl.devices = [*rest, three]
    home.service.finder.look()
    page = home.service.devices.list(ALICE)
    assert [(found.uuid, found.present) for found in page.items] == [
        (TWO, True),
        (three.uuid, True),
        (ONE, False),
    ]
    assert kinds(home)[-2:] == ["device.found", "device.lost"]
    home.machine.opencl.devices = [first, *rest, three]
    home.service.finder.look()
    assert home.service.devices.show(ALICE, ONE).index == 0


def test_what_was_lost_while_no_daemon_ran_is_lost(tmp_path: Path) -> None:
    with house(tmp_path) as first:
        machine = first.machine
    machine.opencl.devices.pop()
    with house(tmp_path, machine) as second:
        assert not second.service.devices.show(ADMIN, TWO).present


def test_a_device_is_meant_by_index_uuid_or_part_of_its_name(home: House) -> None:
    show = home.service.devices.show
    assert show(ALICE, "1").uuid == show(ALICE, TWO).uuid == show(ALICE, "gpu 2222").uuid == TWO
    with pytest.raises(AmbiguousDevice):
        show(ALICE, "gpu")
    with pytest.raises(UnknownDevice):
        show(ALICE, "2")
    with pytest.raises(UnknownDevice):
        home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB, device="none"))


def test_an_admin_sets_the_policy(
    home: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(tmp_path / "run"))
    wanted = PolicyResource(policy="fixed-share", turn_ms=2, averaging=3)
    with pytest.raises(NotPermitted):
        home.service.devices.set_policy(ALICE, ONE, wanted)
    home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB, device=ONE))
    assert home.service.devices.set_policy(ADMIN, ONE, wanted).policy == wanted
    told = home.machine.by_uuid[ONE].policy_set
    assert told is not None
    assert (told.kind, told.turn_ns, told.averaging) == (PolicyKind.FIXED_SHARE, 2_000_000, 3)
    with pytest.raises(BadTurn):
        home.service.devices.set_policy(ADMIN, ONE, PolicyResource(turn_ms=0.5))
    with home.store.look() as view:
        [row] = audit.listed(view, subject=ONE, actor="root")
        assert row.action == "device.settings"


def test_an_admin_sets_which_priority_classes_share_a_device(home: House) -> None:
    devices, vgpus = home.service.devices, home.service.vgpus
    mix = PriorityMixWanted(mix={"latency:batch": 0})
    with pytest.raises(NotPermitted):
        devices.set_priority_mix(ALICE, ONE, mix)
    assert devices.set_priority_mix(ADMIN, ONE, mix).priority_mix == mix.mix
    devices.set_policy(ADMIN, ONE, PolicyResource(policy="equal-share"))
    assert devices.show(ALICE, ONE).priority_mix == mix.mix
    vgpus.create(ALICE, VgpuWanted(name="night", memory=GIB, device=ONE, priority="batch"))
    vgpus.create(ALICE, VgpuWanted(name="plain", memory=GIB, device=ONE))
    with pytest.raises(NoDeviceFits):
        vgpus.create(ALICE, VgpuWanted(name="quick", memory=GIB, device=ONE, priority="latency"))
    with pytest.raises(ClassNotBeside):
        vgpus.change(ALICE, "plain", VgpuChange(priority="latency"))
    assert vgpus.show(ALICE, "plain").priority == "normal"
    devices.set_priority_mix(ADMIN, ONE, PriorityMixWanted(mix={}))
    assert vgpus.change(ALICE, "plain", VgpuChange(priority="latency")).priority == "latency"


def test_discovery_goes_on_after_the_state_could_not_be_written(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = device("33333333-0000-4000-8000-000000000003")
    home.machine.opencl.devices.append(three)

    def locked(_: str) -> None:
        raise StoreLocked("another program holds it")

    finder = home.service.finder
    rounds = iter(range(2))

    def wait(_: float) -> None:
        if next(rounds, None) == 0:
            assert "discovery" in home.core.problems
            patched.undo()
        else:
            home.core.stop.set()

    patched = pytest.MonkeyPatch()
    patched.setattr(home.store, "change", locked)
    monkeypatch.setattr(finder, "_wait", wait)
    thread = threading.Thread(target=finder.run)
    thread.start()
    thread.join(60)
    assert "discovery" not in home.core.problems
    assert home.service.devices.show(ADMIN, three.uuid).present


def test_a_machine_without_devices_has_none(tmp_path: Path) -> None:
    with house(tmp_path, FakeMachine()) as empty:
        assert empty.service.devices.list(ADMIN).items == []
        with pytest.raises(UnknownDevice):
            empty.service.devices.show(ADMIN, "0")

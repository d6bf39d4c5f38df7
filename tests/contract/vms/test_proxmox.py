"""Proxmox VE: every call goes through the real proxmoxer to a stand-in that knows the schema."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aliquot import environment
from aliquot.client import start
from aliquot.devices import probe, report
from aliquot.devices.sysfs import Sysfs
from aliquot.errors import (
    AmbiguousVm,
    BadHypervisorToken,
    HypervisorMisspoke,
    HypervisorRefused,
    HypervisorUnreachable,
    NoHypervisor,
    NoSuchVm,
    VmElsewhere,
    VmError,
    VmKeepsDevice,
)
from aliquot.leases.vm.proxmox import api
from aliquot.leases.vm.proxmox import settings as proxmox_settings
from aliquot.leases.vm.proxmox.api import Api
from aliquot.leases.vm.proxmox.hypervisor import Proxmox
from aliquot.leases.vm.proxmox.settings import Settings, Token, parsed
from aliquot.model.vm import VmState
from tests.contract.vms.given import MDEV, OTHER, VGPU, card, function, mdev
from tests.fakes.device_hosts import device
from tests.fakes.proxmox import NODE, SECRET, TOKEN, USER, FakeProxmox, fake_proxmox

_TOKEN = Token(USER, TOKEN, SECRET)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeProxmox]:
    with fake_proxmox(tmp_path) as made:
        yield made


def hypervisor(fake: FakeProxmox, root: Path | None = None, **more: float) -> Proxmox:
    told = Settings(fake.host, _TOKEN, str(fake.ca), NODE)
    return Proxmox(lambda: Api(told, **more), sysfs=Sysfs(str(root or "/none")), look_seconds=0.05)


def test_a_whole_card_becomes_one_mapping_and_one_device(fake: FakeProxmox) -> None:
    proxmox = hypervisor(fake)
    vm = proxmox.find("100")
    assert (vm.id, vm.state) == ("100", VmState.OFF)
    had = proxmox.attach(vm, card(), lasting=True)
    assert (had.now, had.at_start) == (frozenset(), {VGPU})
    assert fake.mappings == {
        f"aliquot-{VGPU}-0": {
            "map": [
                f"node={NODE},path=0000:01:00,id=10de:2204,iommugroup=14,subsystem-id=10de:1467"
            ]
        }
    }
    value = fake.guests[100].config["hostpci0"]
    assert value == f"mapping=aliquot-{VGPU}-0,pcie=1,driver=keep"
    assert proxmox.attach(vm, card(), lasting=True) == had  # again: the same
    fake.start(100)
    assert proxmox.attached(vm).now == {VGPU}
    assert fake.guests[100].used["hostpci0"]["path"] == "0000:01:00"
    with pytest.raises(VmKeepsDevice, match="only while that is off"):
        proxmox.detach(vm, VGPU)
    fake.stop(100)
    proxmox.detach(vm, VGPU)
    assert fake.mappings == {}
    assert "hostpci0" not in fake.guests[100].config
    proxmox.detach(vm, VGPU)  # again: nothing


@pytest.mark.parametrize(("version", "driver"), [("8.4.1", ""), ("9.0.3", ""), ("9.1.3", "keep")])
def test_older_versions_know_no_driver(tmp_path: Path, version: str, driver: str) -> None:
    with fake_proxmox(tmp_path, version=version) as fake:
        proxmox = hypervisor(fake)
        proxmox.attach(proxmox.find("100"), card(), lasting=True)
        assert ("driver=keep" in fake.guests[100].config["hostpci0"]) is bool(driver)


def test_a_vm_that_runs_gets_it_when_it_starts_again(fake: FakeProxmox) -> None:
    fake.start(100)
    proxmox = hypervisor(fake)
    vm = proxmox.find("build-01")
    assert vm.id == "100"
    had = proxmox.attach(vm, function(), lasting=True)
    assert (had.now, had.at_start) == (frozenset(), {OTHER})
    proxmox.detach(vm, OTHER)  # it never had it
    assert proxmox.attached(vm).at_start == frozenset()
    proxmox.attach(vm, function(), lasting=True)
    fake.stop(100)
    fake.start(100)
    assert proxmox.attached(vm).now == {OTHER}


def test_an_mdev_is_named_by_its_type_and_parent(fake: FakeProxmox, tmp_path: Path) -> None:
    parent = tmp_path / "sys/devices/pci0000:00/0000:02:00.4"
    uuid = MDEV.rpartition("/")[2]
    (parent / uuid).mkdir(parents=True)
    (parent / "mdev_supported_types/nvidia-63").mkdir(parents=True)
    (parent / uuid / "mdev_type").symlink_to(parent / "mdev_supported_types/nvidia-63")
    mdevs = tmp_path / "sys/bus/mdev/devices"
    mdevs.mkdir(parents=True)
    (mdevs / uuid).symlink_to(parent / uuid)
    proxmox = hypervisor(fake, tmp_path / "sys")
    fake.guests[100].config["machine"] = "pc"
    proxmox.attach(proxmox.find("100"), mdev(), lasting=True)
    assert fake.mappings[f"aliquot-{VGPU}-0"]["mdev"] == 1
    assert fake.guests[100].config["hostpci0"] == f"mapping=aliquot-{VGPU}-0,mdev=nvidia-63"


def test_a_virtual_function_with_a_type_keeps_its_vendors_driver(
    fake: FakeProxmox, tmp_path: Path
) -> None:
    place = tmp_path / "bus/pci/devices/0000:02:00.4/nvidia"
    place.mkdir(parents=True)
    (place / "current_vgpu_type").write_text("557\n")
    proxmox = hypervisor(fake, tmp_path)
    proxmox.attach(proxmox.find("100"), function(), lasting=True)
    value = fake.guests[100].config["hostpci0"]
    assert value == f"mapping=aliquot-{OTHER}-0,mdev=nvidia-557,pcie=1"


def test_names_are_found_and_never_guessed(fake: FakeProxmox) -> None:
    proxmox = hypervisor(fake)
    with pytest.raises(AmbiguousVm):
        proxmox.find("twin")
    with pytest.raises(VmElsewhere, match="pve2"):
        proxmox.find("200")
    with pytest.raises(VmElsewhere):
        proxmox.find("far-200")
    for name in ("300", "ct", "999", "--help", "100/../101", "1e2", "$(id)", "0100"):
        with pytest.raises(NoSuchVm):
            proxmox.find(name)
    fake.guests[101].config["name"] = "100"  # a name that looks like another's number
    assert proxmox.find("100").id == "100"


def test_tasks_are_awaited_and_their_failure_told(fake: FakeProxmox) -> None:
    proxmox = hypervisor(fake)
    vm = proxmox.find("100")
    fake.task_seconds = 0.7
    began = time.monotonic()
    proxmox.attach(vm, function(), lasting=True)
    assert time.monotonic() - began >= 0.7
    fake.task_seconds, fake.task_ends = 0.0, "unable to apply: disk is full"
    with pytest.raises(HypervisorRefused, match="disk is full"):
        proxmox.attach(vm, card(), lasting=True)
    assert list(fake.mappings) == [f"aliquot-{OTHER}-0"]  # none is left of what failed


def test_a_task_without_end_is_told_of(fake: FakeProxmox) -> None:
    proxmox = hypervisor(fake, task_seconds=0.3)
    vm = proxmox.find("100")
    fake.task_seconds = 60
    with pytest.raises(HypervisorUnreachable, match="didn't answer"):
        proxmox.attach(vm, function(), lasting=True)
    # It was written down, and what is written down can be started.
    assert proxmox.attached(vm).at_start == {OTHER}
    fake.start(100)


def test_what_somebody_else_changes_meanwhile_stays(fake: FakeProxmox) -> None:
    proxmox = hypervisor(fake)
    vm = proxmox.find("100")
    theirs = "mapping=theirs"
    fake.before_config = [lambda: fake.guests[100].config.update(hostpci0=theirs)]
    proxmox.attach(vm, function(), lasting=True)
    assert fake.guests[100].config["hostpci0"] == theirs
    assert "hostpci1" in fake.guests[100].config
    counter = iter(range(100))
    always = [lambda: fake.guests[100].config.update(name=f"n{next(counter)}")] * 10
    fake.before_config = always
    with pytest.raises(HypervisorRefused, match="modified"):
        proxmox.detach(vm, OTHER)


def test_a_full_vm_is_told_of(fake: FakeProxmox) -> None:
    for number in range(16):
        fake.guests[100].config[f"hostpci{number}"] = f"mapping=m{number}"
    proxmox = hypervisor(fake)
    with pytest.raises(HypervisorRefused, match="16 host devices"):
        proxmox.attach(proxmox.find("100"), function(), lasting=True)
    assert fake.mappings == {}


def test_a_rom_file_is_not_for_tokens(fake: FakeProxmox) -> None:
    proxmox = hypervisor(fake)
    with pytest.raises(HypervisorRefused, match="ROM"):
        proxmox.attach(proxmox.find("100"), card(rom="/a"), lasting=True)


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/", "Sys.Audit"),
        ("/vms", "VM.Config.HWType"),
        ("/mapping/pci", "Mapping.Modify"),
        ("/mapping/pci", "Mapping.Use"),
    ],
)
def test_each_right_that_lacks_is_named_and_nothing_is_left(
    fake: FakeProxmox, path: str, right: str
) -> None:
    proxmox = hypervisor(fake)
    fake.rights[path].discard(right)
    with pytest.raises(HypervisorRefused, match=right):
        proxmox.attach(proxmox.find("100"), card(), lasting=True)
    assert "hostpci0" not in fake.guests[100].config
    assert fake.mappings == {}


def test_a_vm_that_the_token_may_not_see_isnt_there(fake: FakeProxmox) -> None:
    proxmox = hypervisor(fake)
    vm = proxmox.find("100")
    fake.rights["/vms"].discard("VM.Audit")
    with pytest.raises(NoSuchVm):
        proxmox.find("100")
    with pytest.raises(HypervisorRefused, match=r"VM\.Audit"):
        proxmox.state(vm.id)  # it is not taken for one that is gone


def test_taking_it_back_needs_the_right_as_well(fake: FakeProxmox) -> None:
    proxmox = hypervisor(fake)
    vm = proxmox.find("100")
    proxmox.attach(vm, card(), lasting=True)
    fake.rights["/mapping/pci"].discard("Mapping.Use")
    with pytest.raises(HypervisorRefused, match=r"Mapping\.Use"):
        proxmox.detach(vm, VGPU)
    assert f"aliquot-{VGPU}-0" in fake.mappings


def test_states_are_followed(fake: FakeProxmox) -> None:
    proxmox = hypervisor(fake)
    assert proxmox.changed("100", VmState.OFF, 0.1) is VmState.OFF
    fake.start(100)
    assert proxmox.changed("100", VmState.OFF, 5) is VmState.RUNNING
    fake.guests[100].qmpstatus = "paused"
    assert proxmox.state("100") is VmState.PAUSED
    del fake.guests[100]
    assert proxmox.state("100") is VmState.GONE
    with pytest.raises(HypervisorMisspoke):
        proxmox.state("100/../101")


def test_a_vm_that_is_gone_leaves_no_mapping(fake: FakeProxmox) -> None:
    proxmox = hypervisor(fake)
    vm = proxmox.find("100")
    proxmox.attach(vm, function(), lasting=True)
    del fake.guests[100]
    proxmox.detach(vm, OTHER)
    assert fake.mappings == {}


def test_a_server_that_isnt_known_or_isnt_there(fake: FakeProxmox, tmp_path: Path) -> None:
    stranger = Settings(fake.host, _TOKEN, None, NODE)
    with pytest.raises(HypervisorUnreachable, match="certificate"):
        Proxmox(lambda: Api(stranger)).find("100")
    assert fake.authorizations == set()  # nobody unknown is shown the token
    fake.silence = 1.0
    with pytest.raises(HypervisorUnreachable, match="didn't answer"):
        hypervisor(fake, answer_seconds=0.2).find("100")
    nobody = Settings("localhost:1", _TOKEN, str(fake.ca), NODE)
    with pytest.raises(HypervisorUnreachable, match="refused"):
        Proxmox(lambda: Api(nobody)).find("100")


def test_a_wrong_token_is_refused_and_not_repeated(
    fake: FakeProxmox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "99999999-9999-9999-9999-999999999999"
    told = Settings(fake.host, Token(USER, TOKEN, secret), str(fake.ca), NODE)
    with pytest.raises(HypervisorRefused, match="401") as caught:
        Proxmox(lambda: Api(told)).find("100")
    proxmox = hypervisor(fake)
    proxmox.attach(proxmox.find("100"), card(), lasting=True)
    for said in (str(caught.value), caplog.text, repr(told), str(told.token)):
        assert secret not in said
        assert SECRET not in said


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"data": 7}',
        b'{"data": {}}',
        b'{"data": [7]}',
        b'{"data": [{"vmid": "x", "type": "qemu", "node": "pve1"}]}',
        b'{"data": [{"vmid": -5, "type": "qemu", "node": "pve1", "name": "100"}]}',
        b'{"data": [{"vmid": 100, "type": "qemu", "node": "../../x", "name": "100"}]}',
        b"\xff\xfe",
        b"[" * 200_000,
    ],
)
def test_malformed_answers_are_refused(fake: FakeProxmox, raw: bytes) -> None:
    proxmox = hypervisor(fake)
    vm = proxmox.find("100")
    fake.raw = raw
    for asked in (
        lambda: proxmox.find("100"),
        lambda: proxmox.state("100"),
        lambda: proxmox.attach(vm, card(), lasting=True),
    ):
        with pytest.raises(VmError):
            asked()


@pytest.mark.parametrize("packed", [False, True])
def test_no_more_is_read_of_an_answer_than_there_can_be(fake: FakeProxmox, packed: bool) -> None:
    proxmox = hypervisor(fake)
    fake.raw = b'{"data": []' + b" " * (3 * api.MOST_BYTES) + b"}"
    fake.packed = packed
    for asked in (lambda: proxmox.find("100"), lambda: proxmox.state("100")):
        with pytest.raises(HypervisorMisspoke, match="too large"):
            asked()
    fake.raw = None
    assert proxmox.find("100").id == "100"  # over a new connection


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["data", "vmid", "status", "node", "type", "exitstatus"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_any_json_is_an_answer_or_refused(shared: FakeProxmox, told: object) -> None:
    proxmox = hypervisor(shared)
    shared.raw = json.dumps({"data": told}).encode()
    for asked in (lambda: proxmox.find("100"), lambda: proxmox.state("100")):
        try:
            asked()
        except VmError:
            continue


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeProxmox]:
    with fake_proxmox(tmp_path_factory.mktemp("proxmox")) as made:
        yield made


def test_the_token_comes_from_a_file_that_nobody_else_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in (environment.PROXMOX, environment.PROXMOX_TOKEN_FILE):
        monkeypatch.delenv(variable.name, raising=False)
    with pytest.raises(NoHypervisor, match="ALIQUOT_PROXMOX"):
        proxmox_settings.settings()
    monkeypatch.setenv(environment.PROXMOX.name, "localhost")
    with pytest.raises(NoHypervisor, match="TOKEN_FILE"):
        proxmox_settings.settings()
    file = tmp_path / "token"
    file.write_text(f"{USER}!{TOKEN}={SECRET}\n")
    monkeypatch.setenv(environment.PROXMOX_TOKEN_FILE.name, str(file))
    file.chmod(0o640)
    with pytest.raises(BadHypervisorToken, match="others may read"):
        proxmox_settings.settings()
    file.chmod(0o600)
    assert proxmox_settings.settings().token == _TOKEN
    file.unlink()
    with pytest.raises(BadHypervisorToken):
        proxmox_settings.settings()
    monkeypatch.delenv(environment.PROXMOX_TOKEN_FILE.name)
    monkeypatch.setenv(environment.PROXMOX_TOKEN.name, f"PVEAPIToken={USER}!{TOKEN}={SECRET}")
    assert proxmox_settings.settings().token == _TOKEN


@pytest.mark.parametrize("text", ["", "secret", "a@b!c", "a!b=c", "a@b!c=d\nHost: x", "a@b!c= d"])
def test_what_is_no_token_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(BadHypervisorToken) as caught:
        parsed(text, "the file")
    assert len(text) < 2 or text not in str(caught.value)


def test_programs_that_are_started_dont_get_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "aliquot-device-host"
    program.write_text(f"#!/bin/sh\nenv > {tmp_path}/told\nmv {tmp_path}/told {tmp_path}/done\n")
    program.chmod(0o755)
    monkeypatch.setattr(start.native_programs, "find", lambda name: str(program))
    monkeypatch.setenv(environment.PROXMOX_TOKEN.name, f"{USER}!{TOKEN}={SECRET}")
    monkeypatch.setenv("KEPT", "yes")
    process, reading = start._spawn(device("one"), str(tmp_path))
    os.close(reading)
    os.waitpid(process, 0)
    told = (tmp_path / "done").read_text()
    assert "KEPT=yes" in told
    assert SECRET not in told


def test_nor_do_drivers_that_are_asked_what_they_offer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "aliquot-worker"
    program.write_text(f"#!/bin/sh\nenv >> {tmp_path}/told\necho report\n")
    program.chmod(0o755)
    monkeypatch.setattr(probe.native_programs, "find", lambda name: str(program))
    monkeypatch.setenv(environment.PROXMOX_TOKEN.name, f"{USER}!{TOKEN}={SECRET}")
    monkeypatch.setenv("KEPT", "yes")
    probe.probe("libOne.so", variables={"CUDA_VISIBLE_DEVICES": "MIG-1"})
    assert report.device_report(device("one")) == b"report\n"
    told = (tmp_path / "told").read_text()
    assert told.count("KEPT=yes") == 2
    assert "CUDA_VISIBLE_DEVICES=MIG-1" in told
    assert SECRET not in told

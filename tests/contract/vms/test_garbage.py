"""Whatever a hypervisor says, and whatever a VM is called: an answer, or one of our errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aliquot.errors import BadVmName, VmError
from aliquot.leases.vm.hypervisors import Hypervisors
from aliquot.leases.vm.libvirt.hypervisor import Libvirt
from aliquot.leases.vm.naming import device_name, printable, split, vgpu_of
from aliquot.leases.vm.proxmox import hostpci
from aliquot.leases.vm.qemu import processes
from aliquot.leases.vm.qemu.hypervisor import Qemu
from aliquot.leases.vm.qemu.peripherals import ROOT, Peripherals
from aliquot.model.vm import HypervisorKind, VmState
from tests.contract.vms.given import VGPU
from tests.fakes.libvirtd import FakeLibvirtd
from tests.fakes.qmp import FakeQemu, fake_qemu

_KEYS = st.sampled_from(
    ["return", "error", "event", "id", "data", "name", "type", "bus", "running"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(_JSON, _JSON)
@example([{"name": "a/b", "type": "child<pcie-root-port>"}], [])
@example([{"name": "one", "type": "child<pcie-root-port>"}], [{"name": "child[0]"}])
@example([{"name": f"aliquot-{VGPU}-0", "type": "child<vfio-pci>"}], None)
def test_any_tree_is_read_or_refused(told: object, behind: object) -> None:
    try:
        had = Peripherals(lambda path: told if path == ROOT else behind)
        port = had.free_port()
    except VmError:
        return
    assert all(len(vgpu) == 32 for vgpu in had.vgpus())
    assert port is None or "/" not in port


def test_a_vm_with_ports_without_end_isnt_asked_for_each() -> None:
    asked: list[str] = []

    def listed(path: str) -> object:
        asked.append(path)
        ports = [{"name": f"p{n}", "type": "child<pcie-root-port>"} for n in range(5000)]
        return ports if path == ROOT else [{"name": "child[0]", "type": "link<vfio-pci>"}]

    assert Peripherals(listed).free_port() is None
    assert len(asked) < 300


@pytest.fixture(scope="module")
def vm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeQemu]:
    with fake_qemu(tmp_path_factory.mktemp("qemu") / "qmp") as made:
        yield made


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=60) | _JSON.map(lambda told: json.dumps(told).encode()))
def test_any_line_of_a_monitor_is_an_answer_or_refused(vm: FakeQemu, line: bytes) -> None:
    """With one after it that ends what it may have begun."""
    vm.raw_answer = line + b'\n{"return": {}, "id": "nobody"}\n'
    qemu = Qemu()
    try:
        qemu.find(str(vm.path))
    except VmError:
        pass
    else:
        pytest.fail("a line of that kind says nothing of a VM")
    finally:
        qemu.close()


@given(st.text(max_size=300))
@example("libvirt:")
@example("proxmox:--help")
@example("qemu:\x00")
@example("a\u2028b")
def test_any_name_is_looked_for_or_refused(name: str) -> None:
    libvirtd = FakeLibvirtd("build-01")
    found = Hypervisors({HypervisorKind.LIBVIRT: lambda: Libvirt(lambda: libvirtd)})
    try:
        kind, rest = split(name)
    except BadVmName as error:
        _is_a_sentence(error)
        return
    assert (f"{kind.value}:{rest}" if kind else rest) == name
    try:
        vm = found.find(name)
    except VmError as error:
        _is_a_sentence(error)
        return
    assert vm.state in set(VmState)
    assert rest in ("build-01", vm.id)


def _is_a_sentence(error: VmError) -> None:
    assert error.what.isprintable()


@given(st.text(max_size=80))
def test_only_our_names_are_our_vgpus(name: str) -> None:
    assert vgpu_of(name) is None or name.removeprefix("ua-").startswith("aliquot-")
    assert vgpu_of(device_name(VGPU, 15)) == VGPU
    assert printable(name).isprintable()


@given(st.dictionaries(st.text(max_size=12), _JSON, max_size=6), st.text(max_size=60))
def test_any_configuration_of_proxmox_has_slots(config: dict[str, object], value: str) -> None:
    assert all(0 <= number <= 99 for number in hostpci.slots({**config, "hostpci3": value}))
    vgpu = hostpci.vgpu_in(value)
    assert vgpu is None or vgpu in value


@given(st.lists(st.sampled_from(["-name", "-qmp", "-mon", "-chardev"]) | st.text(max_size=30)))
def test_any_command_line_is_read(words: list[str]) -> None:
    path = processes.monitor_of(words)
    assert path is None or path.startswith("/")
    processes.named(words)


def test_a_folder_that_isnt_proc_has_no_vms(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "x").touch()
    assert list(processes.running(str(tmp_path))) == []

"""A real libvirtd with a card behind an IOMMU, or an mdev: `make test-vm`, in its guest VM."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aliquot.errors import DeviceInUse, HypervisorRefused, HypervisorUnreachable, NoSuchVm
from aliquot.leases.vm.interface import vgpu_id
from aliquot.leases.vm.libvirt.connection import Connection, connect
from aliquot.leases.vm.libvirt.hypervisor import Libvirt
from aliquot.leases.vm.libvirt.virsh import Virsh
from aliquot.model.vm import VmState
from aliquot.service.hooks import hook
from tests.contract.modes.real_houses import REAL, BochsCard, RealHouse
from tests.contract.modes.sample_houses import Mbochs

pytestmark = pytest.mark.skipif(not REAL, reason="only in the guest VM of `make test-vm`")
_SECONDS = 120.0
_URI = "qemu:///system"
_DEBIANS_PYTHON = "/usr/lib/python3/dist-packages"
Connecting = Callable[[str], Connection]
_NAME = "a b; $(reboot) --force"
_CONF = """namespaces = []
cgroup_controllers = []
user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
"""
# Without ACPI in between, an empty port gives a device back without a guest's system.
_DOMAIN = """<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <emulator>{emulator}</emulator>
    <controller type='usb' model='none'/>
    <controller type='pci' model='pcie-root'/>
    <controller type='pci' index='1' model='pcie-root-port'/>
    <controller type='pci' index='2' model='pcie-root-port'/>
    <controller type='pci' index='3' model='pcie-root-port'/>
    <controller type='pci' index='4' model='pcie-root-port'/>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-global'/>
    <qemu:arg value='ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'/>
  </qemu:commandline>
</domain>"""


def virsh(*words: str, text: str = "") -> str:
    done = subprocess.run(
        ["virsh", "--connect", _URI, *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What libvirt's hook was told, a line a call."""
    return tmp_path_factory.mktemp("hook") / "told"


@pytest.fixture(scope="module")
def libvirtd(told: Path) -> Iterator[None]:
    """A libvirtd whose domains are the test's; nothing of it outlives the guest VM."""
    program = shutil.which("libvirtd")
    if program is None:
        pytest.skip("libvirt is not here (Debian's packages libvirt-daemon, libvirt-clients)")
    _add_user("libvirt-qemu")
    for folder in ("/run/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    etc = Path("/etc/libvirt")
    hooks = etc / "hooks/qemu.d"
    hooks.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("qemu.conf", _CONF),
        ("libvirtd.conf", 'auth_unix_ro = "none"\nauth_unix_rw = "none"\n'),
    ):
        (etc / name).unlink(missing_ok=True)
        (etc / name).write_text(text)
    teller = told.parent / "aliquot"
    teller.write_text(f"#!/bin/sh\nprintf '%s|' \"$@\" >> {told}\necho >> {told}\n")
    teller.chmod(0o755)
    (hooks / "aliquot").write_text(hook("libvirt", command=[str(teller)]))
    (hooks / "aliquot").chmod(0o755)
    log = told.parent / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([program], stdout=file, stderr=file)
    until = time.monotonic() + _SECONDS
    while subprocess.run(["virsh", "-c", _URI, "uri"], capture_output=True, check=False).returncode:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.5)
    yield
    process.terminate()
    process.wait()


def _add_user(name: str) -> None:
    """The one that Debian's package makes for QEMU, into the guest VM's own files."""
    for file, line in (
        ("/etc/passwd", f"{name}:x:64055:64055::/nonexistent:/usr/sbin/nologin\n"),
        ("/etc/group", f"{name}:x:64055:\n"),
    ):
        text = Path(file).read_text()
        if f"{name}:" not in text:
            Path(file).write_text(text + line)


@pytest.fixture(params=["virsh", "library"])
def connecting(request: pytest.FixtureRequest) -> Connecting:
    """Both ways to ask libvirtd."""
    if request.param == "library":
        _import_library()
        return connect  # which takes the library where it is there
    program = shutil.which("virsh")
    assert program is not None
    return lambda uri: Virsh(program, uri, seconds=_SECONDS)


def _import_library() -> None:
    """Debian's, for Debian's own Python: of the same version, this one can load it, too."""
    sys.path.append(_DEBIANS_PYTHON)
    try:
        importlib.import_module("libvirt")
    except ImportError as error:
        pytest.skip(f"Debian's python3-libvirt is not here, or of another Python: {error}")
    finally:
        sys.path.remove(_DEBIANS_PYTHON)


@pytest.fixture
def libvirt(libvirtd: None, connecting: Connecting) -> Iterator[Libvirt]:
    """Our side of it, and a domain that stands still before its first instruction."""
    emulator = shutil.which("qemu-system-x86_64")
    assert emulator is not None
    text = _DOMAIN.format(name=_NAME, emulator=emulator)
    virsh("define", "/proc/self/fd/0", "--validate", text=text)
    virsh("start", _NAME, "--paused")
    made = Libvirt(lambda: connecting(_URI), unplug_seconds=60)
    yield made
    made.close()
    subprocess.run(["virsh", "-c", _URI, "destroy", _NAME], capture_output=True, check=False)
    virsh("undefine", _NAME)


# Of PCI Express, for which there are ports: a card, and an mdev of the kernel's sample driver.
@pytest.mark.parametrize("kind", [BochsCard, Mbochs])
def test_a_device_goes_into_a_domain_and_comes_back(
    kind: type[RealHouse], libvirt: Libvirt, tmp_path: Path, told: Path
) -> None:
    told.unlink(missing_ok=True)
    house = kind(tmp_path)
    try:
        mode = house.mode()
        made = mode.create(house.wanted())
        attachment = mode.attach(made.vgpu)
        vgpu = vgpu_id(attachment)
        vm = libvirt.find(_NAME)
        assert vm.state is VmState.PAUSED
        began = time.monotonic()
        had = libvirt.attach(vm, attachment, lasting=True)
        print(f"attached in {time.monotonic() - began:.2f} s")
        assert (had.now, had.at_start) == ({vgpu}, {vgpu})
        with pytest.raises(DeviceInUse):
            mode.detach(made.vgpu)
        libvirt.detach(vm, vgpu)
        assert libvirt.attached(vm) == type(had)()
        libvirt.attach(vm, attachment, lasting=True)
        virsh("destroy", _NAME)
        assert libvirt.changed(vm.id, VmState.PAUSED, 30) is VmState.OFF
        virsh("start", _NAME, "--paused")  # from its own configuration
        assert libvirt.attached(vm).now == {vgpu}
        virsh("destroy", _NAME)
        libvirt.detach(vm, vgpu)
        assert libvirt.attached(vm) == type(had)()
        mode.detach(made.vgpu)
        mode.delete(made.vgpu)
    finally:
        house.close()
    assert house.state() == house.at_first
    # The hook is told of those starts and stops alone at which the domain had a vGPU.
    assert told.read_text().splitlines() == [
        f"vm|{event}|--hypervisor|libvirt|--|{_NAME}|"
        for event in ("stopped", "started", "stopped")
    ]


def test_what_libvirt_refuses_leaves_nothing(libvirt: Libvirt, tmp_path: Path) -> None:
    house = BochsCard(tmp_path)
    try:
        mode = house.mode()
        made = mode.create(house.wanted())
        attachment = mode.attach(made.vgpu)
        mode.detach(made.vgpu)  # it is the host's again, and no VM's to have
        vm = libvirt.find(_NAME)
        with pytest.raises(HypervisorRefused):
            libvirt.attach(vm, attachment, lasting=True)
        assert libvirt.attached(vm).now == libvirt.attached(vm).at_start == frozenset()
    finally:
        house.close()
    with pytest.raises(NoSuchVm):
        libvirt.find("a b")


def test_states_are_told(libvirt: Libvirt) -> None:
    vm = libvirt.find(_NAME)
    virsh("resume", _NAME)
    assert libvirt.changed(vm.id, VmState.PAUSED, 60) is VmState.RUNNING
    virsh("suspend", _NAME)
    assert libvirt.changed(vm.id, VmState.RUNNING, 60) is VmState.PAUSED


def test_a_libvirtd_that_isnt_there(libvirtd: None, connecting: Connecting) -> None:
    nobody = connecting("qemu+unix:///system?socket=/nowhere")
    with pytest.raises(HypervisorUnreachable):
        nobody.domains()

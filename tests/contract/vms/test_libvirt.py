"""libvirt: on a stand-in with behaviour; hostile XML; what virsh is called with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliquot.errors import (
    AmbiguousVm,
    HypervisorMisspoke,
    HypervisorRefused,
    HypervisorUnreachable,
    NoSuchVm,
    VmKeepsDevice,
)
from aliquot.leases.vm.libvirt import xml
from aliquot.leases.vm.libvirt.connection import NoDomain
from aliquot.leases.vm.libvirt.hypervisor import Libvirt
from aliquot.leases.vm.libvirt.virsh import Virsh
from aliquot.model.vm import VmState
from tests.contract.vms.given import OTHER, VGPU, card, function, mdev
from tests.fakes.libvirtd import FakeDomain, FakeLibvirtd

NAME = "build 01; $(reboot) --force"


@pytest.fixture
def libvirtd() -> FakeLibvirtd:
    return FakeLibvirtd(NAME, "--help", "twin")


@pytest.fixture
def libvirt(libvirtd: FakeLibvirtd) -> Libvirt:
    return Libvirt(lambda: libvirtd, look_seconds=0.01, unplug_seconds=0.3)


@pytest.fixture
def domain(libvirtd: FakeLibvirtd) -> FakeDomain:
    return next(one for one in libvirtd.listed.values() if one.name == NAME)


def test_one_that_is_off_has_it_when_it_starts(libvirt: Libvirt, domain: FakeDomain) -> None:
    vm = libvirt.find(NAME)
    assert (vm.id, vm.state) == (domain.uuid, VmState.OFF)
    had = libvirt.attach(vm, card(rom="/usr/share/a&b.rom"), lasting=False)
    assert (had.now, had.at_start) == (frozenset(), {VGPU})
    domain.start()
    assert libvirt.attached(vm).now == {VGPU}
    libvirt.detach(vm, VGPU)
    assert libvirt.attached(vm) == type(had)()


def test_one_that_runs_has_it_at_once_and_lastingly_if_wanted(
    libvirt: Libvirt, domain: FakeDomain
) -> None:
    domain.start()
    vm = libvirt.find(domain.uuid.upper())
    assert libvirt.attach(vm, mdev(), lasting=False).now == {VGPU}
    assert libvirt.attached(vm).at_start == frozenset()
    both = libvirt.attach(vm, function(), lasting=True)
    assert (both.now, both.at_start) == ({VGPU, OTHER}, {OTHER})
    assert libvirt.attach(vm, function(), lasting=True) == both  # again: the same
    domain.stop()
    assert (libvirt.attached(vm).now, libvirt.attached(vm).at_start) == (frozenset(), {OTHER})
    libvirt.detach(vm, OTHER)
    libvirt.detach(vm, OTHER)
    assert libvirt.attached(vm).at_start == frozenset()


def test_what_the_domain_has_besides_stays(
    libvirt: Libvirt, libvirtd: FakeLibvirtd, domain: FakeDomain
) -> None:
    vm = libvirt.find(NAME)
    libvirt.attach(vm, card(), lasting=True)
    libvirt.detach(vm, VGPU)
    for text in libvirtd.defined:
        for kept in ('passwd="secret"', "ua-theirs", "urn:own", ">kept<", "qemu:commandline"):
            assert kept in text
    assert len(list(domain.at_start.iter("hostdev"))) == 1


def test_what_fails_in_the_middle_leaves_nothing(
    libvirt: Libvirt, libvirtd: FakeLibvirtd, domain: FakeDomain
) -> None:
    domain.start()
    libvirtd.refused.add("0x1")  # the card's second function
    vm = libvirt.find(NAME)
    with pytest.raises(HypervisorRefused, match="not bound"):
        libvirt.attach(vm, card(), lasting=True)
    assert libvirt.attached(vm).now == libvirt.attached(vm).at_start == frozenset()


def test_a_guest_that_keeps_a_device_is_told_of(libvirt: Libvirt, domain: FakeDomain) -> None:
    domain.start()
    vm = libvirt.find(NAME)
    libvirt.attach(vm, card(), lasting=False)
    domain.keeps = True
    with pytest.raises(VmKeepsDevice):
        libvirt.detach(vm, VGPU)
    assert libvirt.attached(vm).now == {VGPU}


def test_states_are_followed(libvirt: Libvirt, libvirtd: FakeLibvirtd, domain: FakeDomain) -> None:
    assert libvirt.changed(domain.uuid, VmState.OFF, 0.05) is VmState.OFF
    domain.start()
    assert libvirt.changed(domain.uuid, VmState.OFF, 5) is VmState.RUNNING
    del libvirtd.listed[domain.uuid]
    assert libvirt.changed(domain.uuid, VmState.RUNNING, 5) is VmState.GONE
    with pytest.raises(NoSuchVm):
        libvirt.find(NAME)


def test_names_are_compared_and_nothing_else(libvirt: Libvirt, libvirtd: FakeLibvirtd) -> None:
    assert libvirt.find("--help").name == "--help"
    for name in ("build*", "../twin", "twi", "TWIN"):
        with pytest.raises(NoSuchVm):
            libvirt.find(name)
    libvirtd.listed["second"] = FakeDomain("twin")
    with pytest.raises(AmbiguousVm):
        libvirt.find("twin")


_BOMB = """<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<domain><name>&b;</name><devices/></domain>"""
_FILE = """<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><domain>&x;<devices/></domain>"""


@pytest.mark.parametrize(
    "said",
    [
        _BOMB,
        _FILE,
        "<!DOCTYPE domain SYSTEM 'http://127.0.0.1:1/x.dtd'><domain><devices/></domain>",
        "<domain>" + "<a>" * 100_000,
        "<domain><devices>" + "<a>" * 5000 + "</a>" * 5000 + "</devices></domain>",
        "<domain><devices>",
        "",
        "no xml",
        "<network/>",
        "<domain/>",
        "<domain>\x00</domain>",
        "<domain>\ud800</domain>",
        "<domain>" + " " * (5 << 20) + "</domain>",
    ],
    ids=lambda said: repr(said[:24]),
)
def test_xml_that_no_libvirt_writes_is_refused(
    libvirt: Libvirt, libvirtd: FakeLibvirtd, said: str
) -> None:
    vm = libvirt.find(NAME)
    libvirtd.said = said
    with pytest.raises(HypervisorMisspoke):
        libvirt.attach(vm, card(), lasting=True)
    assert libvirtd.defined == []


@given(st.text(max_size=300))
def test_any_text_is_a_tree_or_refused(text: str) -> None:
    for document in (text, f"<domain>{text}</domain>", f"<domain a='{text}'/>"):
        try:
            root = xml.parse(document)
        except HypervisorMisspoke:
            continue
        assert xml.parse(xml.written(root)).tag == root.tag


_VIRSH = """#!{python}
import json, sys, os
log = {log!r}
words = sys.argv[1:]
text = sys.stdin.read()
with open(log, "a") as file:
    file.write(json.dumps([words, text, os.environ["LC_ALL"]]) + "\\n")
answers = json.load(open({answer!r}))
answer = answers.get(words[3]) or answers["any"]
sys.stderr.write(answer["error"])
sys.stdout.write(answer["out"])
sys.exit(answer["status"])
"""


class FakeVirsh:
    """A program that writes down how it is called."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "virsh"
        self._log, self._answer = folder / "log", folder / "answer"
        self._said: dict[str, object] = {}
        self.says()
        self.program.write_text(
            _VIRSH.format(python=sys.executable, log=str(self._log), answer=str(self._answer))
        )
        self.program.chmod(0o755)

    def says(self, out: str = "", error: str = "", status: int = 0, *, to: str = "any") -> None:
        """To a command, or to all that nothing else is said to."""
        self._said[to] = {"out": out, "error": error, "status": status}
        self._answer.write_text(json.dumps(self._said))

    def forgets(self) -> None:
        """Says the same to all."""
        self._said = {}

    def calls(self) -> list[list[Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]


UUID = "11111111-2222-3333-4444-555555555555"


def test_virsh_is_asked_by_uuid_and_told_by_standard_input(tmp_path: Path) -> None:
    fake = FakeVirsh(tmp_path)
    asked = Virsh(str(fake.program), "test:///default")
    fake.says(f"{UUID} {NAME}\n{UUID[:-1]}6 --help \n\n")
    assert [one.name for one in asked.domains()] == [NAME, "--help"]
    asked.plug(UUID, "<hostdev a='--not-an-option; rm'/>")
    words, text, locale = fake.calls()[-1]
    assert words == [
        *("--connect", "test:///default", "--quiet"),
        *("attach-device", UUID, "/proc/self/fd/0", "--live"),
    ]
    assert (text, locale) == ("<hostdev a='--not-an-option; rm'/>", "C")
    asked.define("<domain/>")
    assert fake.calls()[-1][0][3:] == ["define", "/proc/self/fd/0", "--validate"]
    fake.says("paused\n\n")
    assert asked.state(UUID) is VmState.PAUSED


def test_what_virsh_says_is_checked(tmp_path: Path) -> None:
    fake = FakeVirsh(tmp_path)
    asked = Virsh(str(fake.program), "test:///default", seconds=10)
    fake.says("--evil name\n")
    with pytest.raises(HypervisorMisspoke):
        asked.domains()
    fake.says("levitating\n")
    with pytest.raises(HypervisorMisspoke):
        asked.state(UUID)
    with pytest.raises(HypervisorMisspoke):
        asked.state("--all")
    fake.says(error="error: Domain not found: no domain with matching uuid\n", status=1)
    fake.says("", to="list")
    with pytest.raises(NoDomain):
        asked.description(UUID, at_start=True)
    assert asked.state(UUID) is VmState.GONE
    # All that virsh says of a lookup that failed, for whatever reason.
    fake.says(error=f"error: failed to get domain '{UUID}'\n", status=1, to="domstate")
    fake.says(f"{UUID} {NAME}\n", to="list")
    with pytest.raises(HypervisorRefused, match="failed to get domain"):
        asked.state(UUID)  # it is listed: it is not gone
    fake.says(f"{UUID[:-1]}6 {NAME}\n", to="list")
    assert asked.state(UUID) is VmState.GONE
    fake.says(error="error: failed to connect to the hypervisor\n", status=1, to="list")
    with pytest.raises(HypervisorUnreachable):
        asked.state(UUID)
    fake.forgets()
    fake.says(error="error: failed to connect to the hypervisor\nerror: no such file\n", status=1)
    with pytest.raises(HypervisorUnreachable):
        asked.domains()
    fake.says(error="error: XML error: \x1b[2J bad\n", status=1)
    with pytest.raises(HypervisorRefused, match="bad") as caught:
        asked.define("<domain/>")
    assert "\x1b" not in caught.value.what
    fake.program.unlink()
    with pytest.raises(HypervisorUnreachable):
        asked.domains()

"""A stand-in for libvirtd with behaviour: domains, their two descriptions, devices in both.

It is asked as aliquot.leases.vm.libvirt.connection.Connection is. Like libvirt it refuses a device
that it has already, and lets a guest's system decide when one goes.
"""

from __future__ import annotations

import copy
import uuid
import xml.etree.ElementTree as ElementTree
from xml.etree.ElementTree import Element

from aliquot.errors import HypervisorRefused
from aliquot.leases.vm.libvirt.connection import Domain, NoDomain
from aliquot.model.vm import VmState

_DOMAIN = """<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <metadata><own:a xmlns:own='urn:own'>kept</own:a></metadata>
  <memory unit='KiB'>1048576</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <graphics type='vnc' port='-1' passwd='secret'/>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x09' slot='0x00' function='0x0'/></source>
      <alias name='ua-theirs'/>
    </hostdev>
  </devices>
  <qemu:commandline><qemu:arg value='-no-user-config'/></qemu:commandline>
</domain>"""


class FakeDomain:
    """A domain: what it is now, and what it starts with."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        text = _DOMAIN.format(name=name.replace("&", "&amp;").replace("<", "&lt;"), uuid=self.uuid)
        self.at_start = ElementTree.fromstring(text)
        self.now: Element | None = None
        self.state = VmState.OFF
        self.keeps = False

    def start(self) -> None:
        """As `virsh start`."""
        self.now, self.state = copy.deepcopy(self.at_start), VmState.RUNNING

    def stop(self) -> None:
        """As `virsh destroy`."""
        self.now, self.state = None, VmState.OFF


class FakeLibvirtd:
    """All domains."""

    def __init__(self, *names: str) -> None:
        self.listed = {one.uuid: one for one in map(FakeDomain, names)}
        self.defined: list[str] = []
        self.refused: set[str] = set()  # buses of functions that can't be opened
        self.said: str | None = None  # in place of any description

    def domains(self) -> list[Domain]:
        return [Domain(one.uuid, one.name) for one in self.listed.values()]

    def state(self, uuid: str) -> VmState:
        found = self.listed.get(uuid)
        return found.state if found else VmState.GONE

    def description(self, uuid: str, *, at_start: bool) -> str:
        if self.said is not None:
            return self.said
        domain = self._domain(uuid)
        shown = domain.at_start if at_start or domain.now is None else domain.now
        return ElementTree.tostring(shown, encoding="unicode")

    def define(self, description: str) -> None:
        root = ElementTree.fromstring(description)
        self.defined.append(description)
        self._domain(root.findtext("uuid", "")).at_start = root

    def plug(self, uuid: str, device: str) -> None:
        now = self._running(uuid)
        made = ElementTree.fromstring(device)
        if _bus(made) in self.refused:
            raise HypervisorRefused("libvirt says: device is not bound to vfio-pci")
        name = _name(made)
        if name in [_name(one) for one in now.iter("hostdev")]:
            raise HypervisorRefused(f"libvirt says: {name} is there already")
        now.find("devices").append(made)  # type: ignore[union-attr]

    def unplug(self, uuid: str, device: str) -> None:
        now = self._running(uuid)
        name = _name(ElementTree.fromstring(device))
        devices = now.find("devices")
        assert devices is not None
        found = [one for one in devices.findall("hostdev") if _name(one) == name]
        if not found:
            raise HypervisorRefused("libvirt says: no matching device was found")
        if not self._domain(uuid).keeps:
            devices.remove(found[0])

    def close(self) -> None:
        """Nothing."""

    def _domain(self, uuid: str) -> FakeDomain:
        if uuid not in self.listed:
            raise NoDomain("libvirt says: Domain not found")
        return self.listed[uuid]

    def _running(self, uuid: str) -> Element:
        now = self._domain(uuid).now
        if now is None:
            raise HypervisorRefused("libvirt says: domain is not running")
        return now


def _name(device: Element) -> str:
    alias = device.find("alias")
    return alias.get("name", "") if alias is not None else ""


def _bus(device: Element) -> str:
    address = device.find("source/address")
    return address.get("function", "") if address is not None else ""

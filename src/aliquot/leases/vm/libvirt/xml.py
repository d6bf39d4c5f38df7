"""A domain's XML, read and edited. Format: libvirt's formatdomain, `hostdev`.

XML comes from libvirtd, and parts of it from whoever defined the domain: no document type is
accepted, so there are no entities to expand or to fetch, and depth and size are bounded.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any
from xml.etree.ElementTree import Element

from aliquot.errors import HypervisorMisspoke
from aliquot.leases.vm.interface import vgpu_id
from aliquot.leases.vm.naming import device_name, printable, vgpu_of
from aliquot.model.hardware import Attachment
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

MOST_BYTES = 4 << 20
DEEPEST = 64
_ALIAS = "ua-"  # libvirt keeps the names of aliases that begin so
_ADDRESS = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.ASCII)
_INDENT = "  "
# Their prefixes are kept when a domain is written again; any other namespace gets a prefix anew.
_NAMESPACES = {
    "qemu": "http://libvirt.org/schemas/domain/qemu/1.0",
    "libosinfo": "http://libosinfo.org/xmlns/libvirt/domain/1.0",
}
for _prefix, _uri in _NAMESPACES.items():
    ElementTree.register_namespace(_prefix, _uri)


def parse(text: str) -> Element:
    """The root of a document; raises HypervisorMisspoke for what libvirt never says."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise garbled(str(error)) from error
    if len(data) > MOST_BYTES:
        raise garbled("a document too large")
    parser = ElementTree.XMLParser(target=_Builder(), encoding="utf-8")  # noqa: S314 - see _Builder
    try:
        parser.feed(data)
        root: Element = parser.close()
    except ElementTree.ParseError as error:
        raise garbled(str(error)) from error
    return root


class _Builder(ElementTree.TreeBuilder):
    """Builds a tree, and neither a deep one nor one with a document type."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def doctype(self, *_: Any) -> None:
        """Called before anything in it is read."""
        raise garbled("a document type")

    def start(self, tag: Any, attrs: Any, /) -> Element:
        self._depth += 1
        if self._depth > DEEPEST:
            raise garbled("elements nested without end")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def hostdevs(attachment: Attachment) -> list[Element]:
    """The devices of a vGPU, the display first; the host's side of each is ours (managed=no)."""
    vgpu = vgpu_id(attachment)
    if attachment.path is not None:
        made = _hostdev("mdev")
        made.set("model", "vfio-pci")
        source = ElementTree.SubElement(made, "source")
        ElementTree.SubElement(source, "address", uuid=attachment.path.rpartition("/")[2])
        _alias(made, vgpu, 0)
        return [made]
    found: list[Element] = []
    for number, address in enumerate(attachment.functions):
        made = _hostdev("pci")
        source = ElementTree.SubElement(made, "source")
        ElementTree.SubElement(source, "address", _parts(address))
        if number == 0 and attachment.rom is not None:
            ElementTree.SubElement(made, "rom", file=attachment.rom)
        _alias(made, vgpu, number)
        found.append(made)
    return found


def vgpus(domain: Element) -> frozenset[str]:
    """The vGPUs of ours in a domain."""
    return frozenset(vgpu for one in devices_of(domain) if (vgpu := _vgpu(one)) is not None)


def devices_of(domain: Element, vgpu: str | None = None) -> list[Element]:
    """The host devices of a domain: all, or those of one vGPU."""
    found = [one for part in domain.findall("devices") for one in part.findall("hostdev")]
    return found if vgpu is None else [one for one in found if _vgpu(one) == vgpu]


def add(domain: Element, devices: list[Element]) -> None:
    """Put devices into a domain, where they aren't there yet."""
    there = domain.find("devices")
    if there is None:
        raise garbled("a domain without devices")
    known = {_name(one) for one in devices_of(domain)}
    there.extend(one for one in devices if _name(one) not in known)


def remove(domain: Element, vgpu: str) -> bool:
    """Take a vGPU's devices out of a domain; whether there were any."""
    taken = False
    for part in domain.findall("devices"):
        for one in [one for one in part.findall("hostdev") if _vgpu(one) == vgpu]:
            part.remove(one)
            taken = True
    return taken


def written(element: Element) -> str:
    """An element as text."""
    ElementTree.indent(element, _INDENT)
    return ElementTree.tostring(element, encoding="unicode")


def garbled(what: str) -> HypervisorMisspoke:
    """What is said where libvirt's answer can't be used."""
    return refusal(
        HypervisorMisspoke, Why.HYPERVISOR_GARBLED, hypervisor="libvirt", error=printable(what)
    )


def _hostdev(kind: str) -> Element:
    return Element("hostdev", mode="subsystem", type=kind, managed="no")


def _alias(device: Element, vgpu: str, number: int) -> None:
    ElementTree.SubElement(device, "alias", name=_ALIAS + device_name(vgpu, number))


def _parts(address: str) -> dict[str, str]:
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ValueError(f"{address!r} is no PCI address")
    names = ("domain", "bus", "slot", "function")
    return {name: f"0x{part}" for name, part in zip(names, found.groups(), strict=True)}


def _name(device: Element) -> str:
    alias = device.find("alias")
    return alias.get("name", "") if alias is not None else ""


def _vgpu(device: Element) -> str | None:
    return vgpu_of(_name(device))

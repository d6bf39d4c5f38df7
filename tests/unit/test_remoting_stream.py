"""What QEMU and libvirt are told of the port of a guest VM, and what can't be its socket."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from aliquot.errors import BadVmSocket
from aliquot.leases.vm import remoting_stream


def test_what_qemu_is_told() -> None:
    bus, chardev, port = remoting_stream.qemu_arguments("/run/a,b.sock")[1::2]
    assert bus == "virtio-serial-pci,id=aliquot-serial"
    assert chardev == "socket,id=aliquot-serial-1,path=/run/a,,b.sock,server=off,reconnect=1"
    assert port == (
        "virtserialport,bus=aliquot-serial.0,nr=1,chardev=aliquot-serial-1,name=org.aliquot.0"
    )


def test_what_libvirt_is_told() -> None:
    path = """/run/it's "odd" & <long>.sock"""
    channel = ElementTree.fromstring(remoting_stream.libvirt_channel(path))
    source, target = channel.find("source"), channel.find("target")
    assert source is not None
    assert target is not None
    assert (channel.get("type"), source.get("mode")) == ("unix", "connect")
    assert source.get("path") == path
    assert target.attrib == {"type": "virtio", "name": "org.aliquot.0"}


def test_what_cannot_be_its_socket(tmp_path: Path) -> None:
    with pytest.raises(BadVmSocket, match="longer than 107 bytes"):
        remoting_stream.checked("/tmp/" + "ä" * 60)
    with pytest.raises(BadVmSocket, match="there is no folder"):
        remoting_stream.checked(str(tmp_path / "none" / "vm.sock"))

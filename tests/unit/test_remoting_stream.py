"""What QEMU and libvirt are told of the port of a guest VM, and what can't be its socket."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from aliquot.errors import BadPlane, BadVmSocket
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


def test_what_qemu_is_told_of_a_plane() -> None:
    told = remoting_stream.qemu_arguments("/run/a,b.sock", plane=64 << 20)
    assert told[:6] == remoting_stream.qemu_arguments("/run/a,b.sock")
    assert told[6:] == [
        "-object",
        "memory-backend-file,id=aliquot-serial-1-plane,size=67108864,share=on,"
        "mem-path=/run/a,,b.sock.plane",
        "-device",
        "ivshmem-plain,memdev=aliquot-serial-1-plane",
    ]


def test_what_libvirt_is_told_of_a_plane() -> None:
    element = ElementTree.fromstring(remoting_stream.libvirt_shmem("/dev/shm/a&b.sock", 64 << 20))
    assert (element.tag, element.get("name")) == ("shmem", "a&b.sock.plane")
    model, size = element.find("model"), element.find("size")
    assert model is not None
    assert size is not None
    assert model.attrib == {"type": "ivshmem-plain"}
    assert (size.get("unit"), size.text) == ("M", "64")
    with pytest.raises(BadPlane, match="/dev/shm alone"):
        remoting_stream.libvirt_shmem("/run/vm.sock", 64 << 20)


@pytest.mark.parametrize("size", [0, 1, 1 << 19, 3 << 20, 1 << 31])
def test_what_cannot_be_the_size_of_a_plane(size: int) -> None:
    with pytest.raises(BadPlane):
        remoting_stream.checked_plane(size)
    for good in (1 << 20, 1 << 26, 1 << 30):
        assert remoting_stream.checked_plane(good) == good


def test_both_languages_bound_it_alike() -> None:
    header = Path(__file__).resolve().parents[2] / "native/vm_stream/plane.h"
    bounds = re.search(
        r"kLeastPlane = uint64_t\{1\} << (\d+), kMostPlane = uint64_t\{1\} << (\d+);",
        header.read_text(),
    )
    assert bounds
    least, most = (1 << int(power) for power in bounds.groups())
    assert (least, most) == (remoting_stream.LEAST_PLANE, remoting_stream.MOST_PLANE)

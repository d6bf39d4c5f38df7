"""The host's end of a guest VM's port, by which its programs reach a vGPU of the mode remoting.

    stream = start(granted.socket_path, "/run/user/1000/vm.sock")   # as the vGPU's owner
    qemu = [*qemu, *qemu_arguments(stream.socket_path)]
    ...
    stop(stream)

The process must be started as the vGPU's owner, and have a lease of the vGPU: one of its own (name
`stream.process.pid` when the lease is taken), or another that lasts as long. It ends with the VM.
See docs/modes/remoting-vm.md.
"""

from __future__ import annotations

import os
import subprocess
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from aliquot import native_programs
from aliquot.errors import EXIT_PROBLEM, BadPlane, BadVmSocket, PlaneNotMade

PORT_NAME = "org.aliquot.0"
"""By which aliquot-guest finds the port: /dev/virtio-ports/org.aliquot.0."""

LONGEST_SOCKET_PATH = 107  # bytes, Linux's sun_path without its zero
LEAST_PLANE, MOST_PLANE = 1 << 20, 1 << 30
"""Bytes; native/vm_stream/plane.h has the same."""

_SHM = "/dev/shm"  # noqa: S108 - where libvirt looks, and what is made there is new
_END_SECONDS = 10.0


class VmStream(NamedTuple):
    """A host's end that runs, where QEMU is to connect the port, and its plane's size, 0: none."""

    process: subprocess.Popen[str]
    socket_path: str
    plane: int = 0


def command(vgpu_socket: str, socket_path: str, *, stay: bool = False, plane: int = 0) -> list[str]:
    """The command that is the host's end.

    `stay`: it outlives a VM and waits for the next. `plane`: bytes of memory that it shares with
    the VM, a size that checked_plane takes; 0: all goes through the port.
    """
    program = native_programs.find(native_programs.VM_STREAM)
    words = [program, "--vgpu", vgpu_socket, "--listen", socket_path]
    if plane:
        words += ["--plane", plane_path(socket_path), "--plane-bytes", str(plane)]
    return [*words, *(["--stay"] if stay else [])]


def start(vgpu_socket: str, socket_path: str, *, stay: bool = False, plane: int = 0) -> VmStream:
    """Start the host's end, and wait until QEMU can connect; raises BadVmSocket, PlaneNotMade."""
    checked(socket_path)
    process = subprocess.Popen(
        command(vgpu_socket, socket_path, stay=stay, plane=plane),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as said:
        ready = said.readline()
    if not ready:
        status = process.wait(_END_SECONDS)
        if status == EXIT_PROBLEM:
            raise PlaneNotMade(
                f"no plane can be made beside {socket_path}; the line above says why"
            )
        raise BadVmSocket(f"nothing can listen at {socket_path}; the line above says why")
    return VmStream(process, socket_path, plane)


def stop(stream: VmStream) -> None:
    """End the host's end: the VM's programs lose the vGPU, which frees what they had."""
    stream.process.terminate()
    try:
        stream.process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        stream.process.kill()
        stream.process.wait()


def checked(socket_path: str) -> str:
    """The path, absolute, where a socket may be made; raises BadVmSocket."""
    path = os.path.abspath(socket_path)
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise BadVmSocket(f"{path!r} is longer than {LONGEST_SOCKET_PATH} bytes")
    if not os.path.isdir(os.path.dirname(path)):
        raise BadVmSocket(f"there is no folder {os.path.dirname(path)!r}")
    return path


def plane_path(socket_path: str) -> str:
    """The file whose memory is the plane: beside the socket, and only as long as the host's end."""
    return socket_path + ".plane"


def checked_plane(size: int) -> int:
    """The size, where a plane can have it; raises BadPlane."""
    if not LEAST_PLANE <= size <= MOST_PLANE or size & (size - 1):
        raise BadPlane(f"a plane can't have {size} bytes")
    return size


def qemu_arguments(
    socket_path: str, *, bus: str = "aliquot-serial", port: int = 1, plane: int = 0
) -> list[str]:
    """What QEMU is to be started with beside: a serial bus, a port on it to the host, the plane.

    Where the VM has a virtio-serial bus, name it as `bus` and leave the first two arguments out.
    QEMU connects again every second where the host's end has been started anew.
    """
    chardev = f"{bus}-{port}"
    arguments = [
        *("-device", f"virtio-serial-pci,id={bus}"),
        *("-chardev", f"socket,id={chardev},path={_value(socket_path)},server=off,reconnect=1"),
        *("-device", f"virtserialport,bus={bus}.0,nr={port},chardev={chardev},name={PORT_NAME}"),
    ]
    if plane:
        memory, path = f"{chardev}-plane", _value(plane_path(socket_path))
        arguments += [
            *("-object", f"memory-backend-file,id={memory},size={plane},share=on,mem-path={path}"),
            *("-device", f"ivshmem-plain,memdev={memory}"),
        ]
    return arguments


def _value(path: str) -> str:
    return path.replace(",", ",,")  # QEMU's way to write one in an option


def libvirt_channel(socket_path: str) -> str:
    """The same for a domain of libvirt's: an element for its `<devices>`."""
    return (
        "<channel type='unix'>"
        f"<source mode='connect' path={quoteattr(socket_path)}><reconnect enabled='yes' "
        f"timeout='1'/></source><target type='virtio' name='{PORT_NAME}'/></channel>"
    )


def libvirt_shmem(socket_path: str, plane: int) -> str:
    """The plane for a domain of libvirt's; raises BadPlane where libvirt can't find it.

    libvirt takes a name in /dev/shm and no other path: the socket must lie there, too.
    """
    folder, name = os.path.split(plane_path(socket_path))
    if folder != _SHM:
        raise BadPlane(f"libvirt looks for a plane in {_SHM} alone, and this one is in {folder}")
    return (
        f"<shmem name={quoteattr(name)}><model type='ivshmem-plain'/>"
        f"<size unit='M'>{plane >> 20}</size></shmem>"
    )

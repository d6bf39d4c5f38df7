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
from aliquot.errors import BadVmSocket

PORT_NAME = "org.aliquot.0"
"""By which aliquot-guest finds the port: /dev/virtio-ports/org.aliquot.0."""

LONGEST_SOCKET_PATH = 107  # bytes, Linux's sun_path without its zero
_END_SECONDS = 10.0


class VmStream(NamedTuple):
    """A host's end that runs, and where QEMU is to connect the port."""

    process: subprocess.Popen[str]
    socket_path: str


def command(vgpu_socket: str, socket_path: str, *, stay: bool = False) -> list[str]:
    """The command that is the host's end; `stay`: it outlives a VM and waits for the next."""
    program = native_programs.find(native_programs.VM_STREAM)
    return [program, "--vgpu", vgpu_socket, "--listen", socket_path, *(["--stay"] if stay else [])]


def start(vgpu_socket: str, socket_path: str, *, stay: bool = False) -> VmStream:
    """Start the host's end, and wait until QEMU can connect; raises BadVmSocket."""
    checked(socket_path)
    process = subprocess.Popen(
        command(vgpu_socket, socket_path, stay=stay),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as said:
        ready = said.readline()
    if not ready:
        process.wait(_END_SECONDS)
        raise BadVmSocket(f"nothing can listen at {socket_path}; the line above says why")
    return VmStream(process, socket_path)


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


def qemu_arguments(socket_path: str, *, bus: str = "aliquot-serial", port: int = 1) -> list[str]:
    """What QEMU is to be started with beside: a serial bus, and a port on it, to the host.

    Where the VM has a virtio-serial bus, name it as `bus` and leave the first two arguments out.
    QEMU connects again every second where the host's end has been started anew.
    """
    chardev = f"{bus}-{port}"
    path = socket_path.replace(",", ",,")  # QEMU's way to write one in an option
    return [
        *("-device", f"virtio-serial-pci,id={bus}"),
        *("-chardev", f"socket,id={chardev},path={path},server=off,reconnect=1"),
        *("-device", f"virtserialport,bus={bus}.0,nr={port},chardev={chardev},name={PORT_NAME}"),
    ]


def libvirt_channel(socket_path: str) -> str:
    """The same for a domain of libvirt's: an element for its `<devices>`."""
    return (
        "<channel type='unix'>"
        f"<source mode='connect' path={quoteattr(socket_path)}><reconnect enabled='yes' "
        f"timeout='1'/></source><target type='virtio' name='{PORT_NAME}'/></channel>"
    )

"""`aliquot vm-stream`: offers a vGPU to the programs of a guest VM."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.vgpu_argument import add_vgpu_of_daemon
from aliquot.sizes import parse_size

_DESCRIPTION = """\
Offers a vGPU of the mode remoting to the programs of a guest VM, through a virtio-serial
port: it leases the vGPU, prints what QEMU is to be started with, and waits at a socket for
QEMU. It ends when the VM does, and the lease with it. In the VM, aliquot-guest must run;
'make guest-package' makes its package. It needs no root. With --plane, the VM gets an
ivshmem device beside, whose memory it shares with the host, so that bulk data is faster."""


def build_parser() -> Parser:
    """The options of `aliquot vm-stream`."""
    parser = Parser(
        "vm-stream",
        _DESCRIPTION,
        example="aliquot vm-stream train --socket /dev/shm/train.sock --plane 64MiB",
        exit_status="0 when the VM is gone; 1 where no plane can be made; 2 for another error.",
    )
    add_vgpu_of_daemon(parser)
    parser.add_argument(
        "--socket", metavar="FILE", required=True, help="where QEMU connects; it must be free"
    )
    parser.add_argument(
        "--plane",
        metavar="SIZE",
        help="memory for bulk data that the VM and the host share, like 64MiB: a power of two, "
        "1MiB to 1GiB (default: none, all goes through the port)",
    )
    parser.add_argument(
        "--stay", action="store_true", help="keep the lease, and wait for the next VM"
    )
    add_json(parser, "print the socket and QEMU's arguments as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Lease the vGPU for this process, and become the host's end of the port."""
    given = build_parser().parse_args(arguments)
    from aliquot.cli import leased
    from aliquot.leases.vm import remoting_stream

    socket_path = remoting_stream.checked(given.socket)
    plane = remoting_stream.checked_plane(parse_size(given.plane)) if given.plane else 0
    qemu = remoting_stream.qemu_arguments(socket_path, plane=plane)
    with connect() as client:
        vgpu = client.vgpus.show(given.vgpu)
        granted = leased.begin(client, vgpu, ["vm-stream"])
    words = remoting_stream.command(granted.socket_path, socket_path, stay=given.stay, plane=plane)
    if given.json:
        print(json.dumps({"vgpu": vgpu.id, "socket": socket_path, "qemu": qemu}))
    else:
        print(f"aliquot: vGPU {vgpu.name} for a guest VM; start QEMU with", file=sys.stderr)
        print(shlex.join(qemu))
    sys.stdout.flush()
    # The lease is this process's: it goes on as that program.
    os.execv(words[0], words)  # noqa: S606 - without a shell, and that is meant

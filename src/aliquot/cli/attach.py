"""`aliquot attach`: a vGPU of hardware goes to a virtual machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.vgpu_argument import add_vgpu_of_daemon
from aliquot.errors import UsageError

if TYPE_CHECKING:
    from aliquot.model.api.vms import AttachedResource

_DESCRIPTION = """\
Attaches a vGPU of the mode passthrough, mdev or sriov to a virtual machine of QEMU, libvirt or
Proxmox VE. A VM that runs gets it at once; one that is off, and any of Proxmox VE, when it starts.
With --lasting a VM that runs has it after its next starts, too. Only administrators attach."""


def build_parser() -> Parser:
    """The options of `aliquot attach`."""
    parser = Parser(
        "attach",
        _DESCRIPTION,
        example="aliquot attach team-a --vm build-01",
        exit_status="0; 2 for an error.",
    )
    add_vgpu_of_daemon(parser)
    parser.add_argument(
        "--vm",
        metavar="NAME",
        help="the VM, as its hypervisor lists it, or the socket of QEMU's QMP monitor; where "
        "several fit, with the hypervisor before it: qemu:NAME, libvirt:NAME, proxmox:100",
    )
    parser.add_argument(
        "--lasting",
        action="store_true",
        help="also write it into the VM's configuration (libvirt)",
    )
    parser.add_argument(
        "--vm-arguments",
        action="store_true",
        help="ready it for a QEMU that you start yourself, and print the arguments for that",
    )
    add_json(parser, "print the vGPU and what was done as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Attach the vGPU."""
    given = build_parser().parse_args(arguments)
    if (given.vm is None) is not given.vm_arguments:
        raise UsageError("say --vm NAME or --vm-arguments", remedy="see 'aliquot attach --help'")
    with connect() as client:
        from aliquot.model.api.vms import AttachWanted

        done = client.vgpus.attach(given.vgpu, AttachWanted(vm=given.vm, lasting=given.lasting))
    if given.json:
        from aliquot.cli.output import print_json

        print_json(done)
    elif given.vm_arguments:
        import shlex

        print(shlex.join(done.arguments))
    else:
        print(_line(done))
    return 0


def _line(done: AttachedResource) -> str:
    from aliquot.cli.vgpu_words import vm_words

    when = "it has it now" if done.now else "it gets it when it starts"
    return f"vGPU {done.vgpu.name}: attached to VM {vm_words(done.vgpu)}; {when}"

"""`aliquot vm`: what hypervisors' hooks tell of virtual machines, and the hooks themselves."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from aliquot.cli.daemon import connect_if_any
from aliquot.cli.family import Family, Verb
from aliquot.cli.parser import Parser, add_json

_HYPERVISORS = ("qemu", "libvirt", "proxmox")


def build_parser() -> Parser:
    """The options of `aliquot vm`."""
    return _FAMILY.build_parser()


def main(arguments: Sequence[str]) -> int:
    """Do what the first argument says."""
    return _FAMILY.main(arguments)


def _telling_parser(event: str, what: str) -> Parser:
    parser = Parser(
        f"vm {event}",
        f"{what} Said again it does nothing more, and of a VM without vGPUs nothing.\nWhere no "
        "daemon listens it says so and succeeds: no VM waits for Aliquot.",
        example=f"aliquot vm {event} --hypervisor libvirt build-01",
        exit_status="0; 2 where the hardware can't be readied or given back.",
    )
    parser.add_argument("vm", metavar="NAME", help="the VM's name, or its number in Proxmox VE")
    parser.add_argument(
        "--hypervisor", choices=_HYPERVISORS, default="libvirt", help="whose VM it is"
    )
    add_json(parser, "print the names of its vGPUs as JSON")
    return parser


def _started_parser() -> Parser:
    return _telling_parser("started", "Tells that a VM is about to start: its vGPUs are readied.")


def _stopped_parser() -> Parser:
    return _telling_parser("stopped", "Tells that a VM has stopped: its vGPUs are taken back.")


def _tell(parser: Parser, event: str, arguments: Sequence[str]) -> int:
    given = parser.parse_args(arguments)
    client = connect_if_any()
    if client is None:
        print("aliquot: no daemon listens, so nothing was readied or taken back", file=sys.stderr)
        return 0
    with client:
        from aliquot.model.api.vms import VmTold
        from aliquot.model.vm import HypervisorKind

        told = VmTold(hypervisor=HypervisorKind(given.hypervisor), vm=given.vm)
        done = client.vms.started(told) if event == "started" else client.vms.stopped(told)
    if given.json:
        from aliquot.cli.output import print_json

        print_json(done)
    elif done.vgpus:
        print(f"vGPUs {'ready' if event == 'started' else 'taken back'}: {', '.join(done.vgpus)}")
    return 0


def _started(arguments: Sequence[str]) -> int:
    return _tell(_started_parser(), "started", arguments)


def _stopped(arguments: Sequence[str]) -> int:
    return _tell(_stopped_parser(), "stopped", arguments)


def _hook_parser() -> Parser:
    parser = Parser(
        "vm hook",
        "Prints the hook by which a hypervisor tells of its VMs; how it is installed stands in it.",
        example="aliquot vm hook libvirt",
        exit_status="0; 2 for an error.",
    )
    parser.add_argument("hypervisor", choices=("libvirt", "proxmox"), help="for which one")
    return parser


def _hook(arguments: Sequence[str]) -> int:
    given = _hook_parser().parse_args(arguments)
    from aliquot.service.hooks import hook

    print(hook(given.hypervisor), end="")
    return 0


_FAMILY = Family(
    "vm",
    "What hypervisors' hooks tell the daemon of virtual machines, so that vGPUs' hardware is ready "
    "when\na VM starts, and the machine's again when it has stopped.",
    (
        Verb("started", "a VM is about to start", _started_parser, _started),
        Verb("stopped", "a VM has stopped", _stopped_parser, _stopped),
        Verb("hook", "print the hook for libvirt or Proxmox VE", _hook_parser, _hook),
    ),
)

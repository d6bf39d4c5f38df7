"""`aliquot resize`: another share of the device's time for a vGPU that is in use."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aliquot.cli.parser import Parser, add_json
from aliquot.cli.share_options import NAMES, add_shares, shares_of
from aliquot.client.device_host import DeviceHost, running_hosts
from aliquot.errors import AmbiguousVgpu, DeviceHostUnreachable, NoSuchVgpu, UsageError
from aliquot.model.vgpu import VgpuUsage
from aliquot.shares import format_shares


def build_parser() -> Parser:
    """The options of `aliquot resize`."""
    parser = Parser(
        "resize",
        "Changes the share of the device's time that a vGPU in use was promised, at once and "
        "while\nits program runs. What isn't given stays as it is.",
        example="aliquot resize team-a --compute 40 --compute-limit 60",
        exit_status="0; 2 where it can't be done; then nothing has changed.",
    )
    parser.add_argument("vgpu", metavar="VGPU", help="name or number, as 'aliquot vgpus' prints")
    parser.add_argument(
        "--device",
        metavar="D",
        help="index, UUID or unique part of the name of its device, where vGPUs of several fit",
    )
    add_shares(parser)
    add_json(parser, "print the shares as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Resize the vGPU."""
    given = build_parser().parse_args(arguments)
    if all(getattr(given, name) is None for name in NAMES):
        raise UsageError(
            "there is nothing to change",
            remedy="give --compute, --compute-limit, --weight or --priority",
        )
    shares_of(given)  # what can't be is told before anybody is asked
    device_uuid = _device_uuid(given.device)
    hosts = running_hosts()
    try:
        host, usage = _find(given.vgpu, hosts, device_uuid)
        shares = shares_of(given, usage.turns.shares)
        host.resize_vgpu(usage.id, shares)
    finally:
        for one in hosts:
            one.close()
    if given.json:
        told = {"vgpu": usage.id, "name": usage.name, "device": usage.device_uuid}
        print(json.dumps({**told, **shares.as_dict()}, indent=2))
    else:
        print(f"vGPU {usage.name}: {format_shares(shares) or 'what is left over'}")
    return 0


def _device_uuid(wanted: str | None) -> str | None:
    if wanted is None:
        return None
    from aliquot.devices.opencl import find_device

    return find_device(wanted)[1].uuid


def _find(
    wanted: str, hosts: list[DeviceHost], device_uuid: str | None
) -> tuple[DeviceHost, VgpuUsage]:
    """The vGPU of this name, else of this number, on the device or on all."""
    listed: list[tuple[DeviceHost, VgpuUsage]] = []
    for host in hosts:
        if device_uuid in (None, host.welcome.device_uuid):
            try:
                listed += [(host, usage) for usage in host.list_vgpus()]
            except DeviceHostUnreachable:
                # It ends when its last vGPU does, perhaps while we ask.
                continue
    fitting = [found for found in listed if found[1].name == wanted]
    fitting = fitting or [found for found in listed if str(found[1].id) == wanted]
    if not fitting:
        raise NoSuchVgpu(f"there is no vGPU {wanted[:70]!r} in use here")
    if len(fitting) > 1:
        devices = ", ".join(usage.device_uuid for _, usage in fitting)
        raise AmbiguousVgpu(f"{wanted[:70]!r} fits vGPUs of the devices {devices}")
    return fitting[0]

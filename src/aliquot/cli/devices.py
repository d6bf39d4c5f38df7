"""`aliquot devices`: what devices are here, and how much of each is free."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aliquot.cli.parser import Parser, add_json
from aliquot.client.device_host import Welcome, running_hosts
from aliquot.devices.opencl import discover
from aliquot.model.device import Device
from aliquot.sizes import format_size


def build_parser() -> Parser:
    """The options of `aliquot devices`."""
    parser = Parser(
        "devices",
        "Lists the devices that OpenCL drivers on this machine offer, with their index, how "
        "much\nmemory no vGPU has reserved, and the UUID by which --device always finds them.",
        example="aliquot devices --json",
        exit_status="0; 2 where no driver or no device is found.",
    )
    add_json(parser)
    parser.add_argument(
        "--fresh", action="store_true", help="ask the drivers again instead of what is remembered"
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """List the devices."""
    given = build_parser().parse_args(arguments)
    devices = discover(fresh=given.fresh, retry=True)
    hosts: dict[str, Welcome] = {}
    for host in running_hosts():
        with host:
            hosts[host.welcome.device_uuid] = host.welcome
    if given.json:
        listed = [
            _as_dict(index, device, hosts.get(device.uuid)) for index, device in enumerate(devices)
        ]
        print(json.dumps({"devices": listed}, indent=2))
        return 0
    from aliquot.cli.tables import Column, console, table

    headings = (
        Column("index", right=True),
        Column("name"),
        Column("kind"),
        Column("memory", right=True),
        Column("unreserved", right=True),
        Column("vGPUs", right=True),
        Column("units", right=True),
        Column("platform"),
        Column("UUID"),
    )
    rows: list[list[str]] = []
    for index, device in enumerate(devices):
        host = hosts.get(device.uuid)
        rows.append(
            [
                str(index),
                device.name,
                device.kind,
                format_size(device.global_memory),
                format_size(device.global_memory - (host.reserved_memory if host else 0)),
                str(host.vgpu_count if host else 0),
                str(device.compute_units),
                device.platform,
                device.uuid,
            ]
        )
    console().print(table(headings, rows))
    return 0


def _as_dict(index: int, device: Device, host: Welcome | None) -> dict[str, object]:
    return {
        "index": index,
        **device.as_dict(),
        "reserved_memory": host.reserved_memory if host else 0,
        "vgpu_count": host.vgpu_count if host else 0,
    }

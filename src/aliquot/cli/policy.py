"""`aliquot policy`: how a device's time is shared out among its vGPUs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from aliquot.cli.daemon import connect_if_any
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.printable import printable
from aliquot.client import policies
from aliquot.client.device_host import DeviceHost
from aliquot.devices.opencl import find_device
from aliquot.errors import NoDaemon, UsageError
from aliquot.model.shares import Policy
from aliquot.shares import (
    POLICIES,
    parse_averaging,
    parse_policy,
    parse_priority_mix,
    parse_turn_ns,
)

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.devices import PolicyWord, PriorityPair

_DESCRIPTION = """\
Shows how a device's time is shared out among its vGPUs, or changes it, at once.

  best-effort   who wants the device gets it: guarantees first, then by weight what
                is left over, so that the device is never idle while somebody wants it
  equal-share   each vGPU that a program uses gets the same share
  fixed-share   each vGPU gets one of as many parts as the device has room for vGPUs
                of its size, whether or not the others are there

And which priority classes the daemon puts on the device together.

The daemon keeps the policy; only an admin may change it there. Without a daemon it holds
until it is changed, also for device hosts that start later, and is forgotten when the
runtime directory goes, say with the next start of the machine."""


def build_parser() -> Parser:
    """The options of `aliquot policy`."""
    parser = Parser(
        "policy",
        _DESCRIPTION,
        example="aliquot policy 0 equal-share --turn 2ms",
        exit_status="0; 2 where it can't be done; then nothing has changed.",
    )
    parser.add_argument(
        "device",
        metavar="DEVICE",
        help="index, UUID or unique part of a name, as 'aliquot devices' prints them",
    )
    parser.add_argument(
        "name", nargs="?", choices=POLICIES, type=_known_policy, help="the policy; none: show it"
    )
    parser.add_argument(
        "--turn",
        metavar="TIME",
        help="the longest stretch of device time for one vGPU at once, 1ms to 30ms "
        "(default: auto, 2 ms for up to 8 vGPUs, 1 ms above; up to 6 ms where the device loses "
        "more than a twentieth of that by changing hands, and no vGPU is of the class latency)",
    )
    parser.add_argument(
        "--priority-mix",
        metavar="MIX",
        help="which priority classes share the device, say latency:batch=0,latency:latency=1: "
        "beside a vGPU of class latency none of class batch and one more of class latency, for "
        "whoever comes from then on; none: any. By the daemon alone",
    )
    parser.add_argument(
        "--averaging",
        metavar="N",
        help="over how many turns a debt is paid back, 1 to 60 (default: 1)",
    )
    add_json(parser, "print the policy as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Show or set the policy."""
    given = build_parser().parse_args(arguments)
    if given.name is None and (given.turn is not None or given.averaging is not None):
        raise UsageError(
            "--turn and --averaging go with a policy's name",
            remedy="name it too, as in 'aliquot policy 0 best-effort --turn 2ms'",
        )
    wanted = _wanted(given.name, given.turn, given.averaging) if given.name else None
    mix = None if given.priority_mix is None else parse_priority_mix(given.priority_mix)
    client = connect_if_any()
    if client is not None:
        with client:
            shown = _with_daemon(client, given.device, wanted, mix)
    elif mix is not None:
        raise NoDaemon("a mix of priority classes is the daemon's, who chooses devices by it")
    else:
        shown = _without_daemon(given.device, wanted)
    if given.json:
        told = {
            "device": shown.uuid,
            "device_index": shown.number,
            "device_name": shown.name,
            **shown.policy.as_dict(),
            "priority_mix": shown.mix,
        }
        print(json.dumps(told, indent=2))
    else:
        policy = shown.policy
        turn = f"{policy.turn_ns / 1e6:g} ms" if policy.turn_ns else "automatic length"
        name = printable(shown.name)
        print(
            f"device {shown.number} ({name}): {policy.kind.word}, turns of {turn}, "
            f"averaging {policy.averaging}"
        )
        for pair, most in shown.mix.items():
            first, _, second = pair.partition(":")
            print(f"beside a vGPU of class {first} at most {most} of class {second}")
    return 0


def _with_daemon(
    client: Client, wanted_device: str, wanted: Policy | None, mix: dict[str, int] | None
) -> _Shown:
    from aliquot.model.api.devices import PolicyResource, PriorityMixWanted

    device = client.devices.show(wanted_device)
    if mix is not None:
        asked = PriorityMixWanted(mix=cast("dict[PriorityPair, int]", mix))
        device = client.devices.set_priority_mix(device.uuid, asked)
    if wanted is not None:
        device = client.devices.set_policy(
            device.uuid,
            PolicyResource(
                policy=cast("PolicyWord", wanted.kind.word),
                turn_ms=wanted.turn_ns / 1e6,
                averaging=wanted.averaging,
            ),
        )
    told = device.policy
    policy = Policy(parse_policy(told.policy), round(told.turn_ms * 1e6), told.averaging)
    told_mix: dict[str, int] = {str(pair): most for pair, most in device.priority_mix.items()}
    return _Shown(device.uuid, device.index, device.name, policy, told_mix)


def _without_daemon(wanted_device: str, wanted: Policy | None) -> _Shown:
    index, device = find_device(wanted_device)
    with DeviceHost.start_or_join(device) as host:
        policy = host.set_policy(wanted) if wanted else host.policy()
    if wanted:
        policies.remember(device.uuid, wanted)
    return _Shown(device.uuid, index, device.name, policy, {})


class _Shown(NamedTuple):
    uuid: str
    number: int
    name: str
    policy: Policy
    mix: Mapping[str, int]


def _wanted(name: str, turn: str | None, averaging: str | None) -> Policy:
    return Policy(
        parse_policy(name),
        parse_turn_ns(turn) if turn is not None else 0,
        parse_averaging(averaging) if averaging is not None else 1,
    )


def _known_policy(text: str) -> str:
    """The same word: argparse would refuse an unknown one without our code."""
    parse_policy(text)
    return text

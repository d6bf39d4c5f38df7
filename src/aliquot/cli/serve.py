"""`aliquot serve`: the daemon."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot import environment
from aliquot.cli.parser import Parser
from aliquot.errors import BadServerSetting

if TYPE_CHECKING:
    from aliquot.placement.engine.quotas import Quota

_MOST_COMPUTE = 1_000_000  # percent

_DESCRIPTION = """\
Runs the daemon: it owns the devices of this machine, the vGPUs on them and their leases,
and offers the API on a Unix socket: <runtime directory>/api.sock, for every user of the
machine where root runs it, else for you alone. Who asks is told by the kernel; with
--listen also by a token, over TCP on this machine.

It runs in the foreground and logs to stderr. SIGTERM and SIGINT end it: requests that
were begun are finished, and device hosts, workers and leases go on without it and are
taken up again by the next one. SIGHUP looks for devices again."""


def build_parser() -> Parser:
    """The options of `aliquot serve`."""
    parser = Parser(
        "serve",
        _DESCRIPTION,
        example="aliquot serve --listen 127.0.0.1:7070",
        exit_status="0 after SIGTERM or SIGINT; 2 where it can't start, which the line\n"
        "on stderr explains.",
    )
    parser.add_argument(
        "--listen",
        metavar="ADDRESS:PORT",
        help="offer the API over TCP, too: an address of this machine alone, as 127.0.0.1:7070; "
        "port 0 takes a free one. Callers need a token",
    )
    parser.add_argument(
        "--socket", metavar="FILE", help="the Unix socket, instead of api.sock in its usual place"
    )
    parser.add_argument(
        "--state",
        metavar="PLACE",
        help="folder of the state or URL of a PostgreSQL database (default: ALIQUOT_STATE, "
        "else /var/lib/aliquot for root, else ~/.local/state/aliquot). A URL with a password "
        "belongs into ALIQUOT_STATE: others can read options",
    )
    parser.add_argument("--node", metavar="NAME", help="this machine's name (default: its own)")
    parser.add_argument(
        "--inventory", metavar="FILE", help="also offer the simulated devices of this YAML file"
    )
    parser.add_argument(
        "--admin-group",
        metavar="GROUP",
        help="members are admins, as root is (default: aliquot where root runs the daemon)",
    )
    parser.add_argument(
        "--most-vgpus",
        metavar="NUMBER",
        type=int,
        help="how many vGPUs a tenant may have that is no admin, those that wait included "
        "(default: 256)",
    )
    parser.add_argument(
        "--most-memory",
        metavar="SIZE",
        help="how much memory of devices all vGPUs of a tenant may have together that is no "
        "admin, as '16GiB' (default: as much as there is)",
    )
    parser.add_argument(
        "--most-compute",
        metavar="PERCENT",
        type=float,
        help="how much compute may be guaranteed to them together, in percent of one device: "
        "150 is one and a half (default: as much as there is)",
    )
    parser.add_argument("--log-json", action="store_true", help="log lines of JSON")
    parser.add_argument(
        "--log-requests",
        action="store_true",
        help="log a line for each request: who, what, how it ended",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Serve until it is told to end."""
    given = build_parser().parse_args(arguments)
    from aliquot.api import listening, log

    listen = listening.parse(given.listen) if given.listen else None
    log.start(as_json=given.log_json, access=given.log_requests)
    # After what can be seen to be wrong at once: the rest takes long to import.
    from aliquot.api.running import Settings, run
    from aliquot.daemon.service import Service
    from aliquot.store import location

    where = location.parse(given.state) if given.state else location.usual()
    quota = _quota(given)
    group = given.admin_group or ("aliquot" if os.geteuid() == 0 else None)
    settings = Settings(
        socket_path=os.path.abspath(given.socket) if given.socket else None,
        listen=listen,
        admin_group=group,
    )
    run(
        settings,
        lambda: Service.open(where, given.node, inventory=given.inventory, quota=quota),
        environment.of_service_manager(),
        _ready,
    )
    return 0


def _quota(given: Namespace) -> Quota:
    """What a tenant may have that is no admin; raises BadServerSetting, BadSize."""
    from aliquot.daemon.limits import MOST_VGPUS
    from aliquot.placement.engine.quotas import Quota
    from aliquot.sizes import parse_size

    if given.most_vgpus is not None and given.most_vgpus < 1:
        raise BadServerSetting("--most-vgpus is to be 1 at least")
    if given.most_compute is not None and not 0 <= given.most_compute <= _MOST_COMPUTE:
        raise BadServerSetting(f"--most-compute is to be from 0 to {_MOST_COMPUTE}")
    return Quota(
        places=MOST_VGPUS if given.most_vgpus is None else given.most_vgpus,
        device_memory=None if given.most_memory is None else parse_size(given.most_memory),
        share=None if given.most_compute is None else round(given.most_compute * 100),
    )


def _ready(addresses: list[str]) -> None:
    print(f"aliquot serve: ready, listens on {', '.join(addresses)}", flush=True)

"""`aliquot doctor`: what is wrong here, and the command that mends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.diagnosis import installation, machine, modes, trial
from aliquot.diagnosis.finding import Finding, Level
from aliquot.errors import EXIT_PROBLEM

_CHECKS: tuple[Callable[[], list[Finding]], ...] = (
    installation.check_native_programs,
    installation.check_drivers,
    installation.check_loader,
    installation.check_allocator,
    installation.check_device_nodes,
    machine.check_runtime_directory,
    machine.check_limits,
    machine.check_kernel,
    modes.check_modes,
    trial.check_worker,
)


def build_parser() -> Parser:
    """The options of `aliquot doctor`."""
    parser = Parser(
        "doctor",
        "Looks at native programs, drivers, loader, permissions, limits and kernel, tells what\n"
        "each mode lacks on each GPU with the lines that mend it, and makes a small vGPU on\n"
        "trial to tell which protections its worker really has. `weak` is worth knowing,\n"
        "`broken` keeps Aliquot from working or from holding what it promises.\n\n"
        "--deep also looks whether the daemon's word, its state, the audit, the device hosts and "
        "their\nworkers agree: that no vGPU is lost, doubled or leaked, that leases are held by "
        "whom they are\nsaid to be, and that no quota is exceeded.",
        example="aliquot doctor --json",
        exit_status="0, 1 where something is broken.",
    )
    parser.add_argument(
        "--deep", action="store_true", help="also whether daemon, device hosts and state agree"
    )
    parser.add_argument(
        "--inventory",
        metavar="FILE",
        help="tell of the simulated devices of this YAML file instead, what each mode lacks",
    )
    add_json(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run all checks and print what they found."""
    given = build_parser().parse_args(arguments)
    client = connect() if given.deep else None
    if given.inventory is not None:
        findings = modes.check_inventory(given.inventory)
    else:
        findings = [finding for check in _CHECKS for finding in check()]
    if client is not None:
        from aliquot.diagnosis import agreement

        with client:
            findings += agreement.check(client)
    broken = any(finding.level is Level.BROKEN for finding in findings)
    if given.json:
        listed = [finding.as_dict() for finding in findings]
        print(json.dumps({"healthy": not broken, "findings": listed}, indent=2))
    else:
        print_table(findings)
    return EXIT_PROBLEM if broken else 0


def print_table(findings: list[Finding]) -> None:
    """What was found, and below each the lines that mend it."""
    from aliquot.cli.tables import Cell, Column, console, table

    styles = {Level.OK: "green", Level.WEAK: "yellow", Level.BROKEN: "bold red"}
    rows: list[list[str | Cell]] = []
    area = ""
    for finding in findings:
        shown = finding.area if finding.area != area else ""
        area = finding.area
        level = Cell(finding.level.value, styles[finding.level])
        rows.append([shown, level, finding.subject, finding.text])
        if finding.remedy and finding.level is not Level.OK:
            for line in finding.remedy.splitlines():
                rows.append(["", "", "", Cell(f"→ {line}", "cyan")])
    headings = (Column("area"), Column("is"), Column("what"), Column("found"))
    console().print(table(headings, rows))

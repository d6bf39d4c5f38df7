"""The commands, each with the module that holds it and one line for the overview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from aliquot.cli.parser import Parser


class CommandModule(Protocol):
    """What the module of a command offers."""

    def build_parser(self) -> Parser:
        """The command's options, for --help and for completion."""
        ...

    def main(self, arguments: Sequence[str]) -> int:
        """Run the command; returns the exit status, raises AliquotError."""
        ...


class Command(NamedTuple):
    """A command of the command line."""

    name: str
    module: str
    summary: str

    def load(self) -> CommandModule:
        """Import the command's module."""
        from importlib import import_module

        return cast("CommandModule", import_module(self.module))


COMMANDS = (
    Command("devices", "aliquot.cli.devices", "list the devices of this machine"),
    Command("serve", "aliquot.cli.serve", "run the daemon: it keeps vGPUs and offers the API"),
    Command("run", "aliquot.cli.run", "run a command on a slice of a device"),
    Command("create", "aliquot.cli.create", "make a vGPU that lasts"),
    Command("exec", "aliquot.cli.exec", "run a command on a vGPU that lasts"),
    Command("vm-stream", "aliquot.cli.vm_stream", "offer a vGPU to a guest VM's programs"),
    Command("vgpus", "aliquot.cli.vgpus", "list the vGPUs, once or live"),
    Command("top", "aliquot.cli.top", "show who has which share of a device's time, live or once"),
    Command("diagram", "aliquot.cli.diagram", "draw what there is and who uses it, into a file"),
    Command("ui", "aliquot.cli.ui", "open the dashboard in a browser"),
    Command("show", "aliquot.cli.show", "tell all about one vGPU"),
    Command("why-slow", "aliquot.cli.why_slow", "say where the time of a vGPU's program goes"),
    Command(
        "resize", "aliquot.cli.resize", "give a vGPU other memory or another share of the time"
    ),
    Command("suspend", "aliquot.cli.suspend", "stop a vGPU and move its memory to the host"),
    Command("resume", "aliquot.cli.resume", "let a vGPU that was suspended go on"),
    Command("move", "aliquot.cli.move", "move a vGPU to another device, its programs with it"),
    Command("delete", "aliquot.cli.delete", "delete a vGPU"),
    Command("attach", "aliquot.cli.attach", "give a vGPU of hardware to a virtual machine"),
    Command("detach", "aliquot.cli.detach", "take a vGPU from its virtual machine"),
    Command("vm", "aliquot.cli.vm", "tell that a virtual machine starts or stops, for hooks"),
    Command("leases", "aliquot.cli.leases", "list who uses which vGPU"),
    Command("release", "aliquot.cli.release", "end a lease"),
    Command("queue", "aliquot.cli.queue", "list what waits for a place"),
    Command("group", "aliquot.cli.group", "make several vGPUs for one job, all or none"),
    Command("profile", "aliquot.cli.profile", "make and list named sizes of vGPUs"),
    Command("receipts", "aliquot.cli.receipts", "list where the time of leases that ended went"),
    Command("events", "aliquot.cli.events", "list what happened, or follow what happens"),
    Command("policy", "aliquot.cli.policy", "show or set how a device's time is shared out"),
    Command("token", "aliquot.cli.token", "make, list and revoke tokens for the API"),
    Command("bench", "aliquot.cli.bench", "measure what vGPUs and the daemon cost, and shares"),
    Command("plan", "aliquot.cli.plan", "tell what would serve a queue: devices, MIG or vGPUs"),
    Command("simulate", "aliquot.cli.simulate", "tell what placement policies reach on a trace"),
    Command("doctor", "aliquot.cli.doctor", "tell what is wrong here and what mends it"),
    Command("setup", "aliquot.cli.setup", "install the service, completions and the man page"),
    Command("backup", "aliquot.cli.backup", "write the state into one file, while it is in use"),
    Command("restore", "aliquot.cli.restore", "put a backup in place of the state"),
    Command(
        "audit", "aliquot.cli.audit", "list who did what, or verify that none of it is altered"
    ),
    Command("completion", "aliquot.cli.completion", "print completion for bash, zsh or fish"),
)


def find_command(name: str) -> Command | None:
    """The command of this name."""
    return next((command for command in COMMANDS if command.name == name), None)


def overview() -> str:
    """What `aliquot --help` prints."""
    width = max(len(command.name) for command in COMMANDS)
    lines = [
        "usage: aliquot COMMAND [OPTIONS]",
        "",
        "Divides physical GPUs into virtual GPUs and runs unmodified programs on them.",
        "",
        "commands:",
        *(f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS),
        "",
        "options:",
        "  -h, --help     this text; after a command, that command's own",
        "  -V, --version  the version",
        "",
        "example:",
        "  aliquot run --memory 2GiB -- clinfo",
        "",
        "exit status: 0 success, 1 a problem was found (doctor, bench, audit, create",
        "--dry-run), 2 an error that the line on stderr names by its code; `aliquot run` and",
        "`aliquot exec` end with their command's own exit status.",
        "",
    ]
    return "\n".join(lines)

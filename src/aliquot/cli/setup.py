"""`aliquot setup`: the daemon as a service, completions and the man page."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence

from aliquot.cli.parser import Parser, add_json
from aliquot.errors import EXIT_PROBLEM, UsageError
from aliquot.service import folders, units
from aliquot.service.installed_file import Found, InstalledFile

_DESCRIPTION = """\
Installs the units by which systemd starts the daemon when somebody first asks it
something, completions for bash, zsh and fish, and the man page: for the machine, or with
--user for you alone. It says each thing that it does, and done again it does nothing.

--remove removes the files that it installed. A file that was changed since, or that lay
there before, stays as it is, and the exit status is 1. vGPUs, leases and the state are not
touched; stopping the daemon ends no program."""


def build_parser() -> Parser:
    """The options of `aliquot setup`."""
    parser = Parser(
        "setup",
        _DESCRIPTION,
        example="aliquot setup --user --dry-run",
        exit_status="0; 1 where a file was left as it is because it isn't ours; 2 for an error.",
    )
    parser.add_argument("--user", action="store_true", help="for you alone, not for the machine")
    parser.add_argument("--remove", action="store_true", help="remove what was installed")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument(
        "--root", metavar="FILE", help="install below this folder, as those who make packages do"
    )
    add_json(parser, "print what was done as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Install or remove."""
    given = build_parser().parse_args(arguments)
    if given.user and given.root is not None:
        raise UsageError("--user and --root exclude each other")
    chosen = folders.of_user() if given.user else folders.of_system(given.root or "/")
    files = list(_files(chosen, user=given.user))
    systemd = _Systemd(user=given.user, here=given.root is None, dry_run=given.dry_run)
    done: list[tuple[str, str]] = []
    if given.remove:
        systemd.disable(files)
        done += [(_remove(file, dry_run=given.dry_run), file.path) for file in files]
    else:
        done += [(_install(file, dry_run=given.dry_run), file.path) for file in files]
    systemd.reload(changed=any(what in ("installed", "replaced", "removed") for what, _ in done))
    if given.json:
        told = {
            "dry_run": given.dry_run,
            "files": [{"path": path, "done": what} for what, path in done],
            "commands": systemd.ran,
        }
        print(json.dumps(told, indent=2))
    else:
        would = "would be " if given.dry_run else ""
        for what, path in done:
            passive = what in ("installed", "replaced", "removed")
            print(f"{path}: {would if passive else ''}{what}")
        for command in systemd.ran:
            print(f"{'would run' if given.dry_run else 'ran'}: {command}")
        if not given.remove and not given.dry_run:
            _print_next(chosen, user=given.user)
    return EXIT_PROBLEM if any(what.startswith("left") for what, _ in done) else 0


def _files(chosen: folders.Folders, *, user: bool) -> Iterator[InstalledFile]:
    from aliquot.cli import completion, manual

    for name in units.NAMES:
        yield InstalledFile(os.path.join(chosen.units, name), units.unit(name, user=user))
    yield InstalledFile(os.path.join(chosen.bash, "aliquot"), completion.bash_script())
    # zsh looks for this very word in the first line.
    first, _, rest = completion.zsh_script().partition("\n")
    yield InstalledFile(os.path.join(chosen.zsh, "_aliquot"), rest, first=first + "\n")
    yield InstalledFile(os.path.join(chosen.fish, "aliquot.fish"), completion.fish_script())
    yield InstalledFile(os.path.join(chosen.manual, "aliquot.1"), manual.page(), comment='.\\"')


def _install(file: InstalledFile, *, dry_run: bool) -> str:
    found = file.found()
    if found is Found.SAME:
        return "is there already"
    if found in (Found.CHANGED, Found.FOREIGN):
        return _left(found)
    if not dry_run:
        file.write()
    return "installed" if found is Found.NOTHING else "replaced"


def _remove(file: InstalledFile, *, dry_run: bool) -> str:
    found = file.found()
    if found is Found.NOTHING:
        return "isn't there"
    if found in (Found.CHANGED, Found.FOREIGN):
        return _left(found)
    if not dry_run:
        file.remove()
    return "removed"


def _left(found: Found) -> str:
    return f"left as it is ({found.value})"


class _Systemd:
    """Tells systemd of its units, where it runs; `ran` are the commands."""

    def __init__(self, *, user: bool, here: bool, dry_run: bool) -> None:
        self._command = ["systemctl", *(["--user"] if user else [])]
        self._runs = here and os.path.isdir("/run/systemd/system")
        self._dry_run = dry_run
        self.ran: list[str] = []

    def disable(self, files: list[InstalledFile]) -> None:
        mine = [
            os.path.basename(file.path)
            for file in files
            if os.path.basename(file.path) in units.NAMES
            and file.found() in (Found.SAME, Found.OURS)
        ]
        if mine:
            self._run("disable", "--now", *mine)

    def reload(self, *, changed: bool) -> None:
        if changed:
            self._run("daemon-reload")

    def _run(self, *arguments: str) -> None:
        if not self._runs:
            return
        command = [*self._command, *arguments]
        self.ran.append(" ".join(command))
        if not self._dry_run:
            # What it has to say it says itself; files are what this is about.
            subprocess.run(command, check=False)


def _print_next(chosen: folders.Folders, *, user: bool) -> None:
    control = "systemctl --user" if user else "systemctl"
    print(f"Next: {control} enable --now aliquot.socket")
    if user:
        print(f"For zsh, before compinit: fpath+=({chosen.zsh})")
        print("To let it run while you are logged out: loginctl enable-linger")

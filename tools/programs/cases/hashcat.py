"""hashcat: finds a five-letter word by its MD5; many kernels, much of the API, its own checks."""

from __future__ import annotations

from pathlib import Path

from tools.programs import fetch
from tools.programs.case import Case, Outcome, failed_runs, lines_that_differ


class Hashcat(Case):
    """hashcat tests each kernel on itself at the start; the word found is printed."""

    name = "hashcat"
    what = "finds a word by its MD5 with hashcat"

    def command(self) -> list[str]:
        program = fetch.debian_program("hashcat")
        mask = "?l?l?l?l?l"
        options = ["-m", "0", "-a", "3", "-D", "1,2", "--force", "--quiet", "--potfile-disable"]
        hashed = "5d41402abc4b2a76b9719d911017c592"
        # A second one at the same time is refused, unless its session has a name of its own.
        own_session = 'exec "$0" --restore-disable --session "aliquot-$$" "$@"'
        return ["sh", "-c", own_session, str(program), *options, hashed, mask]

    def folder(self) -> Path | None:
        # It looks for its kernels beside the program's folder when it is not installed.
        program = fetch.debian_program("hashcat")
        return None if program.is_relative_to("/usr") else program.parents[1] / "share/hashcat"

    def differences(self, native: Outcome, remoted: Outcome) -> list[str]:
        found = failed_runs(native, remoted)
        if ":hello" not in remoted.stdout:
            found.append(f"the word was not found:\n{remoted.tail()}")
        return found + lines_that_differ(native.stdout, remoted.stdout)

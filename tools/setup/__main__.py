"""Command line: `python3 -m tools.setup packages [--tests] | dashboard | build [KIND]`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys

_OLDEST_PYTHON = (3, 11)


def _use_newer_python() -> None:
    """Continues under a newer interpreter where `python3` is too old, or says what is missing."""
    if sys.version_info >= _OLDEST_PYTHON:
        return
    for minor in range(20, 10, -1):
        interpreter = shutil.which("python3.%d" % minor)  # noqa: UP031 (old Pythons read this)
        if interpreter:
            os.execv(interpreter, [interpreter, "-m", "tools.setup", *sys.argv[1:]])
    sys.exit(
        "setup: Aliquot needs Python 3.11 or newer and this is "
        + sys.version.split()[0]
        + "; on Debian 12 or newer: apt-get install python3 python3-venv"
    )


def main() -> int:
    """Runs one step and returns the exit status."""
    _use_newer_python()
    from tools.setup import build, dashboard, packages, report

    parser = argparse.ArgumentParser(prog="python3 -m tools.setup", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("packages", help="virtual environment, compiler, headers, driver")
    step.add_argument("--tests", action="store_true", help="also what the tests need")
    steps.add_parser("dashboard", help="build the dashboard into the package")
    step = steps.add_parser("build", help="compile; kind `release` also installs into .venv")
    step.add_argument("kind", nargs="?", default="release", choices=sorted(build.KINDS))
    arguments = parser.parse_args()
    try:
        if arguments.step == "packages":
            packages.prepare(for_tests=arguments.tests)
        elif arguments.step == "dashboard":
            dashboard.build()
        else:
            build.build(arguments.kind)
    except report.SetupError as error:
        sys.stderr.write(f"setup: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs cases by hand: `python -m tools.programs [--driver D] [--native] [--options …] NAME…`.

Prints, for each case, what differs from native and both times; ends with 1 when something does.
"""

from __future__ import annotations

import argparse
import shlex
import sys

from tools.programs.case import Case
from tools.programs.cases import all_cases, soak_cases
from tools.programs.drivers import Driver, all_drivers
from tools.programs.fetch import CannotFetch
from tools.programs.running import run


def main() -> int:
    """Runs the chosen cases on the chosen drivers."""
    parser = argparse.ArgumentParser(prog="python -m tools.programs", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases; none: all")
    parser.add_argument("--driver", help="pocl or intel; none: each in turn")
    parser.add_argument("--native", action="store_true", help="run natively only, twice")
    parser.add_argument("--options", default="--quiet", help="options of `aliquot run`")
    arguments = parser.parse_args()
    known = {case.name: case for case in [*all_cases(), *soak_cases()]}
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        sys.stderr.write(f"no such case: {' '.join(unknown)}; there are {' '.join(known)}\n")
        return 2
    chosen = arguments.names or [case.name for case in all_cases()]
    wrong = 0
    for driver in all_drivers():
        if arguments.driver in (None, driver.name):
            for name in chosen:
                if driver.name not in known[name].works_on:
                    continue
                wrong += not _one(known[name], driver, arguments.native, arguments.options)
    return min(wrong, 1)


def _one(case: Case, driver: Driver, native_only: bool, options: str) -> bool:
    try:
        native = run(case, driver, remoted=False)
        other = run(case, driver, remoted=not native_only, options=shlex.split(options))
    except CannotFetch as error:
        print(f"{driver.name:6} {case.name:24} not run: {error}")
        return True
    found = case.differences(native, other)
    print(
        f"{driver.name:6} {case.name:24} {'DIFFERS' if found else 'equal':8}"
        f" {native.seconds:7.2f} s {other.seconds:7.2f} s {other.seconds / native.seconds:6.2f}",
        flush=True,
    )
    for difference in found:
        print("    " + difference.replace("\n", "\n    "))
    return not found


if __name__ == "__main__":
    sys.exit(main())

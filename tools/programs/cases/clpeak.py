"""clpeak: measures a device. Its figures vary; which figures it gives, and the device, do not."""

from __future__ import annotations

import re

from tools.programs import fetch
from tools.programs.case import Case, Outcome, failed_runs, lines_that_differ

# "inf": a map on a vGPU can take less than one tick of clpeak's clock.
_FIGURE = re.compile(r"(?<=: )[\d.]+(?= us)|(?<=: )(?:[\d.]+|inf)$", re.MULTILINE)


class Clpeak(Case):
    """One of clpeak's measurements."""

    def __init__(self, name: str, option: str) -> None:
        self.name = f"clpeak-{name}"
        self.what = f"measures {name} with clpeak"
        self._option = option

    def command(self) -> list[str]:
        return [str(fetch.debian_program("clpeak")), self._option]

    def differences(self, native: Outcome, remoted: Outcome) -> list[str]:
        found = failed_runs(native, remoted)
        zero = [f for f in _FIGURE.findall(remoted.stdout) if float(f) <= 0]
        if zero or not _FIGURE.search(remoted.stdout):
            found.append(f"a figure is zero or missing:\n{remoted.tail()}")
        return found + lines_that_differ(
            _FIGURE.sub("#", native.stdout), _FIGURE.sub("#", remoted.stdout)
        )

"""Examples from pyopencl's source archive; each prints how far its result is from numpy's."""

from __future__ import annotations

from pathlib import Path

from tools.programs import fetch
from tools.programs.case import Case, Outcome, failed_runs, lines_that_differ


class PyopenclExample(Case):
    """An example whose output must be equal."""

    def __init__(self, example: str) -> None:
        self.name = f"pyopencl-{example}"
        self.what = f"pyopencl's example {example}"
        self._example = example

    def command(self) -> list[str]:
        return [str(fetch.python_environment()), f"{self._example}.py"]

    def folder(self) -> Path | None:
        return fetch.pyopencl_sources() / "examples"

    def environment(self) -> dict[str, str]:
        return {"PYOPENCL_CTX": "0"}

    def differences(self, native: Outcome, remoted: Outcome) -> list[str]:
        return failed_runs(native, remoted) or lines_that_differ(native.stdout, remoted.stdout)

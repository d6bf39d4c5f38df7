"""The tenant program of `aliquot bench fairness` refuses options that it can't measure with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.contract.device_host_process import find_program

GOOD = {"--iterations": "100", "--seconds": "1"}


@pytest.mark.parametrize(
    "bad",
    [
        {"--pattern": "steadily"},
        {"--queue": "sideways"},
        {"--items": "0"},
        {"--items": "65"},
        {"--items": "262208"},
        {"--processes": "0"},
        {"--processes": "65"},
        {"--kernel-us": "0"},
        {"--kernel-us": "nan"},
        {"--seconds": "0"},
        {"--seconds": "-1"},
        {"--seconds": "3601"},
        {"--seconds": "nan"},
        {"--gap-us": "0"},
        {"--iterations": "0"},
        {"--iterations": "many"},
    ],
    ids=lambda bad: " ".join(*bad.items()),
)
def test_bad_options_are_refused(bad: dict[str, str], tmp_path: Path) -> None:
    options = GOOD | {"--out": str(tmp_path / "out")} | bad
    done = run(*(word for option in options.items() for word in option))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("aliquot-fairness-tenant: bad options: ")
    assert not (tmp_path / "out").exists()


def test_it_measures_nothing_without_a_file_to_write() -> None:
    assert run("--iterations", "100").returncode == 1
    assert run("--unknown").returncode == 2


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """Runs the program, which ends before it looks for a driver."""
    command = [str(find_program("aliquot-fairness-tenant")), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

"""Drivers that are missing or bad, on the real stack: said in one sentence, never replaced unasked.

The worker that asks the drivers is the real one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.absent import absent
from tests.folders import make_short_folder, remove_folder
from tools.programs.drivers import all_drivers

Cli = Callable[..., subprocess.CompletedProcess[str]]


def missing(folder: Path) -> Path:
    return folder / "libnothing.so"


def no_driver(folder: Path) -> Path:
    return library(folder, "libodd.so", "int odd(void) { return 1; }")


def no_library(folder: Path) -> Path:
    path = folder / "libtext.so"
    path.write_text("this is no library\n")
    return path


def crashing(folder: Path) -> Path:
    code = "#include <stdlib.h>\n__attribute__((constructor)) static void load(void) { abort(); }"
    return library(folder, "libcrash.so", code)


def library(folder: Path, name: str, code: str) -> Path:
    path = folder / name
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)]
    subprocess.run(command, input=code, text=True, check=True)
    return path


BAD = {
    missing: "there is no such file",
    no_driver: "it has no clIcdGetPlatformIDsKHR",
    no_library: "can't be loaded",
    crashing: "crashed with signal 6",
}
bad_drivers = pytest.mark.parametrize(
    ("make", "reason"), BAD.items(), ids=[make.__name__ for make in BAD]
)


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    folder = make_short_folder()
    ambient = {n: value for n, value in os.environ.items() if not n.startswith("OCL_ICD")}
    ambient |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "ALIQUOT_RUNTIME_DIR": str(folder)}

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "aliquot.cli", *arguments],
            env={**ambient, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    yield run
    remove_folder(folder)


@bad_drivers
@pytest.mark.parametrize("way", ["library", "icd-file", "directory", "file-names"])
def test_a_chosen_driver_is_not_replaced(
    tmp_path: Path, cli: Cli, make: Callable[[Path], Path], reason: str, way: str
) -> None:
    bad = make(tmp_path)
    vendors = tmp_path / "vendors"
    vendors.mkdir()
    (vendors / "bad.icd").write_text(f"{bad}\n")
    variable = "OCL_ICD_FILENAMES" if way == "file-names" else "OCL_ICD_VENDORS"
    value = {"icd-file": vendors / "bad.icd", "directory": vendors}.get(way, bad)
    for _ in range(2):  # asked, and remembered
        done = cli("run", "--", "true", **{variable: str(value)})
        assert done.returncode == 2, done
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"aliquot: ALQ-E216: {variable}={value} names no usable driver")
        assert str(bad) in line
        assert reason in line


def test_a_missing_icd_file_is_not_passed_over(tmp_path: Path, cli: Cli) -> None:
    done = cli("run", "--", "true", OCL_ICD_VENDORS=str(tmp_path / "none.icd"))
    assert done.returncode == 2
    assert "ALQ-E216" in done.stderr
    assert "names no driver" in done.stderr


@bad_drivers
def test_a_bad_driver_beside_a_good_one_is_told(
    tmp_path: Path, cli: Cli, make: Callable[[Path], Path], reason: str
) -> None:
    good = all_drivers()
    if not good:
        absent("no OpenCL driver is on this machine")
    bad = make(tmp_path)
    vendors = tmp_path / "vendors"
    vendors.mkdir()
    (vendors / "a.icd").write_text(f"{bad}\n")
    (vendors / "b.icd").write_text(f"{good[0].library}\n")
    done = cli("run", "--", "true", OCL_ICD_VENDORS=str(vendors))
    assert done.returncode == 0, done.stderr
    warning, slice_line = done.stderr.splitlines()
    assert warning.startswith(f"aliquot: warning: ALQ-E205: {bad}, named in {vendors / 'a.icd'}: ")
    assert reason in warning
    assert slice_line.startswith("aliquot: vGPU true-")
    assert cli("run", "--quiet", "--", "true", OCL_ICD_VENDORS=str(vendors)).stderr == ""
    findings = json.loads(cli("doctor", "--json", OCL_ICD_VENDORS=str(vendors)).stdout)["findings"]
    (told,) = [finding for finding in findings if finding["subject"] == str(bad)]
    assert told["level"] == "weak"
    assert reason in told["text"]


def test_doctor_tells_that_the_choice_is_bad(tmp_path: Path, cli: Cli) -> None:
    bad = no_driver(tmp_path)
    done = cli("doctor", "--json", OCL_ICD_VENDORS=str(bad))
    assert done.returncode == 1
    findings = json.loads(done.stdout)["findings"]
    drivers = [finding for finding in findings if finding["area"] == "drivers"]
    (broken,) = [finding for finding in drivers if finding["level"] == "broken"]
    if any(finding["level"] == "ok" for finding in drivers):
        assert f"OCL_ICD_VENDORS={bad}" in broken["text"]

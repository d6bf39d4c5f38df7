"""The package for guest VMs: what is in it, and where its script puts that."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.absent import absent
from tools.guest_package.package import write

_PROGRAM = "usr/lib/aliquot-guest"
_INSTALLED = {
    f"{_PROGRAM}/aliquot-guest",
    f"{_PROGRAM}/libaliquot-opencl.so",
    f"{_PROGRAM}/README",
    "etc/OpenCL/vendors/aliquot.icd",
    "etc/systemd/system/aliquot-guest.service",
    "etc/udev/rules.d/60-aliquot-guest.rules",
}


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package with stand-ins for the native programs, unpacked."""
    native = tmp_path / "native"
    native.mkdir()
    for name in ("aliquot-guest", "libaliquot-opencl.so"):
        (native / name).write_text(f"#!/bin/sh\n# {name}\n")
        (native / name).chmod(0o755)
    monkeypatch.setenv("ALIQUOT_NATIVE_DIR", str(native))
    package = write(tmp_path / "made", "1.2.3")
    assert package.name.startswith("aliquot-guest-1.2.3-")
    assert write(tmp_path / "again", "1.2.3").read_bytes() == package.read_bytes()
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "-xf", package, "-C", tmp_path / "unpacked"], check=True)
    (top,) = (tmp_path / "unpacked").iterdir()
    return top


def _install(unpacked: Path, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [unpacked / "install.sh", *arguments],
        env=os.environ | {"DESTDIR": str(root)},
        capture_output=True,
        text=True,
    )


def _files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_it_is_installed_twice_and_removed(unpacked: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for _ in range(2):
        done = _install(unpacked, root)
        assert (done.returncode, done.stderr) == (0, "")
        assert _files(root) == _INSTALLED
    loaded = (root / "etc/OpenCL/vendors/aliquot.icd").read_text().strip()
    assert (root / loaded.lstrip("/")).is_file()
    assert os.access(root / _PROGRAM / "aliquot-guest", os.X_OK)
    assert _install(unpacked, root, "--remove").returncode == 0
    assert _files(root) == set()
    assert _install(unpacked, root, "--nonsense").returncode == 2


def test_systemd_takes_the_unit(unpacked: Path, tmp_path: Path) -> None:
    """Its own checker finds nothing to say, but that the program isn't on this machine."""
    checker = shutil.which("systemd-analyze")
    if checker is None:
        absent("systemd-analyze is not here")
    unit = tmp_path / "aliquot-guest.service"
    text = (unpacked / "aliquot-guest.service").read_text()
    unit.write_text(text.replace("/usr/lib/aliquot-guest/aliquot-guest", "/bin/true"))
    done = subprocess.run([checker, "verify", unit], capture_output=True, text=True)
    assert (done.returncode, [s for s in done.stderr.splitlines() if unit.name in s]) == (0, [])

"""The virtual environment `.venv` and the Python packages in it."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from typing import Any

from tools.setup import debian
from tools.setup.report import ROOT, VENV, SetupError, run, say, succeeds

_PIP = VENV / "bin/pip"
_EVERY_DAY = ("dev", "test")


def ensure() -> None:
    """Makes `.venv` with the project's dependencies, those for development and those of tests."""
    if not succeeds([VENV / "bin/python", "-c", "import pip"]):
        _create()
    project = _project()
    wanted = list(project["project"]["dependencies"])
    for extra in _EVERY_DAY:
        wanted += project["project"]["optional-dependencies"][extra]
    _install(wanted, "everyday")


def install_extra(name: str) -> None:
    """Installs the packages of one extra of pyproject.toml, without the project itself."""
    _install(_project()["project"]["optional-dependencies"][name], name)


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _create() -> None:
    if not succeeds([sys.executable, "-c", "import ensurepip, venv"]):
        if not debian.can_install():
            raise SetupError(
                "this Python cannot make virtual environments; "
                "ask an administrator to run: apt-get install python3-venv"
            )
        debian.install(["python3-venv"])
    say("making .venv")
    run([sys.executable, "-m", "venv", "--clear", VENV], why="make .venv")


def _install(requirements: list[str], name: str) -> None:
    """Installs requirements, unless exactly these were installed before."""
    mark = VENV / f".installed-{name}"
    digest = hashlib.sha256("\n".join(sorted(requirements)).encode()).hexdigest()
    if mark.exists() and mark.read_text() == digest:
        return
    say(f"installing Python packages ({name})")
    run([_PIP, "install", "-q", *requirements], why="install Python packages")
    mark.write_text(digest)

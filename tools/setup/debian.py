"""Debian packages: installed where root allows, unpacked into a folder where not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tools.setup.report import SetupError, run, say, succeeds

_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
_PATIENT = ("-o", "Acquire::Retries=5")  # a mirror that stumbles is asked again
_DOWNLOAD_SECONDS = 600  # the kernel's source is 140 MB
_lists_updated = False


def can_install() -> bool:
    """Whether packages can be installed: root, on a Debian-like system."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def missing(names: Iterable[str]) -> list[str]:
    """Those of the packages that are not installed."""
    return [name for name in names if not succeeds(["dpkg", "-s", name])]


def install(names: Iterable[str]) -> None:
    """Installs what is missing; raises SetupError when that fails."""
    wanted = missing(names)
    if not wanted:
        return
    _update_lists()
    say(f"installing Debian packages: {' '.join(wanted)}")
    run(
        ["apt-get", *_PATIENT, "install", "-y", "-qq", "--no-install-recommends", *wanted],
        why="install Debian packages",
        environment=_environment(),
    )


def install_what_exists(names: Iterable[str]) -> list[str]:
    """Like install, for optional packages; returns those not to be had."""
    names = list(names)
    try:
        install(names)  # at once: much quicker than one after another
        return []
    except SetupError:
        say("not all of them at once; one after another")
    absent = []
    for name in names:
        try:
            install([name])
        except SetupError:
            absent.append(name)
    return absent


def unpack(name: str, folder: Path) -> bool:
    """Downloads one package as any user and unpacks it into `folder`; False where that can't be."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return False
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        if not _download(name, place):
            return False
        files = sorted(place.glob("*.deb"))
        if not files:
            return False
        folder.mkdir(parents=True, exist_ok=True)
        return succeeds(["dpkg-deb", "-x", files[0], folder])


def _download(name: str, place: Path) -> bool:
    inside = f'cd "{place}" && exec apt-get -qq'
    if succeeds(["sh", "-c", f"{inside} download {name}"], seconds=_DOWNLOAD_SECONDS):
        return True
    # No package lists on this machine: fetch lists of our own, which needs no root.
    for folder in ("lists/partial", "cache/archives/partial"):
        (place / folder).mkdir(parents=True)
    own = f"-o Dir::State::Lists={place}/lists -o Dir::Cache={place}/cache"
    return succeeds(["sh", "-c", f"{inside} {own} update"], seconds=300) and succeeds(
        ["sh", "-c", f"{inside} {own} download {name}"], seconds=_DOWNLOAD_SECONDS
    )


def _update_lists() -> None:
    global _lists_updated
    if _lists_updated:
        return
    say("updating Debian's package lists")
    run(
        ["apt-get", *_PATIENT, "update", "-qq"],
        why="update package lists",
        environment=_environment(),
    )
    _lists_updated = True


def _environment() -> Mapping[str, str]:
    return os.environ | _QUIET

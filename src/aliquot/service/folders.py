"""Where systemd, shells and man look for what was not installed by the distribution."""

from __future__ import annotations

import os
from typing import NamedTuple

from aliquot import environment


class Folders(NamedTuple):
    """The folders of the machine, or of one user."""

    units: str
    bash: str
    zsh: str
    fish: str
    manual: str


def of_system(root: str = "/") -> Folders:
    """Those of the machine, below `root`."""
    share = os.path.join(root, "usr/local/share")
    return Folders(
        units=os.path.join(root, "etc/systemd/system"),
        bash=os.path.join(share, "bash-completion/completions"),
        zsh=os.path.join(share, "zsh/site-functions"),
        fish=os.path.join(share, "fish/vendor_completions.d"),
        manual=os.path.join(share, "man/man1"),
    )


def of_user() -> Folders:
    """Those of this user. zsh has no such folder; it is told to whoever sets up."""
    config = _base(environment.XDG_CONFIG_HOME, "~/.config")
    data = _base(environment.XDG_DATA_HOME, "~/.local/share")
    return Folders(
        units=os.path.join(config, "systemd/user"),
        bash=os.path.join(data, "bash-completion/completions"),
        zsh=os.path.join(data, "zsh/site-functions"),
        fish=os.path.join(config, "fish/completions"),
        manual=os.path.join(data, "man/man1"),
    )


def _base(variable: environment.Variable, usual: str) -> str:
    chosen = variable.get()
    return chosen if chosen and os.path.isabs(chosen) else os.path.expanduser(usual)

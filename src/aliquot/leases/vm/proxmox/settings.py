"""Where Proxmox VE is, and with which token it is asked: from files and the environment alone."""

from __future__ import annotations

import os
import re
import socket
import stat
from typing import NamedTuple

from aliquot import environment
from aliquot.errors import BadHypervisorToken, NoHypervisor
from aliquot.leases.vm.naming import printable
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

ROOT_CA = "/etc/pve/pve-root-ca.pem"
_MOST_BYTES = 4096
_TOKEN = re.compile(
    r"([^\s!=:]{1,64}@[A-Za-z][\w.-]{0,31})!([A-Za-z][\w.-]{0,63})=([\w-]{1,128})", re.ASCII
)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Token(NamedTuple):
    """An API token. It is never printed: only `name` is told of it."""

    user: str
    name: str
    secret: str

    def __repr__(self) -> str:
        return f"<token {self.user}!{self.name}>"

    __str__ = __repr__


class Settings(NamedTuple):
    """A Proxmox VE, and how this machine is called in it."""

    host: str
    token: Token
    ca: str | None  # None: the machine's own certificates
    node: str


def settings() -> Settings:
    """What the environment says; raises NoHypervisor, BadHypervisorToken."""
    host = environment.PROXMOX.get()
    if host is None:
        raise refusal(
            NoHypervisor,
            Why.HYPERVISOR_LACKS,
            hypervisor="Proxmox VE",
            what=environment.PROXMOX.name,
        )
    ca = environment.PROXMOX_CA.get() or (ROOT_CA if os.path.exists(ROOT_CA) else None)
    node = environment.PROXMOX_NODE.get() or socket.gethostname().partition(".")[0]
    return Settings(host, _token(), ca, node)


def _token() -> Token:
    path = environment.PROXMOX_TOKEN_FILE.get()
    if path is not None:
        return parsed(_secret_in(path), printable(path))
    told = environment.PROXMOX_TOKEN.get()
    if told is None:
        raise refusal(
            NoHypervisor,
            Why.HYPERVISOR_LACKS,
            hypervisor="Proxmox VE",
            what=environment.PROXMOX_TOKEN_FILE.name,
        )
    return parsed(told, environment.PROXMOX_TOKEN.name)


def parsed(text: str, source: str) -> Token:
    """The token in a text, of which nothing is told where it is none."""
    found = _TOKEN.fullmatch(text.strip().removeprefix("PVEAPIToken="))
    if found is None:
        raise refusal(BadHypervisorToken, Why.NO_CREDENTIAL, source=source)
    return Token(found[1], found[2], found[3])


def _secret_in(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & _OTHERS:
                raise refusal(BadHypervisorToken, Why.OTHERS_MAY_READ, path=printable(path))
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise refusal(
            BadHypervisorToken,
            Why.UNREADABLE,
            path=printable(path),
            error=error.strerror or "",
        ) from error

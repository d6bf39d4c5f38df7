"""Calls to Proxmox VE's API by proxmoxer: answers checked, errors ours, tasks awaited."""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from aliquot.errors import (
    HypervisorMisspoke,
    HypervisorRefused,
    HypervisorUnreachable,
    NoHypervisor,
)
from aliquot.leases.vm.naming import printable
from aliquot.leases.vm.proxmox.settings import Settings
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

T = TypeVar("T")

ANSWER_SECONDS = 10.0
MOST_BYTES = 4 << 20  # of an answer, unpacked
TASK_SECONDS = 40.0
_FIRST_LOOK_SECONDS, _LOOK_SECONDS = 0.05, 0.5
_NAME = "Proxmox VE"
_NODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_UPID = re.compile(r"UPID:([A-Za-z0-9-]{1,63}):[0-9A-Fa-f]{8,}:[!-~]{1,400}", re.ASCII)
_GONE = re.compile(r"does not exist", re.I)
_CHANGED = re.compile(r"detected modified configuration", re.I)


class NotThere(HypervisorRefused):
    """What was asked for doesn't exist."""


class ChangedMeanwhile(HypervisorRefused):
    """Somebody else changed the configuration since it was read."""


class _Task(msgspec.Struct):
    status: str
    exitstatus: str = ""


class Api:
    """A Proxmox VE. `root` is proxmoxer's object, of which attributes are parts of a path."""

    def __init__(
        self,
        settings: Settings,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        task_seconds: float = TASK_SECONDS,
    ) -> None:
        """Nothing is sent before something is asked; raises NoHypervisor without proxmoxer."""
        try:
            proxmoxer: Any = importlib.import_module("proxmoxer")
            self._requests: Any = importlib.import_module("requests")
        except ImportError as error:
            raise refusal(
                NoHypervisor, Why.HYPERVISOR_LACKS, hypervisor=_NAME, what="proxmoxer, requests"
            ) from error
        self._faults: tuple[type[Exception], ...] = (
            proxmoxer.ResourceException,
            proxmoxer.AuthenticationError,
        )
        self._task_seconds = task_seconds
        self._answer_seconds = answer_seconds
        token = settings.token
        self.node = checked_node(settings.node)
        self.root: Any = proxmoxer.ProxmoxAPI(
            settings.host,
            user=token.user,
            token_name=token.name,
            token_value=token.secret,
            verify_ssl=settings.ca or True,
            timeout=answer_seconds,
        )
        # requests calls it before it reads an answer; proxmoxer has no other way to its session.
        self.root._store["session"].hooks["response"].append(_bound)

    @property
    def here(self) -> Any:
        """What is under this machine's node."""
        return self.root.nodes(self.node)

    def ask(self, work: Callable[[Any], object], kind: type[T]) -> T:
        """What a call answers, as what it should be; raises VmErrors."""
        try:
            return msgspec.convert(self._asked(work), kind, strict=False)
        except (msgspec.ValidationError, RecursionError) as error:
            raise garbled(str(error)) from error

    def do(self, work: Callable[[Any], object]) -> None:
        """Call, and where it begins a task await that; raises HypervisorRefused if that fails."""
        answer = self._asked(work)
        if answer is None:
            return
        if not isinstance(answer, str) or (found := _UPID.fullmatch(answer)) is None:
            raise garbled("a task without a number")
        self._await(found[1], answer)

    def _await(self, node: str, task: str) -> None:
        until = time.monotonic() + self._task_seconds
        pause = _FIRST_LOOK_SECONDS
        while True:
            # The path's parts go to proxmoxer as a list: a slash in them would make two.
            now = self.ask(lambda root: root.nodes(node).tasks([task]).status.get(), _Task)
            if now.status == "stopped":
                break
            if time.monotonic() >= until:
                raise self._silent(self._task_seconds)
            time.sleep(pause)
            pause = min(2 * pause, _LOOK_SECONDS)
        if now.exitstatus != "OK" and not now.exitstatus.startswith("WARNINGS:"):
            raise refusal(HypervisorRefused, Why.PROXMOX_TASK, error=printable(now.exitstatus))

    def _asked(self, work: Callable[[Any], object]) -> object:
        fault = self._requests.exceptions
        try:
            answer = work(self.root)
        except self._faults as error:
            raise _refused(error) from error
        except fault.Timeout as error:
            raise self._silent(self._answer_seconds) from error
        except (fault.RequestException, OSError) as error:
            raise refusal(
                HypervisorUnreachable, Why.HYPERVISOR_AWAY, hypervisor=_NAME, error=_cause(error)
            ) from error
        # What isn't JSON, or none with data, proxmoxer passes on or stumbles over.
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise garbled(str(error)) from error
        if isinstance(answer, dict) and isinstance(answer.get("errors"), bytes):  # type: ignore[union-attr]
            raise garbled("no JSON")
        return answer  # type: ignore[return-value]

    def _silent(self, seconds: float) -> HypervisorUnreachable:
        return refusal(
            HypervisorUnreachable, Why.HYPERVISOR_SILENT, hypervisor=_NAME, seconds=seconds
        )


def checked_node(name: str) -> str:
    """A node's name, which becomes a part of paths; raises HypervisorMisspoke."""
    if not _NODE.fullmatch(name):
        raise garbled(f"{name!r} for a node")
    return name


def garbled(what: str) -> HypervisorMisspoke:
    """What is said where Proxmox VE's answer can't be used."""
    return refusal(
        HypervisorMisspoke, Why.HYPERVISOR_GARBLED, hypervisor=_NAME, error=printable(what)
    )


def _bound(answer: Any, *_: object, **__: object) -> None:
    """Have no more read of an answer than one can have."""
    pieces = answer.raw.stream

    def stream(*words: Any, **more: Any) -> Iterator[bytes]:
        left = MOST_BYTES
        for piece in pieces(*words, **more):
            left -= len(piece)
            if left < 0:
                answer.close()
                raise garbled("an answer too large")
            yield piece

    answer.raw.stream = stream


def _refused(error: Exception) -> HypervisorRefused:
    words = printable(error)
    kind: type[HypervisorRefused] = HypervisorRefused
    if _CHANGED.search(words):
        kind = ChangedMeanwhile
    elif getattr(error, "status_code", 0) == 404 or _GONE.search(words):
        kind = NotThere
    return refusal(kind, Why.HYPERVISOR_SAYS, hypervisor=_NAME, error=words)


def _cause(error: Exception) -> str:
    """The last reason of a chain, which is the one that says something."""
    inner: BaseException = error
    for _ in range(8):
        reason = getattr(inner, "reason", None) or inner.__cause__ or inner.__context__
        if not isinstance(reason, BaseException):
            break
        inner = reason
    return printable(inner)

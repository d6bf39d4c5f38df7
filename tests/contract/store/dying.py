"""A process that writes and is killed: a fork of the test, so that it is there at once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import NoReturn

from sqlalchemy import event

from aliquot.errors import AliquotError
from aliquot.model.lease import Holder, LeaseKind
from aliquot.model.lifecycle import VgpuState
from aliquot.store import Location, Store, leases, lifecycle, queue, vgpus
from tests.contract.store.places import DEVICE, GIB, NODE, OTHER, spec

# By child: where it makes temporary files, which it can't remove when it is killed.
_scratch: dict[int, str] = {}


def forked(work: Callable[[], None]) -> int:
    """Run `work` in a child; returns its number."""
    scratch = tempfile.mkdtemp(prefix="aliquot-dying-")
    child = os.fork()
    if child:
        _scratch[child] = scratch
        return child
    tempfile.tempdir = scratch
    try:
        work()
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
        os._exit(1)
    os._exit(0)


def ended_by(child: int) -> int:
    """Wait for a child; the signal that killed it, or minus its exit status."""
    _, status = os.waitpid(child, 0)
    shutil.rmtree(_scratch.pop(child), ignore_errors=True)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def write_until_killed(where: Location, seed: int, acknowledge: int) -> NoReturn:
    """Make all kinds of changes; after each, say the number of its last event."""
    chance = random.Random(seed)
    with Store.open(where, NODE) as store:
        store.watch(lambda happened: _say(acknowledge, happened[-1].sequence))
        os.write(acknowledge, b"open\n")
        number = 0
        while True:
            number += 1
            try:
                _change(store, chance, f"v{seed}-{number}")
            except AliquotError:
                continue


def _say(acknowledge: int, newest: int) -> None:
    os.write(acknowledge, b"%d\n" % newest)


def _change(store: Store, chance: random.Random, name: str) -> None:
    with store.change("writer") as change:
        living = vgpus.listed(change)
        if len(living) < 5 or chance.random() < 0.3:
            device = chance.choice((DEVICE, OTHER, None))
            wanted = spec(chance.randint(1, 4) * GIB, chance.randint(0, 2000))
            made = vgpus.create(change, name, "alice", wanted, device=device)
            if device:
                lifecycle.transition(change, made.id, VgpuState.READY)
                leases.begin(change, made.id, "alice", LeaseKind.PROCESS, Holder(), enforced=False)
            else:
                queue.enter(change, made.id)
        else:
            chosen = chance.choice(living).id
            for lease in leases.listed(change, vgpu=chosen):
                leases.release(change, lease.id)
            lifecycle.transition(change, chosen, VgpuState.DELETED)


def die_at_statement(store: Store, number: int, work: Callable[[], None]) -> None:
    """Do `work`, and be killed just before its statement of this number, commits counted too."""
    left = number

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store.engine, "before_cursor_execute", count)
    event.listen(store.engine, "commit", count)
    work()

"""What `aliquot bench daemon` measures, and the bars that hold."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

CREATE_MS = {100: 50.0, 2000: 100.0}  # by how many vGPUs are there
LIST_MS = 100.0
WATCHERS = 200
IDLE_MB = 90.0
IDLE_PERCENT = {0: 1.0, 200: 2.0}  # of a core, by how many vGPUs are there
RUN_MS = 250.0


class Kind(Enum):
    """What is done in a case."""

    IDLE = "idle"
    CREATE = "create"
    LIST = "list"
    WATCH = "watch"
    RUN = "run"


class Case(NamedTuple):
    """A case by its name: what is done with so many vGPUs there, in words as well."""

    name: str
    kind: Kind
    there: int
    what: str
    on_device: bool = False  # it wants a device that a driver offers, not a simulated one


# In this order: the vGPUs of one stay there for the next.
CASES = (
    Case("idle-0", Kind.IDLE, 0, "a daemon without vGPUs is idle"),
    Case("create-100", Kind.CREATE, 100, "vGPUs are made, one after another, with 100 there"),
    Case("idle-200", Kind.IDLE, 200, "a daemon with 200 vGPUs is idle"),
    Case("create-2000", Kind.CREATE, 2000, "vGPUs are made, one after another, with 2,000 there"),
    Case("list-2000", Kind.LIST, 2000, "2,000 vGPUs are listed"),
    Case("watchers", Kind.WATCH, 0, "200 watch while vGPUs are made"),
    Case("device-host", Kind.CREATE, 100, "vGPUs are made at a device host, with 100 there", True),
    Case("run", Kind.RUN, 0, "'aliquot run -- true', with a daemon and without", True),
)


class Lengths(NamedTuple):
    """How much is measured."""

    made: int  # vGPUs, for a percentile
    lists: int
    idle_seconds: float
    runs: int


FULL = Lengths(made=400, lists=20, idle_seconds=30.0, runs=15)
SHORT = Lengths(made=200, lists=10, idle_seconds=8.0, runs=5)

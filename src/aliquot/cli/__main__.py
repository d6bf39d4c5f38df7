"""The program `aliquot`; also `python -m aliquot.cli`, for where the package isn't installed."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

from aliquot.cli import main

# Of `aliquot run`'s 250 ms the collector would take 10, in search of garbage among what was just
# imported. For commands that last this bound is no burden.
_NEW_OBJECTS = 50_000
# They wait for a command of others, and when that has ended nobody should wait for them: they leave
# without the interpreter's clearing up, another 10 ms.
_LEAVE_AT_ONCE = (["run"], ["exec"])


def program() -> NoReturn:
    """Run one command, and end with its exit status."""
    gc.set_threshold(_NEW_OBJECTS)
    status = main()
    if sys.argv[1:2] in _LEAVE_AT_ONCE:
        for stream in (sys.__stdout__, sys.__stderr__):
            with suppress(OSError):  # nobody is there to be told
                if stream is not None:  # it was closed
                    stream.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    program()

"""Turns every way to fail into one line on stderr and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from aliquot.errors import EXIT_PROBLEM, AliquotError, IncompatibleDriver

EXIT_INTERRUPTED = 130


def guarded(command: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run a command with its arguments; returns the exit status, whatever happens."""
    try:
        status = command(arguments)
        print(end="", flush=True)  # there may be no stdout, where it was closed
    except AliquotError as error:
        report(error, as_json=wants_json(arguments))
        return error.exit_status
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; keep Python from saying so at its exit.
        if sys.__stdout__ is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
        return EXIT_PROBLEM
    return status


def wants_json(arguments: list[str]) -> bool:
    """Whether --json was among our own options (and not among those of a command to run)."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in own


def warn(about: str, as_json: bool) -> None:
    """Print a driver that can't be used, as one line on stderr; others are used none the less."""
    if as_json:
        import json

        print(
            json.dumps({"warning": {"code": IncompatibleDriver.code, "what": about}}),
            file=sys.stderr,
        )
        return
    line = "".join(c if c.isprintable() else "?" for c in " ".join(about.split()))
    print(f"aliquot: warning: {IncompatibleDriver.code}: {line}", file=sys.stderr)


def report(error: AliquotError, *, as_json: bool = False) -> None:
    """Print an error as one line on stderr."""
    if as_json:
        import json

        print(json.dumps({"error": error.as_dict()}), file=sys.stderr)
        return
    line = " ".join(str(error).split())
    print(f"aliquot: {error.code}: {line}", file=sys.stderr)

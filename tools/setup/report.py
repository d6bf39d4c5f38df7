"""What setup says, and how it runs other programs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
BUILD = ROOT / "build"


class SetupError(Exception):
    """Something that setup can't mend; the text is one sentence with the command that can."""


def say(text: str) -> None:
    """One line of progress on standard error."""
    sys.stderr.write(f"setup: {text}\n")
    sys.stderr.flush()


def run(
    command: Sequence[str | Path],
    *,
    why: str,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> None:
    """Runs a program to its end. Its output is shown only when it fails, then raises SetupError.

    `why` completes the sentence "could not …".
    """
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise SetupError(f"could not {why}: `{' '.join(words)}` ended with {done.returncode}")


def succeeds(command: Sequence[str | Path], *, seconds: float = 60) -> bool:
    """Whether a program runs and ends with status 0 in that time; its output is dropped."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0

"""A program that is run to its end, with bounds to what it may say and how long it may take."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_PIECE_BYTES = 64 << 10


class Ended(NamedTuple):
    """How it ended, and what it said on standard output and standard error."""

    status: int
    said: bytes
    errors: bytes


class SaidTooMuch(Exception):
    """It was ended in the midst of saying more than it may."""


def run(
    arguments: Sequence[str],
    *,
    text: bytes,
    seconds: float,
    most_bytes: int,
    variables: Mapping[str, str],
) -> Ended:
    """Run it with `text` as its standard input; `most_bytes` bounds each of its two outputs.

    Raises SaidTooMuch, TimeoutError, or OSError where it can't be started. It has ended then.
    """
    # Memory that can be read at any pace: nobody has to feed a pipe while the program talks.
    given = os.memfd_create("text", os.MFD_CLOEXEC)
    try:
        with open(given, "wb", closefd=False) as file:
            file.write(text)
        os.lseek(given, 0, os.SEEK_SET)
        process = subprocess.Popen(
            arguments,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
            start_new_session=True,  # so that what it starts can be ended with it
        )
    finally:
        os.close(given)
    try:
        return _heard(process, time.monotonic() + seconds, most_bytes)
    finally:
        _end(process)


def _heard(process: subprocess.Popen[bytes], until: float, most_bytes: int) -> Ended:
    outputs = [pipe.fileno() for pipe in (process.stdout, process.stderr) if pipe is not None]
    heard = {output: bytearray() for output in outputs}
    with selectors.DefaultSelector() as selector:
        for output in outputs:
            selector.register(output, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(_left(until)):
                piece = os.read(key.fd, _PIECE_BYTES)
                if not piece:
                    selector.unregister(key.fd)
                heard[key.fd] += piece
                if len(heard[key.fd]) > most_bytes:
                    raise SaidTooMuch
    try:
        status = process.wait(_left(until))
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    said, errors = (bytes(heard[output]) for output in outputs)
    return Ended(status, said, errors)


def _left(until: float) -> float:
    """The seconds until then; raises TimeoutError where there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:  # nobody has waited for it, so its number is its own still
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()

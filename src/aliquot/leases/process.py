"""Runs a command as a child: its signals, its stopping and its exit status are its own.

The child stays in our process group, so that what the terminal sends (Ctrl-C, Ctrl-Z, hang-up)
reaches it without us. What another process sends to us alone is passed on.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping, Sequence

from aliquot.errors import CommandNotExecutable, CommandNotFound

_PASSED_ON = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTSTP,
    signal.SIGCONT,
)
# Python ignores these for itself; a program expects to be ended by them.
_RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end; its exit status, or 128 plus the signal that killed it.

    Raises CommandNotFound or CommandNotExecutable. For the main thread only: while it runs,
    signals are waited for and not handled.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    waited: set[int] = {*_PASSED_ON, signal.SIGCHLD}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    try:
        return _wait(_spawn(command, environment, mask), waited)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _spawn(command: Sequence[str], environment: Mapping[str, str], mask: Iterable[int]) -> int:
    try:
        return os.posix_spawnp(
            command[0], list(command), environment, setsigmask=mask, setsigdef=_RESTORED
        )
    except (FileNotFoundError, NotADirectoryError):
        raise CommandNotFound(f"there is no command {command[0]!r}") from None
    except ValueError as error:
        raise CommandNotFound(f"{command[0]!r} can't be a command ({error})") from None
    except OSError as error:
        raise CommandNotExecutable(f"{command[0]!r} can't be executed ({error.strerror})") from None


def _wait(child: int, waited: set[int]) -> int:
    while True:
        # SIGCHLD is blocked, so an end between this and the wait is not lost.
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        came = signal.sigwaitinfo(waited)
        if came.si_signo != signal.SIGCHLD:
            _pass_on(child, came)


def _pass_on(child: int, came: signal.struct_siginfo) -> None:
    # A positive code is the kernel's: the terminal sent it to the whole process group, the child
    # included. SIGCONT twice does no harm, and a shell sends it to the group or to us alone.
    if came.si_code <= 0 or came.si_signo == signal.SIGCONT:
        try:
            os.kill(child, came.si_signo)
        except ProcessLookupError:
            return
    if came.si_signo == signal.SIGTSTP:
        # Stop as well, so that the shell that started us takes the terminal back.
        os.kill(os.getpid(), signal.SIGSTOP)

"""systemd as the first process of namespaces of its own, which starts nothing but our units.

Nothing of it reaches the machine: it has no network, its /run, /var/lib and /var/cache are empty,
the machine's own units and generators are not there, and /etc can't be written.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aliquot.service import units
from tests.folders import make_short_folder, remove_folder
from tools.programs.drivers import Driver

# Nobody, on every Linux.
_USER = 65534
_MANAGER = "/lib/systemd/systemd"
_UNITS = "/usr/lib/systemd/system"
# Where our units go: places of the machine's that are hidden behind empty ones.
_WRITTEN = (_UNITS, "/usr/lib/systemd/user", "/etc/systemd/system", "/etc/systemd/user")
_EMPTY = (
    *_WRITTEN,
    "/usr/lib/systemd/system-generators",
    "/usr/lib/systemd/user-generators",
    "/var/lib",
    "/var/cache",
)
_TARGETS = ("basic", "sysinit", "shutdown", "sockets", "default")
# What `user@.service` of systemd is on a machine.
_USER_MANAGER = f"""
[Service]
Type=notify
User={_USER}
Group={_USER}
Delegate=yes
KillMode=mixed
RuntimeDirectory=user
Environment=XDG_RUNTIME_DIR=/run/user HOME=/run/user XDG_DATA_HOME=/run/user/data
ExecStart={_MANAGER} --user --unit=aliquot.socket
"""
_BOOT = """
set -eu
mount --make-rprivate /
mount --bind /etc /etc
mount -o remount,bind,ro /etc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/lock
for place in {empty}; do [ ! -d $place ] || mount -t tmpfs -o mode=755 tmpfs $place; done
# What follows fails where one of these is none of ours.
for place in {written}; do mountpoint -q $place; done
mount --bind /dev/null /dev/console
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cp -R {folder}/units/. /
export container=test
exec {manager} --system --unit={first} --show-status=no
"""
_WATCHDOG_SECONDS = 3
_SECONDS = 60.0


class CannotBoot(Exception):
    """The machine doesn't let us make the namespaces, or groups of processes."""


class Booted:
    """A machine, as it were, with the units of the system or of one user."""

    def __init__(self, driver: Driver, *, user: bool) -> None:
        """Boots; the daemon finds this driver. Raises CannotBoot, and LookupError as `python`."""
        self.user = user
        self.folder = make_short_folder()
        self.folder.chmod(0o755)
        self._driver = driver
        self._group: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._first = 0
        try:
            self._boot()
        except BaseException:
            self.close()
            raise

    def _boot(self) -> None:
        self._group = group = _make_group(self.folder.name)
        python = self.python()
        self._write_units([python, "-m", "aliquot.cli"])
        script = self.folder / "boot"
        first = "user-manager.service" if self.user else "aliquot.socket"
        script.write_text(
            _BOOT.format(
                empty=" ".join(_EMPTY),
                written=" ".join(_WRITTEN),
                folder=self.folder,
                manager=_MANAGER,
                first=first,
            )
        )
        with open(self.folder / "said", "wb") as said:
            self._process = subprocess.Popen(
                [
                    *("sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs")),
                    *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount"),
                    *("--uts", "--ipc", "--net", "--cgroup", "sh", str(script)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        deadline = time.monotonic() + _SECONDS
        while self._state("aliquot.socket") != "active":
            if self._process.poll() is not None:
                raise CannotBoot((self.folder / "said").read_text())
            assert time.monotonic() < deadline, self.told()
            time.sleep(0.05)

    def _write_units(self, command: Sequence[str]) -> None:
        etc = self.folder / "units" / "etc" / "systemd" / ("user" if self.user else "system")
        drop_in = etc / "aliquot.service.d"
        drop_in.mkdir(parents=True)
        for name in units.NAMES:
            (etc / name).write_text(units.unit(name, user=self.user, command=command))
        log = "/run/user/log" if self.user else "/run/log"
        (drop_in / "test.conf").write_text(
            f"[Service]\nWatchdogSec={_WATCHDOG_SECONDS}\nStandardOutput=append:{log}\n"
            f"StandardError=append:{log}\n"
            + "".join(f'Environment="{k}={v}"\n' for k, v in self._variables().items())
        )
        for place in ("system", "user"):
            usual = self.folder / "units" / "usr" / "lib" / "systemd" / place
            usual.mkdir(parents=True)
            for target in _TARGETS:
                (usual / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        if self.user:
            folder = self.folder / "units" / "etc" / "systemd" / "system"
            folder.mkdir()
            (folder / "user-manager.service").write_text(_USER_MANAGER)

    def _variables(self) -> dict[str, str]:
        native = os.environ.get("ALIQUOT_NATIVE_DIR")  # of who tests another build than ours
        return {
            **self._driver.environment(),
            **({"ALIQUOT_NATIVE_DIR": native} if native else {}),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    def python(self) -> str:
        """One that runs our package for the unit's user; raises LookupError where none does."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
            with contextlib.suppress(OSError):
                done = subprocess.run(
                    [candidate, "-c", "import aliquot.cli, msgspec"],
                    env={**os.environ, **self._variables()},
                    user=_USER if self.user else None,
                    extra_groups=[] if self.user else None,
                    capture_output=True,
                    check=False,
                )
                if done.returncode == 0:
                    return candidate
        raise LookupError(f"other users can't run {sys.executable}, nor is {version} in /usr/bin")

    def within(self, command: Sequence[str]) -> list[str]:
        """The command that runs this one in there, as who owns the units."""
        own = [f"{name}={value}" for name, value in {**self._variables(), **self._places()}.items()]
        path = f"PATH={os.environ['PATH']}"
        to_user = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]
        return [
            *("nsenter", f"--target={self._first_process()}", "--mount", "--pid", "--uts", "--ipc"),
            *("--net", "--cgroup", "--", *(to_user if self.user else ())),
            *("env", "-i", path, "LANG=C.UTF-8", *own, *command),
        ]

    def _places(self) -> dict[str, str]:
        if not self.user:
            return {"HOME": "/run"}
        return {"HOME": "/run/user", "XDG_RUNTIME_DIR": "/run/user"}

    def _first_process(self) -> int:
        assert self._process
        if not self._first:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
            self._first = int(children.read_text().split()[0])
        return self._first

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in there, to its end."""
        return subprocess.run(
            self.within(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """A command in there that goes on."""
        return subprocess.Popen(
            self.within(command), stdin=subprocess.DEVNULL, text=True, **options
        )

    def aliquot(self, *arguments: str) -> list[str]:
        """A command of the command line."""
        return [self.python(), "-m", "aliquot.cli", *arguments]

    def systemctl(self, *arguments: str) -> str:
        """What systemctl says of the units' manager; raises AssertionError where it fails."""
        done = self.run("systemctl", *(["--user"] if self.user else []), *arguments)
        assert done.returncode == 0, (done.stderr, self.told())
        return done.stdout.strip()

    def show(self, name: str, unit: str = "aliquot.service") -> str:
        """A property of a unit."""
        return self.systemctl("show", "--value", "--property", name, unit)

    def _state(self, unit: str) -> str:
        with contextlib.suppress(AssertionError, IndexError, OSError):
            return self.show("ActiveState", unit)
        return ""

    def main_process(self) -> int:
        """The daemon's process, by its number in there; 0: there is none."""
        return int(self.show("MainPID"))

    def signal(self, process: int, number: signal.Signals) -> None:
        """Sends a signal to a process in there."""
        assert self.run("kill", f"-{number.value}", str(process)).returncode == 0

    def told(self) -> str:
        """What the daemon and systemd have said."""
        said = (self.folder / "said").read_text(errors="replace")
        with contextlib.suppress(OSError, IndexError, subprocess.TimeoutExpired):
            said += self.run("cat", "/run/user/log" if self.user else "/run/log").stdout
        return said

    def close(self) -> None:
        """Switches it off: all that runs in there ends with its first process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
        deadline = time.monotonic() + _SECONDS
        while self._group is not None:
            try:
                _remove_group(self._group)
                break
            except OSError:  # the kernel still ends what was in it
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        remove_folder(self.folder)


def _make_group(name: str) -> Path:
    """A group of processes of the unified hierarchy; raises CannotBoot."""
    with open("/proc/self/mounts") as mounts:
        places = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
    if not places:
        raise CannotBoot("the unified hierarchy of control groups is not mounted")
    group = Path(places[0]) / name
    try:
        group.mkdir()
    except OSError as error:
        raise CannotBoot(f"no control group can be made: {error.strerror}") from error
    return group


def _remove_group(group: Path) -> None:
    deepest_first = sorted(
        (path for path in group.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts)
    )
    for path in itertools.chain(deepest_first, [group]):
        with contextlib.suppress(FileNotFoundError):
            path.rmdir()

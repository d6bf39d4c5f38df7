"""A guest VM with the port of a vGPU, and what is run in it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.system.daemon import Daemon
from tools.guest_package import package
from tools.programs import fetch
from tools.setup.report import ROOT
from tools.vm import guest
from tools.vm.packages import Programs

JOB = Path(__file__).with_name("job.py")
_READY = "the host is there"
# The package is installed as its README says. The guest's root is this machine's, so programs would
# find its drivers, too: they are told of the package's entry alone.
_BEGIN = """
set -e
mkdir -p /run/package /tmp/vendors /run/aliquot-guest
tar -xzf {package} -C /run/package --strip-components=1
cd /run/package
./install.sh
cp /etc/OpenCL/vendors/aliquot.icd /tmp/vendors
export OCL_ICD_VENDORS=/tmp/vendors OCL_ICD_FILENAMES=$(cat /tmp/vendors/aliquot.icd)
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={path} LD_LIBRARY_PATH={libraries} HOME=/tmp
cd {root}
/usr/lib/aliquot-guest/aliquot-guest 2> /tmp/guest-end &
tries=0
until grep -q "{ready}" /tmp/guest-end; do
  tries=$((tries + 1)); [ $tries -lt 600 ] || {{ cat /tmp/guest-end; exit 9; }}
  sleep 0.1
done
set +e
"""


def script(commands: str, installed: Path) -> str:
    """Commands of a shell, in a guest VM whose programs can reach the vGPU."""
    return (
        _BEGIN.format(
            root=shlex.quote(str(ROOT)),
            path=shlex.quote(os.pathsep.join(path for path in sys.path if path)),
            libraries=shlex.quote(fetch.library_path()),
            package=shlex.quote(str(installed)),
            ready=_READY,
        )
        + commands
    )


@contextlib.contextmanager
def stream_of(daemon: Daemon, vgpu: str, name: str, *options: str) -> Iterator[list[str]]:
    """`aliquot vm-stream` as its user would start it; what it tells QEMU to be started with."""
    path = daemon.folder / name
    process = daemon.popen(
        "vm-stream", vgpu, "--socket", str(path), *options, "--json", stdout=subprocess.PIPE
    )
    assert process.stdout
    told = json.loads(process.stdout.readline())
    assert process.stdout.readline() == "ready\n"
    try:
        yield told["qemu"]
        assert process.wait(30) == 0
        assert not path.exists()
    finally:
        process.kill()
        process.wait()


def run_in_vm(
    emulator: Programs,
    qemu: Sequence[str],
    commands: str,
    *,
    kill_when: Callable[[str], bool] | None = None,
    seconds: float = 420,
) -> guest.Outcome:
    """Boot a guest VM with the port, and run commands in it."""
    with tempfile.TemporaryDirectory() as folder:
        return guest.run(
            script(commands, package.write(Path(folder), "0")),
            emulator,
            arguments=qemu,
            modules=("virtio_console",),
            memory_mib=1024,
            seconds=seconds,
            kill_when=kill_when,
        )


def between(said: str, name: str) -> str:
    """What the guest said between `@@begin NAME` and `@@end NAME`."""
    return said.partition(f"@@begin {name}\n")[2].partition(f"@@end {name}")[0]


def marked(name: str, command: Sequence[str | Path]) -> str:
    """A command of a guest whose words are found again by `between`."""
    words = shlex.join(str(word) for word in command)
    return f'echo "@@begin {name}"\n{words}\necho "@@end {name} $?"\n'


def until(agrees: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits for something; fails with words where it doesn't come."""
    deadline = time.monotonic() + seconds
    while not agrees():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)

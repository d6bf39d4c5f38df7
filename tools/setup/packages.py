"""Everything that Aliquot, and for `--tests` its tests, need from elsewhere."""

from __future__ import annotations

from tools.setup import (
    allocator,
    compiler,
    debian,
    drivers,
    environment,
    libvirt_schemas,
    opencl_headers,
    postgresql,
    promtool,
)
from tools.setup.report import say

# Programs that tests run through Aliquot, and what the fuzzers and sanitizers need.
# A test that lacks one of them is reported as skipped, with the reason; in CI it fails.
_FOR_TESTS = (
    "ocl-icd-opencl-dev",
    "clinfo",
    "clpeak",
    "clblast-tests",
    "clfft-client",
    "clang-14",
    "libclang-rt-14-dev",
    "chromium",
    "fonts-dejavu-core",
    "fonts-noto-cjk",
    "zsh",
    "fish",
    # Tests start a server of their own from it, as an ordinary user, with a folder and a socket.
    "postgresql",
    # Devices are plugged into a real one, which needs neither /dev/kvm nor a guest's system.
    "qemu-system-x86",
)


def prepare(*, for_tests: bool) -> None:
    """Runs every step that is needed; each is quick where there is nothing to do."""
    environment.ensure()
    compiler.ensure()
    opencl_headers.ensure()
    allocator.ensure()
    drivers.ensure(for_tests=for_tests)
    if not for_tests:
        return
    if debian.can_install():
        with postgresql.no_server():
            absent = debian.install_what_exists(debian.missing(_FOR_TESTS))
    else:
        absent = debian.missing(_FOR_TESTS)
    if not promtool.ensure():
        absent.append("prometheus")
    if not libvirt_schemas.ensure():
        absent.append("libvirt0")
    if absent:
        say(f"not on this machine, tests that need them will be skipped: {' '.join(absent)}")

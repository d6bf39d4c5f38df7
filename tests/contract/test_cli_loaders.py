"""Every OpenCL loader in use finds the vGPU, and nothing beside it, under `aliquot run`."""

import ctypes.util
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.folders import short_folder
from tools.programs.drivers import all_drivers

DRIVERS = all_drivers()

# Asks the loader itself, so that nothing but the loader is tested.
PROGRAM = """
import ctypes, sys
loader = ctypes.CDLL(sys.argv[1])
count = ctypes.c_uint()
status = loader.clGetPlatformIDs(0, None, ctypes.byref(count))
assert status == 0, status
platforms = (ctypes.c_void_p * count.value)()
assert loader.clGetPlatformIDs(count, platforms, None) == 0
for platform in platforms:
    text = ctypes.create_string_buffer(4096)
    for name in (0x0902, 0x0920):  # CL_PLATFORM_NAME, CL_PLATFORM_ICD_SUFFIX_KHR
        status = loader.clGetPlatformInfo(
            ctypes.c_void_p(platform), name, len(text), text, None
        )
        assert status == 0, status
        print(text.value.decode(), end="|")
    devices = ctypes.c_uint()
    everything = ctypes.c_ulong(0xFFFFFFFF)
    status = loader.clGetDeviceIDs(
        ctypes.c_void_p(platform), everything, 0, None, ctypes.byref(devices)
    )
    print(status, devices.value)
assert loader.clUnloadCompiler() == 0
"""


def loaders() -> dict[str, str]:
    """The loaders of this machine, by name."""
    found: dict[str, str] = {}
    system = ctypes.util.find_library("OpenCL")
    if system:
        found["system"] = system
    khronos = Path(sys.prefix) / "lib/libOpenCL.so.1"
    if khronos.exists():
        found["khronos"] = str(khronos)
    pyopencl = importlib.util.find_spec("pyopencl")
    if pyopencl and pyopencl.submodule_search_locations:
        for place in pyopencl.submodule_search_locations:
            for library in Path(place).glob(".libs/libOpenCL*.so*"):
                found["pyopencl"] = str(library)
    return found


@pytest.fixture
def variables(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment in which a loader left to itself would find more than one driver."""
    libraries = [driver.library for driver in DRIVERS]
    # pyopencl's loader also reads .icd files inside the wheel.
    wheel = tmp_path / "pyopencl"
    (wheel / ".libs").mkdir(parents=True)
    (wheel / ".libs/other.icd").write_text(libraries[-1] + "\n")
    result = {name: value for name, value in os.environ.items() if not name.startswith("OCL_ICD")}
    with short_folder() as folder:
        yield {
            **result,
            "OCL_ICD_FILENAMES": ":".join(libraries),
            "PYOPENCL_HOME": str(wheel),
            "ALIQUOT_RUNTIME_DIR": str(folder),
        }


@pytest.mark.parametrize("loader", loaders())
def test_one_platform_with_one_device(loader: str, variables: dict[str, str]) -> None:
    library = loaders()[loader]
    done = subprocess.run(
        [
            *[sys.executable, "-m", "aliquot.cli", "run", "--quiet", "--memory", "64MiB", "--"],
            # The loader of Intel's wheel needs libraries that lie beside it.
            *["env", f"LD_LIBRARY_PATH={Path(library).parent if loader == 'khronos' else ''}"],
            *[sys.executable, "-c", PROGRAM, library],
        ],
        env=variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (platform,) = done.stdout.splitlines()
    assert platform.endswith("|ALQ|0 1")


def test_there_are_loaders_to_test() -> None:
    assert loaders()

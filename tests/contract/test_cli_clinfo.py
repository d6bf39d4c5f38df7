"""What clinfo says on a vGPU is what it says natively, but for what docs/clinfo.md lists."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.folders import short_folder
from tools.programs import fetch
from tools.programs.drivers import Driver, all_drivers

PAGE = (Path(__file__).resolve().parents[2] / "docs/clinfo.md").read_text()
DRIVERS = all_drivers()
QUOTA = 256 << 20

_FIELD = re.compile(r"(?:\[[^\]]*\])?\s+([A-Z][A-Z0-9a-z_]+)(?:\s+(.*))?")


@pytest.fixture
def runtime_directory() -> Iterator[str]:
    with short_folder() as folder:
        yield str(folder)


@pytest.fixture(params=DRIVERS, ids=[driver.name for driver in DRIVERS])
def driver(request: pytest.FixtureRequest) -> Driver:
    return request.param


def clinfo(driver: Driver, runtime_directory: str, *options: str | None) -> dict[str, str]:
    """The fields of `clinfo --raw`, natively or with these options of `aliquot run`."""
    around = [sys.executable, "-m", "aliquot.cli", "run", "--quiet", *filter(None, options), "--"]
    command = [str(fetch.debian_program("clinfo")), "--raw"]
    done = subprocess.run(
        [*around, *command] if options else command,
        env={
            **os.environ,
            **driver.environment(),
            "ALIQUOT_RUNTIME_DIR": runtime_directory,
            "LD_LIBRARY_PATH": fetch.library_path(),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    fields: dict[str, str] = {}
    for line in done.stdout.splitlines():
        if match := _FIELD.fullmatch(line.rstrip()):
            fields.setdefault(match.group(1), (match.group(2) or "").strip())
    assert fields["CL_DEVICE_NAME"]
    assert done.stdout.splitlines()[0].split() == ["#PLATFORMS", "1"]
    return fields


def test_there_is_a_driver_to_test_with() -> None:
    assert DRIVERS


def test_every_difference_is_on_the_page(driver: Driver, runtime_directory: str) -> None:
    native = clinfo(driver, runtime_directory)
    vgpu = clinfo(driver, runtime_directory, "--memory", str(QUOTA))
    different = {name for name in native.keys() | vgpu.keys() if native.get(name) != vgpu.get(name)}
    assert len(native) > 60
    assert {"CL_DEVICE_GLOBAL_MEM_SIZE", "CL_PLATFORM_ICD_SUFFIX_KHR"} <= different
    assert sorted(name for name in different if f"`{name}`" not in PAGE) == []
    assert vgpu["CL_DEVICE_GLOBAL_MEM_SIZE"] == str(QUOTA)
    largest = min(QUOTA, int(native["CL_DEVICE_MAX_MEM_ALLOC_SIZE"]))
    assert vgpu["CL_DEVICE_MAX_MEM_ALLOC_SIZE"] == str(largest)
    assert vgpu["CL_PLATFORM_ICD_SUFFIX_KHR"] == "ALQ"


def test_the_type_that_was_asked_for(driver: Driver, runtime_directory: str) -> None:
    options = ("--memory", "64MiB", "--device-type", "gpu")
    vgpu = clinfo(driver, runtime_directory, *options)
    assert vgpu["CL_DEVICE_TYPE"] == "CL_DEVICE_TYPE_GPU"

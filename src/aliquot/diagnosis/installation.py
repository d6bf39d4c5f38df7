"""Checks of what is installed: native programs, drivers, loader, device nodes."""

from __future__ import annotations

import ctypes
import os

from aliquot import native_programs
from aliquot.devices.drivers import SYSTEM_VENDORS, choice, find_drivers
from aliquot.devices.opencl import examine
from aliquot.diagnosis.device_nodes import device_nodes
from aliquot.diagnosis.finding import Finding, Level
from aliquot.errors import MissingNativeProgram

_SOFTWARE_GPU = "pip install 'aliquot[software-gpu]'"


def check_native_programs() -> list[Finding]:
    """Whether each native program is there."""
    found: list[Finding] = []
    needed = {
        native_programs.DEVICE_HOST: Level.BROKEN,
        native_programs.WORKER: Level.BROKEN,
        native_programs.GUEST_DRIVER: Level.BROKEN,
        native_programs.BENCHMARK: Level.WEAK,
        native_programs.FAIRNESS_TENANT: Level.WEAK,
    }
    for name, level in needed.items():
        try:
            path = native_programs.find(name)
        except MissingNativeProgram as error:
            found.append(Finding("native programs", name, level, error.what, error.remedy))
        else:
            found.append(Finding("native programs", name, Level.OK, path))
    return found


def check_drivers() -> list[Finding]:
    """Whether each OpenCL driver loads and offers a device; asks all of them again."""
    drivers = find_drivers()
    chosen = choice()
    if not drivers and not chosen:
        text = f"no driver in {SYSTEM_VENDORS} and no software GPU beside this Python"
        return [Finding("drivers", "OpenCL", Level.BROKEN, text, _SOFTWARE_GPU)]
    found: list[Finding] = []
    usable = chosen_usable = 0
    for driver in drivers:
        try:
            devices, problem = examine(driver)
        except MissingNativeProgram as error:
            text = f"can't be asked: {error.what}"
            found.append(Finding("drivers", driver.library, Level.BROKEN, text, error.remedy))
            continue
        if devices:
            usable += 1
            chosen_usable += driver.chosen
            names = ", ".join(device.name for device in devices)
            text = f"offers {names} (named in {driver.origin})"
            found.append(Finding("drivers", driver.library, Level.OK, text))
        if problem:
            remedy = f"mend or remove {driver.origin}"
            if "libintelocl" in driver.library:
                remedy = _SOFTWARE_GPU
            found.append(Finding("drivers", driver.library, Level.WEAK, problem, remedy))
    if chosen and usable and not chosen_usable:
        text = f"{chosen} names no usable driver, and no other takes its place unasked"
        found.append(
            Finding("drivers", "the choice", Level.BROKEN, text, "correct or unset the variable")
        )
    if not usable:
        text = "none of the drivers offers a device"
        found.append(Finding("drivers", "OpenCL", Level.BROKEN, text, _SOFTWARE_GPU))
    return found


def check_loader() -> list[Finding]:
    """Whether programs that bring no OpenCL loader of their own find one."""
    try:
        ctypes.CDLL("libOpenCL.so.1")
    except OSError:
        text = "not found: only programs that bring their own loader (pyopencl does) will work"
        remedy = "apt-get install ocl-icd-libopencl1"
        return [Finding("loader", "libOpenCL.so.1", Level.WEAK, text, remedy)]
    return [Finding("loader", "libOpenCL.so.1", Level.OK, "found")]


def check_allocator() -> list[Finding]:
    """Whether workers have mimalloc."""
    library = native_programs.find_allocator()
    if library is not None:
        return [Finding("allocator", "mimalloc", Level.OK, library)]
    text = "not found: workers use the C library's allocator, by which launches take longer"
    remedy = "apt-get install libmimalloc2.0 (Debian 13 and newer: libmimalloc3)"
    return [Finding("allocator", "mimalloc", Level.WEAK, text, remedy)]


def check_device_nodes() -> list[Finding]:
    """Whether this user may open the GPUs that the kernel shows."""
    nodes = device_nodes()
    if not nodes:
        text = "no GPU of this machine has one: only software devices can be used"
        return [Finding("permissions", "device nodes", Level.OK, text)]
    found: list[Finding] = []
    for node in nodes:
        if os.access(node, os.R_OK | os.W_OK):
            found.append(Finding("permissions", node, Level.OK, "may be opened"))
        else:
            remedy = f"usermod -aG {_group_of(node)} $USER, then log in again"
            found.append(
                Finding("permissions", node, Level.WEAK, "may not be opened by you", remedy)
            )
    return found


def _group_of(node: str) -> str:
    import grp

    try:
        return grp.getgrgid(os.stat(node).st_gid).gr_name
    except (KeyError, OSError):
        return "render"

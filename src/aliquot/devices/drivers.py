"""Which OpenCL drivers are installed: what a loader would load, and the software GPU's wheel.

Our own guest driver is never among them: under `aliquot run` it is all that the loaders see, and
then what is installed counts.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from aliquot import environment, native_programs

SYSTEM_VENDORS = "/etc/OpenCL/vendors"
_WHEEL_LIBRARY = "libintelocl.so"
_LARGEST_ICD_FILE = 4096


class Driver(NamedTuple):
    """A driver library as it was named, where, and whether a variable of the user's names it."""

    library: str
    origin: str
    chosen: bool = False


def find_drivers() -> list[Driver]:
    """The drivers, in the order in which a loader would list their platforms."""
    found = _named_by_user()
    if not found:
        found = _in_vendors_directory(SYSTEM_VENDORS)
    beside_python = os.path.join(sys.prefix, "lib", _WHEEL_LIBRARY)
    if os.path.isfile(beside_python):
        found.append(Driver(beside_python, "the software GPU beside this Python"))
    unique: dict[str, Driver] = {}
    for driver in found:
        unique.setdefault(
            os.path.realpath(driver.library) if os.path.isabs(driver.library) else driver.library,
            driver,
        )
    return list(unique.values())


def choice() -> str | None:
    """The user's variables that name drivers, as a shell writes them; None where none does.

    Our own guest driver, under `aliquot run`, is nobody's choice, and neither is a directory that
    names no driver.
    """
    variables: list[environment.Variable] = []
    vendors = environment.ICD_VENDORS.get()
    if vendors and not os.path.isdir(vendors):
        if not _is_ours(vendors):
            variables.append(environment.ICD_VENDORS)
    elif vendors and _in_vendors_directory(vendors):
        variables.append(environment.ICD_VENDORS)
    names = (environment.ICD_FILENAMES.get() or "").split(":")
    if any(name and not _is_ours(name) for name in names):
        variables.append(environment.ICD_FILENAMES)
    return " ".join(f"{variable.name}={variable.get()}" for variable in variables) or None


def _named_by_user() -> list[Driver]:
    found: list[Driver] = []
    vendors = environment.ICD_VENDORS.get()
    if vendors and os.path.isdir(vendors):
        found += _in_vendors_directory(vendors)
    elif vendors and vendors.endswith(".icd"):
        found += _in_icd_file(vendors)
    elif vendors:
        found.append(Driver(vendors, environment.ICD_VENDORS.name))
    for name in (environment.ICD_FILENAMES.get() or "").split(":"):
        if name:
            found.append(Driver(name, environment.ICD_FILENAMES.name))
    return [driver._replace(chosen=True) for driver in found if not _is_ours(driver.library)]


def _in_vendors_directory(directory: str) -> list[Driver]:
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    found: list[Driver] = []
    for name in names:
        if name.endswith(".icd"):
            found += _in_icd_file(os.path.join(directory, name))
    return [driver for driver in found if not _is_ours(driver.library)]


def _in_icd_file(path: str) -> list[Driver]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            library = file.read(_LARGEST_ICD_FILE).partition("\n")[0].strip()
    except OSError:
        return []
    return [Driver(library, path)] if library and "\0" not in library else []


def _is_ours(library: str) -> bool:
    return os.path.basename(library).startswith(native_programs.GUEST_DRIVER)

"""PCI functions handed to vfio-pci and back, as Linux's Documentation/ABI/testing/sysfs-bus-pci
says: driver_override names the one driver that may bind, unbind and drivers_probe do it.
"""

from __future__ import annotations

from aliquot.devices.pci import driver_of, read_function
from aliquot.devices.sysfs import PCI_DEVICES
from aliquot.errors import BootDisplayKept, HardwareGone, KernelRefused, ModuleMissing
from aliquot.model.why import Why
from aliquot.modes.journal import FunctionBefore
from aliquot.modes.kernel import Kernel
from aliquot.words.refusals import refusal

VFIO = "vfio-pci"
_DRIVERS = "bus/pci/drivers"
_NO_OVERRIDE = "(null)"


def require_vfio(kernel: Kernel) -> None:
    """Raise ModuleMissing where vfio-pci isn't loaded."""
    if not kernel.exists(_DRIVERS, VFIO):
        raise refusal(ModuleMissing, Why.NO_MODULE, module=VFIO)


def before(kernel: Kernel, address: str) -> FunctionBefore:
    """A function as it is now."""
    override = kernel.text(PCI_DEVICES, address, "driver_override")
    return FunctionBefore(
        address=address,
        driver=driver_of(kernel, address),
        override=None if override == _NO_OVERRIDE else override,
    )


def hand_over(kernel: Kernel, address: str, *, forced: bool) -> None:
    """Bind a function to vfio-pci.

    The only place where a driver of the host's loses a device; so here it is seen to that the
    boot display is no such device unless that is `forced`.
    """
    driver = driver_of(kernel, address)
    if driver == VFIO:
        return
    if driver is not None and not forced and read_function(kernel, address).boot_display:
        raise refusal(BootDisplayKept, Why.BOOT_DISPLAY)
    kernel.write(VFIO, PCI_DEVICES, address, "driver_override")
    if driver is not None:
        _unbind(kernel, address)
    kernel.write(address, "bus/pci/drivers_probe")
    if driver_of(kernel, address) != VFIO:
        _refuse_if_gone(kernel, address)
        raise refusal(KernelRefused, Why.NOT_BOUND, address=address, driver=VFIO)


def give_back(kernel: Kernel, was: FunctionBefore) -> None:
    """Bind a function to the driver that it had, from whatever it has come to meanwhile.

    A driver that somebody else has bound is left; so is a function that is gone, or whose driver
    has been unloaded.
    """
    if not kernel.has_function(was.address):
        return
    try:
        _give_back(kernel, was)
    except HardwareGone:
        if kernel.has_function(was.address):  # else it went while we were at it
            raise


def _give_back(kernel: Kernel, was: FunctionBefore) -> None:
    here = (PCI_DEVICES, was.address)
    override = kernel.text(*here, "driver_override")
    if override == VFIO and was.override != VFIO:
        kernel.write(was.override or "\n", *here, "driver_override")
    if was.driver == VFIO:
        return
    driver = driver_of(kernel, was.address)
    if driver == VFIO:
        _unbind(kernel, was.address)
        driver = None
    if driver is not None or was.driver is None or not kernel.exists(_DRIVERS, was.driver):
        return
    kernel.write(was.address, "bus/pci/drivers_probe")
    if driver_of(kernel, was.address) is None:
        # The one it had doesn't match by itself, say after a write to its new_id: ask for it.
        kernel.write(was.address, _DRIVERS, was.driver, "bind")
    if driver_of(kernel, was.address) is None:
        _refuse_if_gone(kernel, was.address)
        raise refusal(KernelRefused, Why.NOT_BOUND, address=was.address, driver=was.driver)


def _unbind(kernel: Kernel, address: str) -> None:
    """Take a function from its driver, which may let go of it by itself at the same moment.

    So do drivers that find out only later that they can't use a virtual function.
    """
    try:
        kernel.write(address, PCI_DEVICES, address, "driver/unbind")
    except (HardwareGone, KernelRefused):
        if driver_of(kernel, address) is not None or not kernel.has_function(address):
            raise


def _refuse_if_gone(kernel: Kernel, address: str) -> None:
    if not kernel.has_function(address):
        raise refusal(HardwareGone, Why.NOT_ON_BUS, address=address)

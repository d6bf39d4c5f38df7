"""Writes to the kernel's sysfs: one system call each, and errors that say what to do."""

from __future__ import annotations

import errno
import os

from aliquot.devices.sysfs import PCI_DEVICES, Sysfs
from aliquot.errors import HardwareGone, HardwareNotPermitted, KernelRefused
from aliquot.model.why import Why, because
from aliquot.words.refusals import saying

_GONE = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class Kernel(Sysfs):
    """A sysfs that is also written to."""

    def write(self, text: str, *parts: str) -> None:
        """Write an attribute.

        Raises HardwareNotPermitted, HardwareGone, or KernelRefused, whose `__cause__` is the
        OSError. No file is ever made: what isn't there is gone.
        """
        path = self.path(*parts)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            line = because(
                Why.KERNEL_SAYS, path=path, text=text.strip(), error=os.strerror(error.errno or 0)
            )
            kind = KernelRefused
            if error.errno in _FORBIDDEN:
                kind = HardwareNotPermitted
            elif error.errno in _GONE:
                kind = HardwareGone
            raise saying(kind, line) from error

    def has_function(self, address: str) -> bool:
        """Whether a PCI function is on the bus."""
        return self.exists(PCI_DEVICES, address, "vendor")


def number_of(error: BaseException) -> int:
    """The errno with which the kernel refused a write; 0 where it was none of the kernel's."""
    cause = error.__cause__
    return (cause.errno or 0) if isinstance(cause, OSError) else 0

"""Why something can't be, or isn't as it is wanted: the codes, each a sentence of the catalogue.

The words of `Why.GONE` are the entry `why-gone` of every language; English is what the API tells
beside the code. A code that was given once keeps its meaning: reasons are kept with the state.
"""

from __future__ import annotations

from enum import StrEnum

from aliquot.model.line import Line


class Why(StrEnum):
    """All that there are."""

    # Why a device can't do a mode, and what one has to know where it can.
    NO_OPENCL = "no-opencl"
    NO_OPENCL_BECAUSE = "no-opencl-because"
    ASK_DRIVERS = "ask-drivers"
    UNBOUND = "unbound"
    BOUND_TO_VFIO = "bound-to-vfio"
    SOFTWARE_DEVICE = "software-device"
    PLACE_UNKNOWN = "place-unknown"
    NO_IOMMU_GROUP = "no-iommu-group"
    SHARED_IOMMU_GROUP = "shared-iommu-group"
    PCI_FUNCTION = "pci-function"
    MORE_FUNCTIONS = "more-functions"
    GOES_ALONG = "goes-along"
    PARTITIONS_END = "partitions-end"
    BOOT_DISPLAY = "boot-display"
    NO_RESET = "no-reset"
    MDEV_FULL = "mdev-full"
    USE_SRIOV = "use-sriov"
    NO_MDEV_TYPES = "no-mdev-types"
    NO_MDEV_TYPES_NVIDIA = "no-mdev-types-nvidia"
    NO_MDEV_TYPES_INTEL = "no-mdev-types-intel"
    NO_VIRTUAL_FUNCTIONS = "no-virtual-functions"
    SOME_VIRTUAL_FUNCTIONS = "some-virtual-functions"
    ONLY_NVIDIA = "only-nvidia"
    UNKNOWN_TO_NVML = "unknown-to-nvml"
    ONLY_NVML = "only-nvml"
    NVML_SAYS = "nvml-says"
    MIG_OFF = "mig-off"
    MIG_CHANGES = "mig-changes"
    FAULTY = "faulty"
    SIMULATED = "simulated"
    NOT_IN_INVENTORY = "not-in-inventory"
    NOT_TOLD = "not-told"

    # Why a vGPU has no place on a device, and what of a place that it could have.
    NO_DEVICE = "no-device"
    AT_DEVICE = "at-device"
    OTHER_DEVICE = "other-device"
    GONE = "gone"
    NO_MODE = "no-mode"
    NOT_NAMED = "not-named"
    APART = "apart"
    TOO_SMALL = "too-small"
    MEMORY_SHORT = "memory-short"
    NO_MEMORY = "no-memory"
    GUARANTEE_SHORT = "guarantee-short"
    SOME_KEPT = "some-kept"
    QUOTA_MEMORY = "quota-memory"
    QUOTA_GUARANTEE = "quota-guarantee"
    FITS = "fits"
    FITS_GUARANTEE = "fits-guarantee"
    FULL = "full"
    FULL_EMPTIEST = "full-emptiest"
    FULL_NOT_EMPTIEST = "full-not-emptiest"
    FULL_FULLEST = "full-fullest"
    FULL_NOT_FULLEST = "full-not-fullest"
    GOES_TO = "goes-to"
    BATCH_MAKES_WAY = "batch-makes-way"

    # What would make it fit.
    LESS_MEMORY = "less-memory"
    LESS_GUARANTEE = "less-guarantee"
    NOT_TIED = "not-tied"
    NOT_APART = "not-apart"
    MOVED = "moved"
    SUSPENDED = "suspended"
    SUSPENDED_OTHERS = "suspended-others"

    # Why a vGPU waits, or waits no more.
    SERVED_NEXT = "served-next"
    BATCH_SUSPENDED = "batch-suspended"
    NO_ROOM_FOR_GROUP = "no-room-for-group"
    NO_PLACE_IN_TIME = "no-place-in-time"
    TAKEN_OUT = "taken-out"

    # Why an act is refused, or a vGPU has failed.
    DEVICE_GONE = "device-gone"
    DEVICE_SHRANK = "device-shrank"
    NOTHING_MORE_THERE = "nothing-more-there"
    NO_MORE_MEMORY = "no-more-memory"
    NO_MORE_GUARANTEE = "no-more-guarantee"
    OTHER_GENERATION = "other-generation"
    DELETED = "deleted"
    CANNOT_BECOME = "cannot-become"
    CANNOT_MOVE = "cannot-move"
    THERE_ALREADY = "there-already"
    REAL_AND_SIMULATED = "real-and-simulated"
    NO_VGPU = "no-vgpu"
    NOT_AT_HOST = "not-at-host"
    NO_DEVICE_HOST = "no-device-host"
    NOT_OFFERED = "not-offered"
    ONE_BYTE = "one-byte"
    LIMIT_OF_NOTHING = "limit-of-nothing"
    COPY_LIMIT_LOW = "copy-limit-low"
    NOT_BATCH = "not-batch"
    VIEWER = "viewer"
    ADMINISTRATORS = "administrators"
    OTHER_TENANT = "other-tenant"
    WITHOUT_SCOPE = "without-scope"
    WITHOUT_ROLE = "without-role"


def because(why: Why, *lines: Line, **values: str | int | float) -> Line:
    """The sentence of a reason, with its values, and the sentences that stand within it."""
    return Line(key=f"why-{why.value}", values=values, lines=list(lines))

"""`python -m tools.vm`: modes, and VMs that get their hardware, on a real kernel, in a guest VM."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from tools.setup.report import ROOT, SetupError
from tools.vm import guest, packages, samples

# A display that the guest starts with; a card with an audio function in its group; three more
# kinds of cards, each in a group of its own; and a device with virtual functions.
_DEVICES = (
    "VGA,bus=pcie.0,addr=2",
    "pcie-root-port,id=one,chassis=1,slot=1,bus=pcie.0,addr=4",
    "ati-vga,model=rv100,bus=one,addr=0.0,multifunction=on",
    "intel-hda,bus=one,addr=0.1",
    "pcie-root-port,id=two,chassis=2,slot=2,bus=pcie.0,addr=5",
    "bochs-display,bus=two",
    "pcie-root-port,id=three,chassis=3,slot=3,bus=pcie.0,addr=6",
    "virtio-gpu-pci,bus=three,iommu_platform=on,disable-legacy=on",
    "pcie-root-port,id=four,chassis=4,slot=4,bus=pcie.0,addr=7",
    "secondary-vga,bus=four",
    "pcie-root-port,id=five,chassis=5,slot=5,bus=pcie.0,addr=8",
    "nvme-subsys,id=subsystem",
    "nvme,serial=vf,subsys=subsystem,bus=five,sriov_max_vfs=4,max_ioqpairs=26,msix_qsize=27,"
    "sriov_vq_flexible=8,sriov_vi_flexible=4",
)
_SUITES = (
    "tests/contract/modes",
    "tests/contract/vms/test_real_vfio.py",
    "tests/contract/vms/test_real_libvirt.py",
)
# Of the packages' files those that are needed: links are made slowly in an emulated guest.
_UNPACKED = (
    "etc/libvirt",
    "lib/x86_64-linux-gnu",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/share/libvirt",
    "usr/share/qemu",
    "usr/share/seabios",
)
_MODULES = (
    "vfio_pci",
    "vfio_iommu_type1",
    "bochs",
    "snd_hda_intel",
    "nvme",
    "virtio_gpu",
    *samples.NAMES,
)


def main() -> int:
    """Returns the exit status of pytest in the guest; 1 where there was no end of it."""
    parser = argparse.ArgumentParser(prog="python -m tools.vm", description=__doc__)
    parser.add_argument("--packages", type=Path, default=packages.FOLDER, metavar="FOLDER")
    parser.add_argument("--command", help="run this there, instead of the suite")
    parser.add_argument("arguments", nargs="*", help="of pytest")
    given = parser.parse_args()
    pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *_SUITES]
    command = given.command or shlex.join([*pytest, *given.arguments])
    there = f"cd {shlex.quote(str(ROOT))}\nexport PYTHONPATH=src:. ALIQUOT_TEST_KERNEL=real\n"
    try:
        found = packages.programs(given.packages)
        samples.build(found.modules)
        there += f"export ALIQUOT_TEST_MODULES={shlex.quote(str(found.modules))}\n"
        if packages.libvirt(given.packages) or found.data is not None:
            there = _in_their_places(given.packages) + there
        outcome = guest.run(f"{there}{command}\n", found, devices=_DEVICES, modules=_MODULES)
    except SetupError as error:
        sys.stderr.write(f"vm: {error}\n")
        return 1
    print(outcome.said, end="")
    print(f"the guest VM took {outcome.seconds:.0f} s")
    return 1 if outcome.status is None else outcome.status


def _in_their_places(folder: Path) -> str:
    """Links in the guest to what was unpacked, as if it were installed there: QEMU, libvirt."""
    lines = [
        f"[ -d {place} ] && mkdir -p /{name} && cp -rsn {place}/. /{name}/"
        for name in _UNPACKED
        if (place := shlex.quote(str((folder / name).resolve())))
    ]
    return "\n".join([*lines, "ldconfig", ""])


if __name__ == "__main__":
    sys.exit(main())

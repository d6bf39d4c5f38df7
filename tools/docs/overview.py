"""The picture in the README: how a call of a program reaches a device."""

from __future__ import annotations

from tools.docs.picture import Box, Picture

_TENANT = "#eef6ff"
_WORKER = "#fff4e6"
_TRUSTED = "#e6fcf0"


def draw() -> str:
    """Returns docs/overview.svg."""
    picture = Picture(1080, 430, "How a call of an unmodified program reaches the device")

    process = Box(20, 20, 390, 160)
    program = Box(36, 60, 106, 96)
    loader = Box(166, 60, 92, 96)
    guest_driver = Box(282, 60, 114, 96)
    picture.frame(process, "guest process (the tenant's)", _TENANT)
    picture.box(program, "program", "unmodified")
    picture.box(loader, "ICD loader", "any")
    picture.box(guest_driver, "guest driver", "libaliquot-", "opencl.so")
    picture.arrow(program.right, loader.left)
    picture.arrow(loader.right, guest_driver.left)

    sandbox = Box(620, 20, 300, 160)
    worker = Box(636, 60, 122, 96)
    driver = Box(792, 60, 112, 96)
    device = Box(962, 60, 100, 96)
    picture.frame(sandbox, "sandbox, one a vGPU; not trusted", _WORKER)
    picture.box(worker, "worker", "aliquot-worker")
    picture.box(driver, "real driver", "the vendor's")
    picture.box(device, "device", "GPU, or", "software GPU", fill="#f1f3f5")
    picture.arrow(worker.right, driver.left)
    picture.arrow(driver.right, device.left)

    ring = (guest_driver.right[0] + 1, 92.0)
    picture.pipe(ring, (worker.left[0] - 1, 92))
    picture.text((515, 78), "ring: commands, replies", size=12, bold=True)
    picture.pipe((ring[0], 134), (worker.left[0] - 1, 134))
    picture.text((515, 122), "pages that both map: buffers", size=12)
    picture.text((515, 156), "(shared memory, sealed sizes)", size=11, soft=True)

    host = Box(330, 290, 470, 110)
    picture.box(
        host,
        "device host",
        "aliquot-device, one a device; with its supervisor",
        "makes and seals all shared memory; parses no tenant bytes",
        "ledger: memory credit lent, never more than the quota",
        "witness: what a worker really holds, by cgroup or /proc",
        fill=_TRUSTED,
    )
    picture.arrow(guest_driver.bottom(), host.top(0.019), both=True)
    picture.text((354, 226), "records: hello,", size=12, anchor="start")
    picture.text((354, 242), "memory credit, arenas", size=12, anchor="start")
    picture.arrow(host.top(0.781), worker.bottom(), both=True)
    picture.text((712, 226), "starts, watches and ends it;", size=12, anchor="start")
    picture.text((712, 242), "records, descriptors", size=12, anchor="start")

    command_line = Box(36, 300, 190, 90)
    picture.box(
        command_line, "aliquot run", "the command line:", "asks for a vGPU,", "starts the program"
    )
    picture.arrow(command_line.right, host.left, both=True)
    picture.text((278, 334), "control", size=12)
    picture.text((278, 366), "socket", size=12)
    picture.arrow(command_line.top(0.28), program.bottom(), both=False)
    picture.text((100, 246), "starts it with the vGPU's socket", size=12, anchor="start")
    return picture.svg()

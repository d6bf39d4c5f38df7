"""`aliquot devices` with cards that look real, and with simulated ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import worker
from tests.fakes.installation import FakeInstallation
from tests.fakes.sysfs import FakeSysfs

INVENTORY = """\
version: 1
nodes:
  - name: plan
    devices:
      - id: big
        name: Imagined GPU
        memory: 80GiB
        modes: [remoting, mig]
        vgpus: [{name: team-a, memory: 30GiB, compute: 25}]
        load: {use: 42}
"""


@pytest.fixture
def tree(fakes: FakeInstallation) -> FakeSysfs:
    """A sysfs with a Radeon, its audio function, and a card that is kept for virtual machines."""
    tree = FakeSysfs(Path(fakes.environment["ALIQUOT_SYSFS_ROOT"]))
    tree.rx7900()
    tree.function("0000:09:00.0", "10de:2684", driver="vfio-pci", group=9)
    return tree


def listed(fakes: FakeInstallation, *arguments: str) -> list[dict[str, Any]]:
    done = fakes.run("devices", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["devices"]


def inventory(fakes: FakeInstallation, text: str = INVENTORY) -> str:
    path = fakes.directory / "plan.yaml"
    path.write_text(text)
    return str(path)


def test_opencl_comes_first_and_the_rest_after_it(fakes: FakeInstallation, tree: FakeSysfs) -> None:
    devices = listed(fakes)
    assert [(d["index"], d["kind"], d["offered"]) for d in devices] == [
        (0, "software", True),
        (1, "gpu", False),
        (2, "gpu", False),
    ]
    software, radeon, kept = devices
    assert software["platform"] == "Fake platform"
    assert software["physical"]["sources"] == ["opencl"]
    assert radeon["physical"]["pci"]["address"] == "0000:03:00.0"
    assert radeon["telemetry"]["use"] == 4.0
    assert kept["telemetry"] is None
    assert kept["global_memory"] is None
    done = fakes.run("devices")
    assert done.returncode == 0
    heading, *rows = done.stdout.splitlines()
    assert "modes" in heading.split()
    assert len(rows) == 3
    assert "no OpenCL driver (amdgpu)" in rows[1]
    assert "no OpenCL driver (vfio-pci)" in rows[2]


def test_a_card_that_opencl_offers_is_one_device(fakes: FakeInstallation, tree: FakeSysfs) -> None:
    gpu = worker.device(
        0,
        name="gfx1100",
        type=["gpu"],
        vendor="Advanced Micro Devices, Inc.",
        pci_address="0000:03:00.0",
    )
    fakes.driver("two", worker.answer(gpu))
    devices = listed(fakes)
    assert [d["name"] for d in devices][:2] == ["Fake CPU", "gfx1100"]
    assert len(devices) == 3
    assert devices[1]["physical"]["sources"] == ["amdgpu", "opencl", "pci"]
    assert devices[1]["physical"]["modes"][0]["can"]
    # Its place names it everywhere.
    assert fakes.run("run", "--device", "0000:03:00.0", "--", "true").returncode == 0
    for name in ("0000:03:00.0", devices[1]["physical"]["uuid"], "gfx", "1"):
        done = fakes.run("devices", name)
        assert done.stdout.startswith("device 1: gfx1100, gpu\n"), done.stderr


def test_all_about_one(fakes: FakeInstallation, tree: FakeSysfs) -> None:
    done = fakes.run("devices", "0000:03:00.0")
    assert done.returncode == 0, done.stderr
    for part in (
        "RDNA 3 (GC 11.0.0)",
        "IOMMU group     15",
        "with 0000:03:00.1, audio, snd_hda_intel",
        "remoting        no: no OpenCL driver offers it",
        "passthrough     yes; 0000:03:00.1 (audio) of the same card goes along",
        "mig             no: only NVIDIA's GPUs have MIG",
        "use             4 %",
        "temperature     41 °C",
    ):
        assert part in done.stdout
    told = json.loads(fakes.run("devices", "2", "--json").stdout)
    assert told["physical"]["pci"]["driver"] == "vfio-pci"
    done = fakes.run("devices", "9")
    assert (done.returncode, done.stderr.split(": ")[1]) == (2, "ALQ-E206")


def test_run_refuses_what_no_driver_offers_and_says_why(
    fakes: FakeInstallation, tree: FakeSysfs
) -> None:
    for name in ("2", "0000:09:00.0"):
        done = fakes.run("run", "--device", name, "--", "true")
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith("aliquot: ALQ-E224: device 2 (")
        assert "vfio-pci" in line
    done = fakes.run("run", "--device", "3", "--", "true")
    assert "ALQ-E206" in done.stderr
    assert fakes.run("policy", "1", "--json").returncode == 2


def test_simulated_devices_are_marked_everywhere(fakes: FakeInstallation, tree: FakeSysfs) -> None:
    path = inventory(fakes)
    device = listed(fakes, "--inventory", path)[-1]
    assert (device["index"], device["simulated"], device["offered"]) == (3, True, False)
    assert (device["physical"]["node"], device["physical"]["sources"]) == ("plan", ["inventory"])
    assert device["telemetry"]["use"] == 42.0
    assert device["vgpu_count"] == 1
    row = fakes.run("devices", "--inventory", path).stdout.splitlines()[-1]
    assert "Imagined GPU (simulated)" in row
    assert "50 GiB" in row
    assert "42 %" in row
    told = fakes.run("devices", "imagined", "--inventory", path).stdout
    assert told.startswith("device 3: Imagined GPU, gpu, simulated on node plan\n")
    assert "remoting        yes; simulated" in told
    assert "team-a: remoting, 30 GiB" in told
    # Without the file it isn't there.
    assert fakes.run("devices", "imagined").returncode == 2


def test_a_bad_inventory(fakes: FakeInstallation) -> None:
    path = inventory(fakes, INVENTORY.replace("80GiB", "plenty"))
    done = fakes.run("devices", "--inventory", path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"aliquot: ALQ-E223: {path}:7: nodes[0].devices[0].memory: ")
    done = fakes.run("devices", "--inventory", path, "--json")
    assert json.loads(done.stderr)["error"]["code"] == "ALQ-E223"


def test_without_opencl_the_cards_are_shown_all_the_same(
    fakes: FakeInstallation, tree: FakeSysfs
) -> None:
    (fakes.vendors / "one.icd").unlink()
    fakes.environment["OCL_ICD_FILENAMES"] = "/no/such/driver.so"
    done = fakes.run("devices")
    assert done.returncode == 0, done.stderr
    assert "no OpenCL driver (amdgpu)" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("opencl: ")
    assert fakes.run("run", "--", "true").returncode == 2


def test_nothing_at_all_is_the_error_that_it_was(fakes: FakeInstallation) -> None:
    (fakes.vendors / "one.icd").unlink()
    fakes.environment["OCL_ICD_FILENAMES"] = "/no/such/driver.so"
    done = fakes.run("devices")
    assert (done.returncode, done.stdout) == (2, "")
    assert "ALQ-E216" in done.stderr


def test_what_a_card_says_moves_no_terminal(fakes: FakeInstallation, tree: FakeSysfs) -> None:
    tree.write(tree.place("0000:03:00.0"), {"product_name": "Evil\x1b[2J\x07 card"})
    for arguments in (["devices"], ["devices", "1"], ["devices", "--json"]):
        done = fakes.run(*arguments)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout
        assert "\x07" not in done.stdout

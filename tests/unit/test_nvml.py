"""NVIDIA's and AMD's libraries, by stand-ins with the real ones' signatures and errors."""

import inspect
from types import SimpleNamespace
from typing import Any

import pytest

from aliquot.devices.amdsmi import AmdsmiSource
from aliquot.devices.nvml import MISSING, NvmlSource
from aliquot.model.modes import Mode
from aliquot.model.pci import PciFunction
from aliquot.model.physical_device import LinkKind, PhysicalDevice
from tests.fakes import nvml
from tests.fakes.nvml import FakeNvml, a100


def device(address: str = "0000:41:00.0") -> PhysicalDevice:
    pci = PciFunction(address=address)
    return PhysicalDevice(uuid="u", sources=("nvml",), name="n", kind="gpu", pci=pci)


def missing() -> Any:
    raise ModuleNotFoundError("No module named 'pynvml'")


def test_the_stand_in_is_like_the_real_library() -> None:
    pynvml = pytest.importorskip("pynvml")
    for name, function in inspect.getmembers(FakeNvml, inspect.isfunction):
        if name.startswith("nvml"):
            real = inspect.signature(inspect.unwrap(getattr(pynvml, name)))
            fake = list(inspect.signature(function).parameters.values())[1:]
            assert [p.name for p in fake] == list(real.parameters), name
    for name in vars(nvml):
        if name.startswith("NVML_"):
            assert getattr(pynvml, name) == getattr(nvml, name), name
    for code in (nvml.NVML_ERROR_GPU_IS_LOST, nvml.NVML_ERROR_NOT_SUPPORTED):
        assert pynvml.NVMLError(code).value == nvml.NVMLError(code).value
        assert str(pynvml.NVMLError(code)) == str(nvml.NVMLError(code))


def test_an_a100() -> None:
    library = FakeNvml(a100())
    source = NvmlSource(lambda: library)
    listing = source.list_devices()
    assert listing.problem is None
    (seen,) = listing.sightings
    assert (seen.name, seen.pci_address) == ("NVIDIA A100-SXM4-80GB", "0000:41:00.0")
    assert seen.vendor_uuid == "GPU-00000000-1111-4222-8333-000000000001"
    assert str(seen.architecture) == "Ampere (compute capability 8.0)"
    assert (seen.compute_units, seen.memory) == (108, 80 << 30)
    assert (seen.clocks.core_mhz, seen.clocks.memory_mhz) == (1410, 1593)
    (mig,) = seen.verdicts
    assert (mig.mode, mig.can, mig.note) == (Mode.MIG, True, None)
    assert [(t.id, t.name, t.available, t.most) for t in seen.partition_types] == [
        ("19", "1g.10gb", 5, 7),
        ("9", "3g.40gb", 1, 2),
        ("0", "7g.80gb", 0, 1),
    ]
    (partition,) = seen.partitions
    assert (partition.type, partition.memory) == ("1g.10gb", 9728 << 20)
    now = source.telemetry(device())
    assert now is not None
    assert (now.use, now.memory_bus_use, now.decoder_use) == (63.0, 20.0, 5.0)
    assert now.encoder_use is None
    assert (now.power_watts, now.power_limit_watts, now.temperature) == (251.5, 400.0, 48.0)
    assert (now.memory_used, now.core_mhz, now.pcie_replays) == (2 << 30, 1155, 1)
    assert (now.corrected_errors, now.uncorrected_errors) == (2, 0)
    source.close()
    assert library.started == 0


def test_mig_that_is_off_or_not_there() -> None:
    off = a100(nvmlDeviceGetMigMode=[0, 0])
    none = a100("00000000:42:00.0", 2, nvmlDeviceGetMigMode=None)
    first, second = NvmlSource(lambda: FakeNvml(off, none)).list_devices().sightings
    assert first.verdicts[0].can
    assert "MIG is off" in (first.verdicts[0].note or "")
    assert [t.available for t in first.partition_types] == [None, None, None]
    assert first.partitions == second.partitions == ()
    assert not second.verdicts[0].can
    assert "Not Supported" in (second.verdicts[0].why_not or "")


def test_nvlink_is_counted_by_peer() -> None:
    links = {0: "00000000:42:00.0", 1: "00000000:42:00.0", 2: None, 3: "00000000:08:00.0"}
    (seen,) = NvmlSource(lambda: FakeNvml(a100(links=links))).list_devices().sightings
    assert [(link.kind, link.peer, link.count) for link in seen.links] == [
        (LinkKind.NVLINK, "0000:42:00.0", 2),
        (LinkKind.NVLINK, "0000:08:00.0", 1),
    ]


def test_without_package_driver_or_answer() -> None:
    assert NvmlSource(missing).list_devices() == ([], MISSING)
    library = FakeNvml(a100())
    library.failing["nvmlInit"] = nvml.NVML_ERROR_DRIVER_NOT_LOADED
    source = NvmlSource(lambda: library)
    assert source.list_devices() == ([], "NVML: Driver Not Loaded")
    assert source.telemetry(device()) is None
    library.failing = {"nvmlDeviceGetCount": nvml.NVML_ERROR_UNKNOWN}
    assert source.list_devices() == ([], "Unknown Error")
    library.failing = {}
    assert len(source.list_devices().sightings) == 1  # it began anew


def test_a_gpu_that_is_lost_while_it_is_watched() -> None:
    gpu = a100()
    source = NvmlSource(lambda: FakeNvml(gpu, a100("00000000:42:00.0", 2)))
    source.list_devices()
    gpu["lost"] = nvml.NVML_ERROR_GPU_IS_LOST
    listing = source.list_devices()
    faults = {seen.pci_address: seen.fault for seen in listing.sightings}
    assert faults == {"0000:41:00.0": "NVML: GPU is lost", "0000:42:00.0": None}
    assert listing.problem
    now = source.telemetry(device())
    assert now is not None
    assert set(now.as_dict()) == {"time", "sources", "fault"}
    del gpu["lost"]
    assert [seen.fault for seen in source.list_devices().sightings] == [None, None]


def test_a_gpu_that_was_lost_before_is_a_problem_and_no_device() -> None:
    gpu = a100(lost=nvml.NVML_ERROR_RESET_REQUIRED)
    listing = NvmlSource(lambda: FakeNvml(gpu)).list_devices()
    assert listing == ([], "GPU 0 of NVML: GPU requires restart")


@pytest.mark.parametrize("function", [name for name in dir(FakeNvml) if name.startswith("nvmlDev")])
@pytest.mark.parametrize(
    "code", [nvml.NVML_ERROR_NOT_SUPPORTED, nvml.NVML_ERROR_FUNCTION_NOT_FOUND]
)
def test_any_call_may_fail(function: str, code: int) -> None:
    library = FakeNvml(a100(links={0: "00000000:42:00.0"}))
    library.failing[function] = code
    source = NvmlSource(lambda: library)
    for seen in source.list_devices().sightings:
        assert seen.pci_address == "0000:41:00.0"
        assert seen.fault is None
    source.telemetry(device())


def test_an_older_library_lacks_functions_and_names_may_be_no_text() -> None:
    library = FakeNvml(a100(nvmlDeviceGetName=UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")))

    class Older:
        def __getattr__(self, name: str) -> Any:
            if name in ("nvmlDeviceGetNumGpuCores", "nvmlDeviceGetMigMode"):
                raise AttributeError(name)
            return getattr(library, name)

    (seen,) = NvmlSource(Older).list_devices().sightings
    assert (seen.name, seen.compute_units) == (None, None)
    assert not seen.verdicts[0].can


class FakeAmdsmi(SimpleNamespace):
    """What of amdsmi 7.0 is called."""

    def amdsmi_init(self) -> None: ...

    def amdsmi_shut_down(self) -> None: ...

    def amdsmi_get_processor_handles(self) -> list[object]:
        return ["one"]

    def amdsmi_get_gpu_device_bdf(self, processor_handle: object) -> str:
        return "0000:c1:00.0"

    def amdsmi_get_gpu_device_uuid(self, processor_handle: object) -> str:
        return "a1ff74a1-0000-1000-80a1-b2c3d4e5f607"

    def amdsmi_get_gpu_asic_info(self, processor_handle: object) -> dict[str, object]:
        return {
            "market_name": "AMD Instinct MI300X",
            "num_compute_units": 304,
            "target_graphics_version": "gfx942",
        }


def test_amdsmi() -> None:
    (seen,) = AmdsmiSource(FakeAmdsmi).list_devices().sightings
    assert (seen.name, seen.compute_units) == ("AMD Instinct MI300X", 304)
    assert str(seen.architecture) == "CDNA 3 (gfx942)"
    assert seen.vendor_uuid == "a1ff74a1-0000-1000-80a1-b2c3d4e5f607"


def test_amdsmi_that_fails_or_knows_little() -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("error 34")

    assert AmdsmiSource(missing).list_devices() == ([], None)
    broken = FakeAmdsmi(amdsmi_init=fail)
    assert AmdsmiSource(lambda: broken).list_devices() == ([], "AMD SMI: error 34")
    no_asic = FakeAmdsmi(amdsmi_get_gpu_asic_info=fail, amdsmi_get_gpu_device_uuid=fail)
    (seen,) = AmdsmiSource(lambda: no_asic).list_devices().sightings
    assert (seen.name, seen.compute_units, seen.architecture) == (None, None, None)
    not_known = {"market_name": "N/A", "num_compute_units": "N/A"}
    vague = FakeAmdsmi(amdsmi_get_gpu_asic_info=lambda _: not_known)
    (seen,) = AmdsmiSource(lambda: vague).list_devices().sightings
    assert (seen.name, seen.compute_units) == (None, None)

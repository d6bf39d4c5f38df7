"""A device host of a partition: its workers' driver is told the variables, and nothing else is."""

from __future__ import annotations

from pathlib import Path

from tests.contract.device_host_process import DeviceHostProcess

USUAL = {"PATH", "LANG", "HOME", "TMPDIR", "XDG_CACHE_HOME", "POCL_CACHE_DIR"}
TOLD = {"CUDA_VISIBLE_DEVICES": "MIG-1", "NVIDIA_VISIBLE_DEVICES": "MIG-1"}


class OfPartition(DeviceHostProcess):
    """A device host with variables."""

    def command(self, *more: str) -> list[str]:
        variables = [f"{name}={value}" for name, value in TOLD.items()]
        return super().command(*more, *(word for one in variables for word in ("--variable", one)))


def environment_of(process: int) -> dict[str, str]:
    found = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    return dict(one.split("=", 1) for one in found if one)


def test_a_worker_has_the_variables_of_its_device_host() -> None:
    host = OfPartition()
    try:
        worker = host.start().control().create().worker
        host.wait_for_log("worker=.* ready")
        found = environment_of(worker)
        assert {name: found.pop(name) for name in TOLD} == TOLD
        assert found.keys() == USUAL
    finally:
        host.close()

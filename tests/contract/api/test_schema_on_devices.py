"""Generated requests to the real service, on device hosts of software GPUs and simulated devices.

Whatever is sent is answered as docs/openapi.json says, and nothing is left over afterwards.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aliquot.client.device_host import running_vgpus
from aliquot.daemon import agreement
from aliquot.daemon.service import Service
from aliquot.errors import AliquotError
from aliquot.store import Location
from tests.absent import absent
from tests.contract.api import generated
from tests.contract.api.services import INVENTORY
from tests.contract.api.serving import ADMIN, Serving
from tests.contract.device_host_process import wait_until
from tests.fakes.service import NODE
from tests.folders import make_short_folder, remove_folder
from tests.soak import length
from tools.programs.drivers import all_drivers


@pytest.fixture
def on_devices(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    """A running API on the real service; in the end all agrees, and nothing is left."""
    if not all_drivers():
        absent("no OpenCL driver is here")
    folder = make_short_folder()
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(folder / "run"))
    (folder / "inventory.yaml").write_text(INVENTORY)
    inventory = str(folder / "inventory.yaml")
    with Service.open(Location(str(folder / "state")), NODE, inventory=inventory) as service:
        serving = Serving(service, folder)
        try:
            yield serving
        finally:
            serving.close()
            end_all(service)
    wait_until(lambda: not list((folder / "run").glob("*/control.sock")), "all has ended")
    remove_folder(folder)


def end_all(service: Service) -> None:
    """As an administrator ends all that there is; then nothing may be left of it anywhere."""
    wait_until(lambda: not agreement.problems(service.store, NODE), "all agrees")
    for vgpu in service.vgpus.list(ADMIN, limit=1000).items:
        try:
            service.vgpus.delete(ADMIN, vgpu.id)
        except AliquotError as error:  # an ephemeral one may end by itself
            print(error)
    wait_until(lambda: not service.vgpus.list(ADMIN).items, "all vGPUs have ended")
    assert not service.queue.list(ADMIN).items
    assert not service.groups.list(ADMIN).items
    assert not service.leases.list(ADMIN).items
    assert not running_vgpus()
    for device in service.devices.list(ADMIN).items:
        assert (device.reserved_memory, device.vgpus) == (0, 0), device.name
    assert service.core.problems == {}


def test_generated_requests_to_the_real_service(on_devices: Serving, tmp_path: Path) -> None:
    generated.send(on_devices, "an-admin", tmp_path, examples=10, seconds=10)


def answered(serving: Serving) -> Counter[str]:
    """How many requests were answered, by the kind of status."""
    found: Counter[str] = Counter()
    with serving.client() as client:
        text = client.node.metrics().decode()
    for status, number in re.findall(
        r'^aliquot_daemon_requests_total\{.*status="(\dxx)"\} ([\d.]+)', text, re.MULTILINE
    ):
        found[status] += int(float(number))
    return found


@pytest.mark.timeout(3600)
@pytest.mark.soak
@pytest.mark.parametrize("who", generated.CALLERS)
def test_generated_requests_for_long(
    on_devices: Serving,
    who: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    seconds = length.scaled(900, least=15)
    generated.send(on_devices, who, tmp_path, examples=1000, seconds=seconds)
    record_property("requests", answered(on_devices))

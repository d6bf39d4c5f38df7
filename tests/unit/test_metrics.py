"""The exposition: what is in it, for whom, how many series it may have, and that it parses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aliquot.daemon import metrics as exposition
from aliquot.daemon.caller import Caller
from aliquot.daemon.own_metrics import AuditWatch, follow_event_loop
from aliquot.model.access_token import Role
from aliquot.model.lease import Holder, LeaseKind
from aliquot.model.lifecycle import VgpuState
from aliquot.model.telemetry import Telemetry
from aliquot.store import devices, leases, lifecycle
from tests.fakes.looks import DEVICE, MIB, device, usage
from tests.fakes.sampling import Bench

GPU = "22222222-0000-0000-0000-000000000002"
ADMIN = Caller(tenant="root", role=Role.ADMIN)
ALICE = Caller(tenant="alice", role=Role.USER)
BOB = Caller(tenant="bob", role=Role.VIEWER)

Labels = dict[str, str]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = in_full_swing(tmp_path / "state")
    yield made
    made.store.close()


def in_full_swing(folder: Path) -> Bench:
    """With a software device, a GPU, a leased vGPU, and something of everything else."""
    made = Bench(folder)
    made.devices = [device(), device(GPU, "gpu", vendor="NVIDIA", vendor_uuid=f"GPU-{GPU}")]
    made.readings[GPU] = Telemetry(
        time=1.0,
        sources=("nvml",),
        use=40.0,
        memory_used=3 << 30,
        power_watts=75.5,
        energy_joules=1000.0,
        temperature=61.0,
        core_mhz=1410,
        corrected_errors=2,
        uncorrected_errors=0,
    )
    vgpu = made.create()
    with made.store.change("test") as change:
        leases.begin(
            change, vgpu.id, "alice", LeaseKind.PROCESS, Holder(process_id=1), enforced=False
        )
    made.beat(**{vgpu.id: usage(at=1)})
    made.beat(**{vgpu.id: usage(at=2, held=0.25, waited=0.5, kernels=9, copied_bytes=MIB)})
    made.sampler.write()
    own = made.metrics.own
    own.request("vgpus.show", 404, 0.002)
    own.error("ALQ-E106")
    own.reconciled(0.01, True)
    own.wrote(0.004)
    own.lagged(0.0)
    AuditWatch(made.store, own).look()
    return made


def families(bench: Bench, caller: Caller = ADMIN) -> dict[str, list[tuple[str, Labels, float]]]:
    """By the name of the family, its samples."""
    text = bench.metrics.text(caller).decode()
    return {
        family.name: [(sample.name, sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


def value(bench: Bench, wanted: str, **labels: str) -> float:
    """The only sample of this name that has these labels."""
    found = [
        number
        for samples in families(bench).values()
        for sample, having, number in samples
        if sample == wanted and labels.items() <= having.items()
    ]
    assert len(found) == 1, (wanted, labels, found)
    return found[0]


def test_a_vgpu_is_told_in_base_units(bench: Bench) -> None:
    (vgpu,) = bench.live.vgpus
    who = {"vgpu": vgpu, "name": "one", "tenant": "alice", "device": DEVICE, "uuid": DEVICE}
    assert value(bench, "aliquot_vgpu_granted_ratio", **who) == 0.25
    assert value(bench, "aliquot_vgpu_consumed_seconds_total", **who) == 0.25
    assert value(bench, "aliquot_vgpu_waiting_seconds_total", **who) == 0.5
    assert value(bench, "aliquot_vgpu_memory_used_bytes", **who) == 256 * MIB
    assert value(bench, "aliquot_vgpu_memory_limit_bytes", **who) == 1024 * MIB
    assert value(bench, "aliquot_vgpu_copied_bytes_total", **who) == MIB
    assert value(bench, "aliquot_vgpu_errors_total", **who) == 0


def test_a_device_can_be_joined_with_its_vendors_exporter(bench: Bench) -> None:
    which = {"device": GPU, "uuid": f"GPU-{GPU}"}
    assert value(bench, "aliquot_device_busy_ratio", **which) == 0.4
    assert value(bench, "aliquot_device_clock_hertz", **which) == 1_410_000_000
    assert value(bench, "aliquot_device_power_watts", **which) == 75.5
    assert value(bench, "aliquot_device_errors_total", **which, kind="corrected") == 2
    told = value(bench, "aliquot_device_info", **which, kind="gpu", vendor="NVIDIA")
    assert told == 1


def test_what_no_source_tells_is_not_there_as_nothing(bench: Bench) -> None:
    for name in ("power_watts", "temperature_celsius", "clock_hertz"):
        having = [labels for _, labels, _ in families(bench)[f"aliquot_device_{name}"]]
        assert [labels["device"] for labels in having] == [GPU]


def test_a_lost_device_stays_with_its_loss(bench: Bench) -> None:
    bench.devices = bench.devices[1:]
    with bench.store.change("test") as change:
        devices.lose(change, DEVICE)
    bench.beat()
    assert value(bench, "aliquot_device_present", device=DEVICE) == 0


def test_leases_queue_and_states(bench: Bench) -> None:
    kind = {"kind": "process", "confinement": "advisory"}
    assert value(bench, "aliquot_lease_in_force", **kind) == 1
    assert value(bench, "aliquot_lease_start_time_seconds", tenant="alice") == 1_800_000_000
    assert value(bench, "aliquot_daemon_vgpus", state="leased") == 1
    assert value(bench, "aliquot_daemon_queue_length") == 0
    before = value(bench, "aliquot_lease_released_total")
    with bench.store.change("test") as change:
        leases.release(change, bench.live.leases[0].id, "test")
    bench.beat()
    assert value(bench, "aliquot_lease_released_total") == before + 1


def test_the_daemon_tells_how_it_fares(bench: Bench) -> None:
    request = {"operation": "vgpus.show", "status": "4xx"}
    assert value(bench, "aliquot_daemon_requests_total", **request) == 1
    assert value(bench, "aliquot_daemon_errors_total", code="ALQ-E106") == 1
    assert value(bench, "aliquot_daemon_reconcile_failures_total") == 1
    assert value(bench, "aliquot_daemon_store_size_bytes") > 4096
    assert value(bench, "aliquot_daemon_audit_intact") == 1
    assert value(bench, "process_resident_memory_bytes") > 0


def test_who_is_no_admin_sees_devices_and_what_is_their_own(bench: Bench) -> None:
    for caller, own in ((ALICE, 1), (BOB, 0)):
        told = families(bench, caller)
        assert len(told["aliquot_vgpu_granted_ratio"]) == own
        assert len(told["aliquot_lease_start_time_seconds"]) == own
        assert len(told["aliquot_lease_in_force"]) == own
        assert told["aliquot_device_info"]
        assert {name for name in told if name.startswith(("aliquot_daemon", "process"))} == {
            "aliquot_daemon_build_info"
        }
    (vgpu,) = bench.live.vgpus
    text = bench.metrics.text(BOB).decode()
    assert vgpu not in text
    assert "alice" not in text


def test_a_scrape_does_not_ask_the_store(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a scrape must not ask")

    monkeypatch.setattr(bench.store, "look", never)
    assert bench.metrics.text(ADMIN)


def test_the_number_of_series_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "MOST_VGPUS", 3)
    (known,) = bench.live.vgpus.values()
    bench.live.vgpus = {
        str(number): known._replace(id=str(number), name=f"v{number}") for number in range(5)
    }
    assert len(families(bench)["aliquot_vgpu_granted_ratio"]) == 3
    assert value(bench, "aliquot_daemon_vgpus_left_out") == 2


def test_series_of_what_is_deleted_end(bench: Bench) -> None:
    (vgpu,) = bench.live.vgpus
    with bench.store.change("test") as change:
        lifecycle.transition(change, vgpu, VgpuState.DELETED)
    bench.beat()
    assert vgpu not in bench.metrics.text(ADMIN).decode()


def test_words_of_tenants_break_nothing(bench: Bench) -> None:
    (known,) = bench.live.vgpus.values()
    odd = 'a"b\\c\nd{e="f"} 1\n# TYPE x counter'
    bench.live.vgpus = {"x": known._replace(tenant=odd)}
    assert value(bench, "aliquot_vgpu_granted_ratio", tenant=odd) == 0.25


def test_names_and_units_follow_the_rules_of_prometheus(bench: Bench) -> None:
    text = bench.metrics.text(ADMIN).decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE))
    assert set(kinds.values()) <= {"counter", "gauge", "histogram"}
    assert len(re.findall(r"^# TYPE", text, re.MULTILINE)) == len(kinds)  # each family once
    for name, kind in kinds.items():
        if not name.startswith("aliquot_"):
            continue
        assert re.fullmatch(r"aliquot_(device|vgpu|lease|daemon)_[a-z_]+[a-z]", name)
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(ms|milliseconds|percent|mib|gib|mhz)(_|$)", name), name
        assert f"# HELP {name} " in text
    for name, labels in re.findall(r"^(\w+)\{(.*)\} ", text, re.MULTILINE):
        assert not re.search(r'(^|,)(instance|job|__\w+)="', labels), name


def test_the_event_loop_is_followed() -> None:
    lags: list[float] = []

    async def follow() -> None:
        task = asyncio.create_task(follow_event_loop(lags.append))
        while not lags:
            await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(asyncio.wait_for(follow(), 60))
    assert lags[0] >= 0


def test_a_broken_audit_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aliquot.store.audit.verify", lambda _: ["row 3 is missing"])
    AuditWatch(bench.store, bench.metrics.own).look()
    assert value(bench, "aliquot_daemon_audit_intact") == 0

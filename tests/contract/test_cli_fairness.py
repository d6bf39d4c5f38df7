"""`aliquot bench fairness` with tenants that only pretend: fair ones pass, others are told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Never
from xml.etree import ElementTree

import pytest

from aliquot.bench.fairness import measure, tenants
from aliquot.bench.fairness.cases import CASES, Case
from aliquot.bench.fairness.control import resize
from aliquot.bench.fairness.measure import Lengths
from aliquot.bench.fairness.picture import draw
from aliquot.bench.fairness.result import Result
from aliquot.bench.fairness.tenants import Together
from aliquot.bench.fairness.verdict import Moment
from aliquot.client.device_host import DeviceHost
from aliquot.devices.opencl import find_device
from aliquot.errors import BenchmarkFailed
from aliquot.model.shares import PolicyKind, Shares
from tests.fakes.installation import FakeInstallation

BY_NAME = {case.name: case for case in CASES}
LENGTHS = Lengths(alone=2.0, together=8.0)


@pytest.fixture
def bench(fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeInstallation]:
    """The installation of fakes as this process's own, where nobody waits for time to pass."""
    fakes.program("aliquot-fairness-tenant", "fairness_tenant")
    (fakes.directory / "tenants").touch()
    fakes.environment["FAKE_TENANT_LOG"] = str(fakes.directory / "tenants")
    for name, value in fakes.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(measure, "_sleep_until", lambda _: None)
    yield fakes
    deadline = time.monotonic() + 60
    for process in (fakes.directory / "tenants").read_text().split():
        while runs(process):
            assert time.monotonic() < deadline, "a tenant was left"
            time.sleep(0.01)


def runs(process: str) -> bool:
    """Whether a process is there; one that only waits to be reaped is not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def run(case: Case, *shares: float) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_SHARES", json.dumps(shares))
        return measure.measure(find_device(None)[1], [case], LENGTHS)


def test_promised_shares_pass(bench: FakeInstallation) -> None:
    result = run(BY_NAME["50-30-20"], 50, 30, 20)
    assert result.holds
    (outcome,) = result.outcomes
    assert outcome.shares == pytest.approx([50, 30, 20], abs=0.1)
    assert [len(band) for band in outcome.bands] == [15] * 3
    created = bench.log_of_device("created")
    guarantees = [line.partition("guarantee=")[2].partition(",")[0] for line in created]
    assert guarantees[:2] == ["0", "0"]  # calibration, alone
    assert sorted(guarantees[2:5]) == ["2000", "3000", "5000"]
    assert guarantees[5:] == ["0"]
    assert all("kernel_limit_ms=60000" in line for line in created)


def test_other_shares_do_not(bench: FakeInstallation) -> None:
    result = run(BY_NAME["30-70"], 33, 67)
    assert not result.holds
    told = result.as_dict()
    assert told["cases"][0]["holds"] is False
    assert {c["promise"] for c in told["cases"][0]["checks"] if not c["holds"]} == {
        "1 s, 95 of 100 windows",
        "1 s, all windows",
        "5 s, all windows",
    }


def test_an_idle_device_and_an_uneven_one(bench: FakeInstallation) -> None:
    (outcome,) = run(BY_NAME["eight-equal"], *[10] * 8).outcomes
    assert [check.promise for check in outcome.missed] == ["device kept busy"]
    (outcome,) = run(BY_NAME["eight-equal"], *[12] * 7, 16).outcomes
    assert "Jain's index" in [check.promise for check in outcome.missed]


def test_a_limit(bench: FakeInstallation) -> None:
    assert run(BY_NAME["limit-25-alone"], 25).holds
    assert not run(BY_NAME["limit-25-alone"], 28).holds


def test_many_processes_of_one_tenant_are_one_tenant(bench: FakeInstallation) -> None:
    (outcome,) = run(BY_NAME["one-process-beside-16"], 50, 50).outcomes
    assert outcome.missed == []
    # By processes, not by vGPUs.
    (outcome,) = run(BY_NAME["one-process-beside-16"], 6, 94).outcomes
    assert "5 s, all windows" in [check.promise for check in outcome.missed]


def test_many_tenants_run_long_enough_in_the_short_form(bench: FakeInstallation) -> None:
    assert run(BY_NAME["thirty-two-equal"], *[100 / 32] * 32).holds


def test_a_policy_is_set_and_put_back(bench: FakeInstallation) -> None:
    case = BY_NAME["fixed-share-two-of-four"]
    with DeviceHost.start_or_join(find_device(None)[1]) as host:
        before = host.policy()
        assert run(case, 25, 25).holds
        (outcome,) = run(case, 50, 50).outcomes
        assert "idle time" in [check.promise for check in outcome.missed]
        assert host.policy() == before


def test_a_policy_is_put_back_after_errors_and_interrupts(
    bench: FakeInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = BY_NAME["fixed-share-two-of-four"]
    meanwhile: list[PolicyKind] = []
    with DeviceHost.start_or_join(find_device(None)[1]) as host:
        before = host.policy()

        def interrupt(_: Together) -> Never:
            # Tenants alone are measured first, by the policy that was there.
            meanwhile.append(host.policy().kind)
            raise KeyboardInterrupt

        monkeypatch.setattr(Together, "traces", interrupt)
        monkeypatch.setattr("aliquot.bench.fairness.measure._Bench._rate_alone", lambda *_: 2000.0)
        with pytest.raises(KeyboardInterrupt):
            run(case, 25, 25)
        assert meanwhile == [PolicyKind.FIXED_SHARE]
        assert host.policy() == before


def test_a_resize(bench: FakeInstallation, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []

    def resize_now(_: DeviceHost, wanted: Sequence[Shares]) -> Moment:
        # Those that pretend have ended by now; they wrote what came after half of the time.
        assert [shares.guarantee for shares in wanted] == [4000, 6000]
        return Moment(waits[-1], waits[-1])

    monkeypatch.setattr(measure, "_sleep_until", waits.append)
    monkeypatch.setattr(measure, "resize", resize_now)
    monkeypatch.setenv("FAKE_SHARES_LATER", "[40, 60]")
    assert run(BY_NAME["resize-20-to-60"], 80, 20).holds
    monkeypatch.setenv("FAKE_SHARES_LATER", "[80, 20]")
    (outcome,) = run(BY_NAME["resize-20-to-60"], 80, 20).outcomes
    assert [check.promise for check in outcome.missed] == [
        "1 s, all windows 100 ms after",
        "0.2 s, 100 ms after",
    ]


def test_a_tenant_that_has_ended_cannot_be_resized(bench: FakeInstallation) -> None:
    with (
        DeviceHost.start_or_join(find_device(None)[1]) as host,
        pytest.raises(BenchmarkFailed, match="ended before it was resized"),
    ):
        resize(host, [Shares(4000)])


def test_delays(bench: FakeInstallation) -> None:
    result = run(BY_NAME["latency-beside-three"], 1, 33, 33, 33)
    assert result.holds


def test_the_picture_has_a_panel_a_case_and_a_band_a_tenant(bench: FakeInstallation) -> None:
    picture = draw(run(BY_NAME["30-70"], 30, 70), "<Fake & CPU>")
    root = ElementTree.fromstring(picture)
    assert len(root.findall(".//{*}polygon")) == 2
    assert ">PASS<" in picture
    assert "&lt;Fake &amp; CPU&gt;" in picture


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("die", "ended before it was ready: it can't, for a test"),
        ("hang", "did not end when its time was over"),
        ("nonsense", "counts can't be read"),
    ],
)
def test_tenants_that_fail_are_told_and_ended(
    bench: FakeInstallation, monkeypatch: pytest.MonkeyPatch, behaviour: str, told: str
) -> None:
    monkeypatch.setenv("FAKE_TENANT", behaviour)
    if behaviour == "hang":
        monkeypatch.setattr(tenants, "_END_SECONDS", 5.0)
    with pytest.raises(BenchmarkFailed, match=told):
        run(BY_NAME["30-70"], 30, 70)


def test_a_device_in_use_is_left_alone(bench: FakeInstallation) -> None:
    ready = bench.directory / "ready"
    script = f": > {ready}; exec sleep 60"
    holder = bench.popen(["run", "--quiet", "--memory", "1MiB", "--", "sh", "-c", script])
    while not ready.exists():
        assert holder.poll() is None
        time.sleep(0.01)
    done = bench.run("bench", "fairness", "--picture", str(bench.directory / "picture.svg"))
    assert (done.returncode, "ALQ-E214: 1 vGPUs are in use" in done.stderr) == (2, True)


def test_another_policy_is_not_measured(bench: FakeInstallation) -> None:
    assert bench.run("policy", "0", "equal-share").returncode == 0
    done = bench.run("bench", "fairness", "--picture", str(bench.directory / "picture.svg"))
    assert (done.returncode, "equal-share" in done.stderr) == (2, True)


def test_a_picture_that_cannot_be_written_is_told_first(fakes: FakeInstallation) -> None:
    done = fakes.run("bench", "fairness", "--picture", "/nowhere/at/all.svg")
    assert (done.returncode, "ALQ-E222" in done.stderr) == (2, True)
    assert fakes.log_of_device("starts") == []

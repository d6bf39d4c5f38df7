"""The comparison of `aliquot bench`: bars, worst metrics, what the benchmark prints."""

import os
from pathlib import Path

import pytest

from aliquot.bench import remoting
from aliquot.bench.promises import PROMISES, SHARED, STAGED, Bar, Better, Promise
from aliquot.errors import BenchmarkFailed
from aliquot.model.device import Device

ROOT = Path(__file__).resolve().parents[2]

METRICS = {
    "setup": ["platform+context+queue"],
    "rtt": ["ndrange+finish"],
    "async": ["enqueue_total"],
    "args": ["4args+enqueue"],
    "bw": ["write_4K", "read_4K", "write_1024K", "read_1024K", "write_65536K", "read_65536K"],
    "map": ["map_rw+unmap_1M"],
    "churn": ["create+write4B+release"],
    "cb": ["event_callback"],
    "userev": ["userevent->done"],
    "compute": ["burn"],
    "info": ["clGetDeviceInfo"],
}


def csv(value: float, **changed: float) -> str:
    rows = [
        f"cl,{test},{metric},u,{changed.get(metric, value)},1,1,1,3"
        for test, metrics in METRICS.items()
        for metric in metrics
    ]
    return "\n".join(rows) + "\n"


def device() -> Device:
    return Device(
        "u", "d", ["cpu"], "", "", "", "", "", "lib.so", 0, 0, 1, 1, 1 << 30, 1 << 28, True, []
    )


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    outputs = {"native": csv(10), "vgpu": csv(10)}
    monkeypatch.setattr(remoting, "_calibrate", lambda _: 5)
    monkeypatch.setattr(remoting, "start_ms", lambda _, on_vgpu: 60.0 if on_vgpu else 1.0)
    monkeypatch.setattr(remoting, "run_native", lambda *_: outputs["native"])
    monkeypatch.setattr(remoting, "run_on_vgpu", lambda *_: outputs["vgpu"])
    return outputs


def compare(transfer: str = SHARED, tolerance: float = 1.0) -> dict[str, remoting.Line]:
    result = remoting.compare(device(), rounds=1, transfer=transfer, scale=0.1, tolerance=tolerance)
    return {line.promise.name: line for line in result.lines}


def test_equal_speed_breaks_only_the_bars_that_ask_for_more(measured: dict[str, str]) -> None:
    broken = {name for name, line in compare(STAGED).items() if not line.holds}
    assert broken == {"create + write + release"}
    broken = {name for name, line in compare().items() if not line.holds}
    assert broken == {
        "create + write + release",
        "map + unmap 1 MiB",
        "blocking write and read 4 KiB",
        "blocking write and read 1 MiB",
    }


def test_the_worse_of_two_metrics_counts(measured: dict[str, str]) -> None:
    measured["vgpu"] = csv(10, write_65536K=20, read_65536K=5)
    line = compare()["blocking write and read 64 MiB"]
    assert (line.value, line.holds) == (0.5, False)


def test_set_up_is_a_difference(measured: dict[str, str]) -> None:
    measured["vgpu"] = csv(10, **{"platform+context+queue": 30.5})
    line = compare()["set-up (platform, context, queue)"]
    assert (line.value, line.holds) == (20.5, False)
    assert compare(tolerance=2)["set-up (platform, context, queue)"].holds


def test_tolerance_widens_both_ways() -> None:
    less = Promise("", (), Better.LESS, Bar(1.5, 1), Bar(2, 1))
    assert not less.holds(2.9, SHARED)
    assert less.holds(2.9, SHARED, 2)
    assert less.holds(1.9, STAGED)
    more = Promise("", (), Better.MORE, Bar(0.9, 1), Bar(0.8, 1))
    assert not more.holds(0.5, SHARED)
    assert more.holds(0.5, SHARED, 2)


def test_a_failing_test_is_an_error(measured: dict[str, str]) -> None:
    measured["vgpu"] = "cl,bw,ERR,code,-5,,,,0\n"
    with pytest.raises(BenchmarkFailed, match="'bw' failed with OpenCL error -5"):
        compare()


def test_a_missing_metric_is_an_error(measured: dict[str, str]) -> None:
    measured["native"] = csv(10).replace("burn", "other")
    with pytest.raises(BenchmarkFailed, match="compute/burn"):
        compare()


def test_every_metric_is_one_that_the_benchmark_prints() -> None:
    source = (ROOT / "tests/performance/clbench.c").read_text()
    for promise in PROMISES:
        for metric in promise.metrics:
            if metric == "start/true":  # measured without the benchmark program
                continue
            name = metric.partition("/")[2]
            stem = "write_" if name.startswith("write") else name
            assert (stem if not name.startswith("read_") else "read_") in source


def test_the_busy_process_is_gone_afterwards() -> None:
    with remoting.busy_process():
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        assert children
    assert not Path(f"/proc/{children[-1]}").exists()

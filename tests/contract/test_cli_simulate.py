"""`aliquot simulate` and `aliquot plan`, with the engine itself, on short lists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from aliquot.model.device_record import DeviceRecord
from aliquot.model.vgpu_record import VgpuSpec
from aliquot.store import Location, Store, devices, vgpus
from tests.absent import absent
from tests.short_lists import NODES, PODS


def aliquot(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aliquot.cli", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def lists(tmp_path: Path) -> list[str]:
    (tmp_path / "nodes.csv").write_text(NODES)
    (tmp_path / "pods.csv").write_text(PODS)
    return ["--nodes", str(tmp_path / "nodes.csv"), "--pods", str(tmp_path / "pods.csv")]


def test_json_maps_each_policy_to_what_it_allocates(lists: list[str]) -> None:
    done = aliquot(
        "simulate", *lists, "--policy", "FGD,aliquot,random", "--seeds", "42-44", "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert list(told) == ["FGD", "aliquot", "random"]  # as they were asked for
    for outcome in told.values():
        assert list(outcome["allocated"]) == ["80", "90", "100", "110", "130"]
        assert list(outcome["seeds"]) == ["42", "43", "44"]
        assert 0 < outcome["allocated"]["80"] <= 100
    assert (
        done.stdout
        == aliquot(
            "simulate", *lists, "--policy", "FGD,aliquot,random", "--seeds", "42-44", "--json"
        ).stdout
    )


def test_departures_and_moves(lists: list[str]) -> None:
    done = aliquot(
        "simulate", *lists, "--departures", "--policy", "aliquot", "--seeds", "1", "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)["aliquot"]
    assert list(told["allocated"]) == ["mean", "100", "105", "110", "115", "120"]
    done = aliquot("simulate", *lists, "--moves", "100", "--policy", "worst-fit", "--json")
    assert json.loads(done.stdout)["worst-fit"]["moves"] > 0


def test_a_table_and_pictures(lists: list[str], tmp_path: Path) -> None:
    picture = tmp_path / "curves.svg"
    done = aliquot("simulate", *lists, "--seeds", "1,2", "--picture", str(picture))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split()[:3] == ["policy", "80", "%"]
    assert [line.split()[0] for line in done.stdout.splitlines()[1:3]] == ["fgd", "aliquot"]
    assert "aliquot to fgd at 100 %, paired by seed: " in done.stdout.splitlines()[-1]
    assert picture.read_text().startswith("<svg")
    done = aliquot("plan", *lists, "--more", "4", "--picture", str(tmp_path / "plan.svg"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# What would serve 13 requests on 4 nodes?")
    assert (tmp_path / "plan.svg").read_text().startswith("<svg")


def test_the_bound_is_above_all_policies(lists: list[str]) -> None:
    if find_spec("scipy") is None:
        absent("scipy is not installed here")
    policies = "random,best-fit,worst-fit,dot-product,gpu-packing,gpu-clustering,fgd,aliquot"
    done = aliquot("simulate", *lists, "--policy", policies, "--seeds", "1-3", "--bound", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    bound = told.pop("upper-bound")["allocated"]
    for outcome in told.values():
        assert all(outcome["allocated"][at] <= value + 1e-6 for at, value in bound.items())


def test_a_plan_from_the_history_of_the_daemon(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)

    def plan(*arguments: str) -> subprocess.CompletedProcess[str]:
        return aliquot("plan", "--history", *arguments, ALIQUOT_STATE=str(folder))

    Store.open(Location(str(folder)), "node-a").close()
    nothing = plan()
    assert (nothing.returncode, "ALQ-E707" in nothing.stderr) == (2, True)
    with Store.open(Location(str(folder)), "node-a") as store, store.change("alice") as change:
        devices.put(change, DeviceRecord(uuid="d", node="node-a", name="GPU", memory=16 << 30))
        vgpus.create(change, "one", "alice", VgpuSpec(memory=10 << 30), device="d")
        vgpus.create(change, "two", "alice", VgpuSpec(memory=10 << 30))
    done = plan("--more", "1", "--days", "7")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# What would serve the 2 vGPUs of the last 7 days?")
    assert "software vGPUs, and 1 more devices | 2 | 100.0 %" in done.stdout
    assert "software vGPUs | 1 | 50.0 %" in done.stdout
    told = json.loads(plan("--more", "0", "--json").stdout)
    assert {way["key"]: way["refused"] for way in told} == {"whole": 1, "mig": 1, "vgpu": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--nodes", "n.csv"],
        ["--nodes", "n.csv", "--pods", "p.csv", "--days", "3"],
        ["--history", "--pods", "p.csv"],
        ["--history", "--seeds", "1"],
        ["--history", "--days", "31"],
        ["--history", "--more", "-1"],
    ],
)
def test_a_plan_is_from_files_or_from_history(arguments: list[str]) -> None:
    done = aliquot("plan", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "ALQ-E201" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--policy", "tetris"], "ALQ-E703"),
        (["--seeds", "x"], "ALQ-E705"),
        (["--nodes", "absent.csv"], "ALQ-E701"),
        (["--pods", "absent.csv"], "ALQ-E702"),
        (["--moves", "-1"], "ALQ-E201"),
        (["--picture", "curves.gif"], "ALQ-E201"),
        (["--picture", "absent/curves.svg", "--seeds", "1"], "ALQ-E222"),
    ],
)
def test_errors(lists: list[str], arguments: list[str], code: str) -> None:
    done = aliquot("simulate", *lists, *arguments)
    assert done.returncode == 2
    assert code in done.stderr
    assert done.stdout == ""

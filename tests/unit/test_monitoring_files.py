"""Dashboard, alert rules and page agree with what the daemon really tells; promtool agrees, too."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.absent import absent
from tests.fakes.sampling import Bench
from tests.unit.test_metrics import ADMIN, in_full_swing

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "src/aliquot/service/prometheus/aliquot.rules.yaml"
DASHBOARD = ROOT / "src/aliquot/service/grafana/aliquot.json"
PAGE = ROOT / "docs/monitoring.md"
NAME = re.compile(r"\b(?:aliquot|process)_[a-z_]+\b")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = in_full_swing(tmp_path_factory.mktemp("monitoring") / "state")
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def exposition(bench: Bench) -> str:
    return bench.metrics.text(ADMIN).decode()


@pytest.fixture(scope="module")
def samples(exposition: str) -> dict[str, set[str]]:
    """The names of the samples that there are, with their labels."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions(node: Any) -> Iterator[str]:
    """What Prometheus is asked for, wherever it stands in a file."""
    if isinstance(node, dict):
        for key, inner in node.items():
            if key in ("expr", "query") and isinstance(inner, str):
                yield inner
            else:
                yield from expressions(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from expressions(inner)


def check(asked: list[str], samples: dict[str, set[str]]) -> None:
    """Each metric that is asked for is there, with the labels by which it is asked."""
    assert asked
    for expression in asked:
        for name in NAME.findall(expression):
            assert name in samples, f"{name} is in no exposition, and asked for in {expression}"
        for name, matchers in re.findall(r"\b(aliquot_\w+)\{([^}]*)\}", expression):
            assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", matchers)) <= samples[name], expression


def test_the_rules_ask_for_what_there_is(samples: dict[str, set[str]]) -> None:
    rules = yaml.safe_load(RULES.read_text())
    check(list(expressions(rules)), samples)
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    for rule in alerts:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}
        labels = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        asked: set[str] = set()
        for name in NAME.findall(rule["expr"]):
            asked |= samples[name]
        assert labels <= asked | {"instance"}, rule["alert"]
    assert len({rule["alert"] for rule in alerts}) == len(alerts)


def test_the_dashboard_asks_for_what_there_is(samples: dict[str, set[str]]) -> None:
    board = json.loads(DASHBOARD.read_text())
    asked = [text for text in expressions(board) if "aliquot_" in text or "process_" in text]
    check(asked, samples)
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            there: set[str] = set()
            for name in NAME.findall(target["expr"]):
                there |= samples[name]
            assert labels <= there | {"instance"}, panel["title"]
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places)


def test_the_page_lists_every_metric_and_no_other(exposition: str) -> None:
    page = PAGE.read_text()
    listed = set(re.findall(r"^\| `(aliquot_\w+)`", page, re.MULTILINE))
    told = set(re.findall(r"^# TYPE (aliquot_\w+) ", exposition, re.MULTILINE))
    assert listed == told
    for alert in re.findall(r"alert: (\w+)", RULES.read_text()):
        assert f"`{alert}`" in page


def promtool() -> str:
    unpacked = ROOT / "build/prometheus/usr/bin/promtool"
    found = shutil.which("promtool") or (str(unpacked) if unpacked.exists() else None)
    return found or absent("promtool is not here (Debian's package prometheus)")


def run(*arguments: str, told: str | None = None, folder: Path | None = None) -> None:
    done = subprocess.run(
        [promtool(), *arguments],
        input=told,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_the_rules_sound() -> None:
    run("check", "rules", str(RULES))


def test_promtool_finds_the_exposition_sound(exposition: str) -> None:
    run("check", "metrics", told=exposition)


def test_alerts_are_raised_when_they_should_be_and_only_then(tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    shutil.copy(Path(__file__).parent / "prometheus/rules_test.yaml", tmp_path)
    run("test", "rules", "rules_test.yaml", folder=tmp_path)

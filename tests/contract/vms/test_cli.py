"""`aliquot attach`, `detach`, `vm` and what `show`, `vgpus` and `leases` say, over the real API."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aliquot import environment
from aliquot.cli import main
from tests.contract.api.serving import Serving
from tests.contract.modes.houses import GPU
from tests.contract.vms.around import Around

Say = Callable[..., str]
VGPU = "root:a"  # whoever runs the tests


@pytest.fixture
def served(card: Around, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Around]:
    serving = Serving(card.house.service, tmp_path)
    monkeypatch.setenv(environment.API.name, serving.listener.path)
    yield card
    serving.close()


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command; what it printed, or where it fails its error."""

    def run(*words: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["aliquot", *words])
        ended = main()
        told = capsys.readouterr()
        assert ended == status, told
        return told.out if status == 0 else told.err

    return run


def test_a_vgpu_comes_to_a_vm_and_goes(served: Around, say: Say) -> None:
    served.domain.start()
    told = say("attach", VGPU, "--vm", "build-01")
    assert told == "vGPU a: attached to VM libvirt:build-01, running; it has it now\n"
    shown = say("show", VGPU)
    assert "VM            libvirt:build-01, running" in shown
    assert "vm libvirt:build-01, enforced" in shown
    assert "libvirt:build-01, running" in say("vgpus")
    assert "vm libvirt:build-01" in say("leases")
    again = say("attach", VGPU, "--vm", "build-02", status=2)
    assert again.startswith("aliquot: ALQ-E774: vGPU a is attached to VM libvirt:build-01; ")
    assert json.loads(say("vgpus", "--json"))["vgpus"][0]["vm"]["hypervisor"] == "libvirt"
    assert say("detach", VGPU).startswith("vGPU a: ready")
    assert "ALQ-E776" in say("detach", VGPU, status=2)


def test_one_that_is_off_gets_it_when_it_starts(served: Around, say: Say) -> None:
    told = say("attach", VGPU, "--vm", "libvirt:build-01")
    assert told.endswith("off; it gets it when it starts\n")
    assert say("vm", "started", "--hypervisor", "libvirt", "build-01") == "vGPUs ready: a\n"
    assert say("vm", "stopped", "build-01") == "vGPUs taken back: a\n"
    assert say("vm", "started", "--", "--help") == ""
    assert json.loads(say("vm", "started", "build-01", "--json")) == {"vgpus": ["a"]}


def test_arguments_for_a_vm_that_is_started_by_hand(served: Around, say: Say) -> None:
    words = say("attach", VGPU, "--vm-arguments").split()
    assert words[0::2] == ["-device", "-device"]
    assert f"host={GPU}" in words[1]
    assert "VM            started by hand" in say("show", VGPU)


def test_what_is_asked_wrongly(served: Around, say: Say) -> None:
    for words in (("attach", VGPU), ("attach", VGPU, "--vm", "x", "--vm-arguments")):
        assert "ALQ-E2" in say(*words, status=2)
    assert "ALQ-E770" in say("attach", VGPU, "--vm", "$(reboot)", status=2)
    assert "ALQ-E778" in say("attach", VGPU, "--vm", "a\nb", status=2)
    assert "ALQ-E106" in say("attach", "none", "--vm", "build-01", status=2)
    assert served.house.show().vm is None


def test_hooks_are_printed_and_succeed_without_a_daemon(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'vm "$event" --hypervisor libvirt -- "$1"' in say("vm", "hook", "libvirt")
    assert "pre-start" in say("vm", "hook", "proxmox")
    monkeypatch.delenv(environment.API.name, raising=False)
    monkeypatch.setenv(environment.RUNTIME_DIR.name, str(tmp_path))
    monkeypatch.setattr("aliquot.runtime_directory.api_sockets", list)
    assert say("vm", "started", "build-01") == ""

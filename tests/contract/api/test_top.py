"""`aliquot top` where device hosts are another user's: the daemon tells of one's own vGPUs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aliquot.cli import top
from aliquot.model.access_token import Role
from aliquot.model.api.vgpus import VgpuWanted
from tests.contract.api.serving import Serving


def test_the_daemon_tells_of_ones_own(
    on_fakes: Serving,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(tmp_path / "nothing"))
    token = on_fakes.token("alice", Role.USER)
    secret = tmp_path / "token"
    secret.write_text(token)
    secret.chmod(0o600)
    monkeypatch.setenv("ALIQUOT_API", f"http://127.0.0.1:{on_fakes.port}")
    monkeypatch.setenv("ALIQUOT_TOKEN_FILE", str(secret))
    assert top.main(["--once"]) == 0
    assert capsys.readouterr().out == "there is no vGPU\n"
    with on_fakes.client(token) as alice, on_fakes.client() as admin:
        alice.vgpus.create(VgpuWanted(name="mine", memory=1 << 30, compute=25, compute_limit=40))
        admin.vgpus.create(VgpuWanted(name="roots", memory=1 << 30))
    assert top.main(["--once"]) == 0
    heading, mine = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["vGPU", "tenant", "state"]
    assert mine.split()[:2] == ["mine", "alice"]
    assert "25 to 40 %" in mine
    assert top.main(["--once", "--json"]) == 0
    assert [vgpu["name"] for vgpu in json.loads(capsys.readouterr().out)["vgpus"]] == ["mine"]
    assert top.main(["--json", "--rounds", "2", "--interval", "100ms"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [len(json.loads(line)["vgpus"]) for line in lines] == [1, 1]


def test_who_has_the_device_hosts_is_told_by_them(
    on_fakes: Serving,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("ALIQUOT_API", raising=False)
    with on_fakes.client() as admin:
        admin.vgpus.create(VgpuWanted(name="idle", memory=1 << 30))
    assert top.main(["--once"]) == 0
    assert capsys.readouterr().out == "no vGPU is in use here\n"

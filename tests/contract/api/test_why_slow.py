"""`aliquot why-slow` where device hosts are another user's: the daemon tells of one's own vGPUs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aliquot.cli import why_slow
from aliquot.errors import NoSuchVgpu
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
    with on_fakes.client(token) as alice, on_fakes.client() as admin:
        alice.vgpus.create(VgpuWanted(name="mine", memory=1 << 30))
        admin.vgpus.create(VgpuWanted(name="roots", memory=1 << 30))
    secret = tmp_path / "token"
    secret.write_text(token)
    secret.chmod(0o600)
    monkeypatch.setenv("ALIQUOT_API", f"http://127.0.0.1:{on_fakes.port}")
    monkeypatch.setenv("ALIQUOT_TOKEN_FILE", str(secret))
    assert why_slow.main(["mine"]) == 0
    assert "60.0 % went into this: it waited while others had the device" in capsys.readouterr().out
    assert why_slow.main(["mine", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["promised"]["compute"]) == ("mine", 25.0)
    assert told["parts_ns"]["others"] == 6_000_000_000
    for hidden in ("roots", "none"):
        with pytest.raises(NoSuchVgpu):
            why_slow.main([hidden])

"""What a parent of mdevs tells of its room may be anything, or missing."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from aliquot.errors import NoRoomForPartition
from aliquot.model.hardware import Wanted
from aliquot.modes.journal import Journal
from aliquot.modes.kernel import Kernel
from aliquot.modes.mdev import Mdev


@pytest.mark.parametrize("told", ["many", "-1", "", None])
def test_a_type_whose_room_isnt_told_has_none(told: str | None, tmp_path: Path) -> None:
    kind = tmp_path / "sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1"
    kind.mkdir(parents=True)
    (kind / "name").write_text("Single port serial\n")
    if told is not None:
        (kind / "available_instances").write_text(told)
    mode = Mdev(Kernel(str(tmp_path / "sys")), Journal(str(tmp_path / "modes")))
    wanted = Wanted(vgpu=str(uuid.uuid4()), device="mtty")
    for ask in (mode.plan, mode.create):
        with pytest.raises(NoRoomForPartition, match="Single port serial"):
            ask(wanted)
    assert mode.adopt() == []

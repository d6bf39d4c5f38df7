"""What the owners of three machines are told: as was read and found good."""

from __future__ import annotations

import pytest

from tests.owners.told import FOLDER, OWNERS, told


@pytest.mark.parametrize("owner", OWNERS)
def test_what_an_owner_is_told(owner: str) -> None:
    found = told(owner)
    # The id of a vGPU that is made has the moment in it, and a partition's UUID is that.
    assert found == (FOLDER / f"{owner}.txt").read_text(), "run: python -m tests.owners.told"

"""Random histories of the arbiter, as many as nobody waits for; `ctest` runs ten thousand."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.soak import length
from tools.setup.report import BUILD

_PROGRAM = BUILD / "native" / "native" / "tests" / "arbiter" / "arbiter_test"


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_million_histories_keep_what_the_arbiter_promises(
    record_property: Callable[[str, object], None],
) -> None:
    """No starvation, bounded debts, no turn for the dead, accounts that sum up to zero."""
    histories = length.scaled(1_000_000, least=1000)
    result = subprocess.run(
        [_PROGRAM, "histories", str(histories)], capture_output=True, text=True, check=False
    )
    record_property("histories", histories)
    assert result.returncode == 0, result.stdout + result.stderr

"""What a person can get wrong: one sentence, a stable code, exit status 2, nothing left behind.

Drivers that are missing or none are in tests/contract, with stand-ins for what is installed.
"""

from __future__ import annotations

import re

import pytest

from tests.system.runtime import Runtime
from tools.programs.drivers import Driver


@pytest.mark.parametrize(
    "arguments",
    [
        ["--memory", "1000TiB"],
        ["--memory", "12 bananas"],
        ["--memory", "-1MiB"],
        ["--memory", "0"],
        ["--memory", ""],
        ["--device", "no-such-device"],
        ["--device", "99"],
        ["--kernel-limit", "soon"],
        ["--name", "../../escape"],
        ["--trace", "/nonexistent/folder/trace"],
        ["--compute", "0"],
        ["--compute", "-5"],
        ["--compute", "101"],
        ["--compute", "40", "--compute-limit", "25"],
        ["--weight", "heavy"],
        ["--priority", "urgent"],
        ["--no-such-option"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_a_bad_option_is_one_sentence_and_status_2(
    one_driver: Driver, arguments: list[str], runtime: Runtime
) -> None:
    """The command is not started."""
    done = runtime.aliquot("run", *arguments, "--", "echo", "started")
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.search(r"ALQ-E\d{3}", done.stderr), done.stderr
    assert "Traceback" not in done.stderr

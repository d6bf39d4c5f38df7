"""What a person can get wrong: one sentence, a stable code, exit status 2, nothing left behind."""

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


@pytest.mark.parametrize("library", ["/nonexistent/driver.so", "libm.so.6", "/etc/passwd"])
def test_a_driver_that_is_none(one_driver: Driver, library: str, runtime: Runtime) -> None:
    """Missing, a library that is no OpenCL driver, no library at all."""
    variables = {"OCL_ICD_VENDORS": library, "OCL_ICD_FILENAMES": library}
    done = runtime.aliquot("run", "--", "echo", "started", variables=variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"ALQ-E\d{3}", done.stderr), done.stderr
    assert "Traceback" not in done.stderr

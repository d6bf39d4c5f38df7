"""What a test does when something that it needs is not on this machine."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

IN_CI = bool(os.environ.get("CI"))


def absent(reason: str) -> NoReturn:
    """Skips the test with the reason; fails it in CI, whose set-up can get everything.

    There a skip would only hide that the set-up is broken.
    """
    if IN_CI:
        pytest.fail(f"{reason}; set-up must bring it to CI", pytrace=False)
    pytest.skip(reason)

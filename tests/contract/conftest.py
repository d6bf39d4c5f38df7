"""Fixtures of the tests of the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.installation import FakeInstallation


@pytest.fixture
def fakes(tmp_path: Path) -> Iterator[FakeInstallation]:
    """An installation of fakes with one driver that offers one software device."""
    fakes = FakeInstallation(tmp_path)
    fakes.driver("one")
    yield fakes
    fakes.close()

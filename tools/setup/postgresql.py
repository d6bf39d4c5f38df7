"""PostgreSQL's programs without a server: tests start one of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

_CONFIGURATION = Path("/etc/postgresql-common/createcluster.d/aliquot-setup.conf")


@contextlib.contextmanager
def no_server(configuration: Path = _CONFIGURATION) -> Generator[None]:
    """Within this, installing the package makes no database and starts no server."""
    made = [parent for parent in configuration.parents if not parent.exists()]
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        configuration.unlink()
        with contextlib.suppress(OSError):  # the package has put something there
            for folder in made:
                folder.rmdir()

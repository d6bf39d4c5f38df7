"""`python -m tools.guest_package`: packs what was built here for guest VMs."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

from aliquot.errors import AliquotError
from tools.guest_package.package import write
from tools.setup.report import BUILD


def main() -> int:
    """Write it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.guest_package", description=__doc__)
    parser.add_argument("--folder", type=Path, default=BUILD / "guest-package", metavar="FOLDER")
    given = parser.parse_args()
    try:
        written = write(given.folder, version("aliquot"))
    except AliquotError as error:
        sys.stderr.write(f"guest-package: {error}\n")
        return 1
    print(f"{written} ({written.stat().st_size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long the long tests are: whole, or a part of it to see that they start and leave a result.

`ALIQUOT_SOAK_SCALE=0.001 pytest -m soak …` runs a thousandth of each. A result of less than the
whole is no proof of anything, so it goes to build/soak instead of docs/soak.
"""

from __future__ import annotations

import os

SCALE = float(os.environ.get("ALIQUOT_SOAK_SCALE", "1"))


def scaled(whole: int, *, least: int, multiple_of: int = 1) -> int:
    """That part of `whole` which this run does, at least `least`."""
    part = round(whole * SCALE / multiple_of) * multiple_of
    return min(whole, max(least, part))

"""`python -m aliquot.cli` is `aliquot`, for where the package isn't installed."""

import sys

from aliquot.cli import main

sys.exit(main())

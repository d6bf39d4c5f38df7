"""What is to be done every few minutes: forgetting what is old, and telling the heads of the audit.

Also the one place that looks at the clock for all: see aliquot.store.clock.
"""

from __future__ import annotations

import logging
import threading

from aliquot.daemon.core import Core
from aliquot.errors import AliquotError
from aliquot.store import audit, retention
from aliquot.store.change import SYSTEM

SWEEP_SECONDS = 300.0
_RETRY_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Housekeeping:
    """Sweeps the state and sends the audit's heads to the system log."""

    def __init__(self, core: Core) -> None:
        """Work with this."""
        self._core = core
        self._told: list[audit.AuditHead] = []

    def sweep(self) -> None:
        """Do it once."""
        with self._core.store.change(SYSTEM) as change:
            retention.sweep(change)
        with self._core.store.look() as view:
            if audit.heads(view) != self._told:
                self._told = audit.export_heads(view)

    def threads(self) -> list[threading.Thread]:
        """The thread, to be started."""
        return [threading.Thread(target=self._run, name="housekeeping")]

    def _run(self) -> None:
        while not self._core.stop.is_set():
            try:
                self.sweep()
                self._core.problems.pop("housekeeping", None)
                seconds = SWEEP_SECONDS
            except AliquotError as error:  # a full disk, say
                self._core.problems["housekeeping"] = str(error)
                seconds = _RETRY_SECONDS
            except Exception:
                _log.exception("housekeeping met a fault")
                self._core.problems["housekeeping"] = "a fault was met; the log tells more"
                seconds = SWEEP_SECONDS
            self._core.stop.wait(seconds)

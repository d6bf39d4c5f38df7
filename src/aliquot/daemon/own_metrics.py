"""How the daemon itself fares: what its parts tell here, Prometheus reads."""

from __future__ import annotations

import asyncio
import logging
import math
import platform
import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import InfoMetricFamily
from prometheus_client.metrics_core import Metric

from aliquot import __version__
from aliquot.store import Store, audit

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_LAG_SECONDS = 1.0
AUDIT_SECONDS = 6 * 3600.0
_END_SECONDS = 10.0
_log = logging.getLogger(__name__)


class OwnMetrics:
    """Counts and times of one daemon. Every method may be called by any thread."""

    def __init__(self) -> None:
        """All begin at nothing."""
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "aliquot_daemon_requests",
            "Requests to the API, by what was asked and the class of the status.",
            ("operation", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "aliquot_daemon_request_duration_seconds",
            "How long requests to the API took, by what was asked; watching goes on for long.",
            ("operation",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._errors = Counter(
            "aliquot_daemon_errors",
            "Errors that the API told, by their code.",
            ("code",),
            registry=self.registry,
        )
        self._reconciled = Histogram(
            "aliquot_daemon_reconcile_duration_seconds",
            "How long bringing a vGPU to what is wanted took.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._reconcile_failures = Counter(
            "aliquot_daemon_reconcile_failures",
            "How often that failed and is tried again.",
            registry=self.registry,
        )
        self._lag = Histogram(
            "aliquot_daemon_event_loop_lag_seconds",
            "How much later than due the API's event loop went on.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._written = Histogram(
            "aliquot_daemon_store_write_duration_seconds",
            "How long writing a batch of samples to the store took.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._audit = Gauge(
            "aliquot_daemon_audit_intact",
            "1 where the audit was as it was written when it was verified last, else 0.",
            registry=self.registry,
        )
        self._audit.set(math.nan)  # not known until it was verified

    def request(self, operation: str, status: int, seconds: float) -> None:
        """A request was answered: to an operation of the API, or "none" where there is none.

        The status is counted by its class, so that the series stay few.
        """
        self._requests.labels(operation, f"{status // 100}xx").inc()
        self._request_seconds.labels(operation).observe(seconds)

    def error(self, code: str) -> None:
        """An error was told."""
        self._errors.labels(code).inc()

    def reconciled(self, seconds: float, failed: bool) -> None:
        """A vGPU was brought to what is wanted, or that failed."""
        self._reconciled.observe(seconds)
        if failed:
            self._reconcile_failures.inc()

    def wrote(self, seconds: float) -> None:
        """A batch of samples was written."""
        self._written.observe(seconds)

    def lagged(self, seconds: float) -> None:
        """The event loop went on so much later than it should have."""
        self._lag.observe(seconds)

    def audit_verified(self, *, intact: bool) -> None:
        """The audit was looked through."""
        self._audit.set(int(intact))

    def build_info(self) -> Metric:
        """What runs here."""
        told = {"version": __version__, "python": platform.python_version()}
        return InfoMetricFamily("aliquot_daemon_build", "What runs here; always 1.", value=told)


async def follow_event_loop(lagged: Callable[[float], None]) -> None:
    """Tell, once a second and for ever, how late the event loop is that runs this."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_SECONDS
        await asyncio.sleep(_LAG_SECONDS)
        lagged(max(0.0, loop.time() - due))


class AuditWatch:
    """Verifies the audit when the daemon starts and every six hours, in a thread of its own."""

    def __init__(self, store: Store, own: OwnMetrics) -> None:
        """Nothing is looked at before `start`."""
        self._store = store
        self._own = own
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, as soon as what is being read is read."""
        self._stopping.set()
        self._thread.join(_END_SECONDS)

    def look(self) -> None:
        """Verify once."""
        with self._store.look() as view:
            self._own.audit_verified(intact=not audit.verify(view))

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except Exception:
                _log.exception("the audit could not be verified")
            if self._stopping.wait(AUDIT_SECONDS):
                return

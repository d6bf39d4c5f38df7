"""Series of devices and vGPUs: what the store keeps, and the newest seconds from memory."""

from __future__ import annotations

from aliquot.daemon.live import Live
from aliquot.errors import BadRequest
from aliquot.model.api.devices import SeriesPointResource, SeriesResource
from aliquot.model.series import RESOLUTIONS, Resolution
from aliquot.store import Store, series


def of_subject(
    store: Store,
    live: Live,
    kind: str,
    subject: str,
    *,
    step_seconds: int,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> SeriesResource:
    """The series of a `device` or a `vgpu`; raises BadRequest.

    It begins in [since, until), oldest first. Steps of a second come with those that aren't written
    yet; longer ones lack the last seconds. Who may see the subject is the caller's to check.
    """
    resolution = resolution_of(step_seconds)
    with store.look() as view:
        now_ms = view.now_ms
        kept = series.points(view, kind, subject, resolution, since_ms=since_ms, until_ms=until_ms)
    points: dict[int, dict[str, tuple[float, float, float]]] = {
        point.at_ms: {
            name: (spread.mean, spread.least, spread.most) for name, spread in point.values.items()
        }
        for point in kept
    }
    if resolution.seconds == RESOLUTIONS[0].seconds:
        until = now_ms + 1 if until_ms is None else until_ms
        since = max(until - resolution.span_seconds * 1000, since_ms or 0)
        for sample in live.unwritten_of(kind, subject):
            at_ms = sample.at_ms - sample.at_ms % 1000
            if since <= at_ms < until:
                points.setdefault(at_ms, {n: (v, v, v) for n, v in sample.values.items()})
    return SeriesResource(
        subject=subject,
        step_seconds=step_seconds,
        points=[SeriesPointResource(at_ms=at, values=points[at]) for at in sorted(points)],
    )


def resolution_of(step_seconds: int) -> Resolution:
    """The resolution of this step; raises BadRequest."""
    for resolution in RESOLUTIONS:
        if resolution.seconds == step_seconds:
            return resolution
    raise BadRequest(
        f"there is no series in steps of {step_seconds} s", remedy="ask for steps of 1, 10 or 300 s"
    )

"""Series: samples go into three resolutions at once, each a ring of fixed length.

A sample falls into the step of its own time, in each resolution, at the moment it is added. So it
is counted once in each, whatever the order in which samples come and however the clock jumps: there
is no later pass over what was kept, which could miss or count twice. A step's cell in the ring is
its number modulo the ring's length: a newer step takes the place of the one a whole ring before,
so nothing grows and nothing has to be swept. After a jump forward and back, only those cells hold
wrong times that were written meanwhile, and reading goes by the time, not by the cell.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import delete, insert, select, tuple_

from aliquot.model.series import METRICS, RESOLUTIONS, Resolution, Sample, SeriesPoint, Spread
from aliquot.store.change import Change, View
from aliquot.store.tables import series, series_subjects

_UNKNOWN = math.nan
_AT_ONCE = 5000


class _Sum(NamedTuple):
    """A metric over a step: how often it was measured, and what came of it."""

    times: int
    total: float
    least: float
    most: float

    def plus(self, other: _Sum) -> _Sum:
        if not self.times or not other.times:
            return self if self.times else other
        return _Sum(
            self.times + other.times,
            self.total + other.total,
            min(self.least, other.least),
            max(self.most, other.most),
        )


_NONE = _Sum(0, 0.0, _UNKNOWN, _UNKNOWN)
_Key = tuple[int, int, int]  # subject, index of the resolution, slot
_Step = tuple[_Sum, ...]


def add(change: Change, samples: Iterable[Sample]) -> None:
    """Add samples; the daemon hands over what it gathered in some seconds at once."""
    numbers: dict[tuple[str, str], int] = {}
    new: dict[_Key, _Step] = {}
    for sample in samples:
        who = (sample.kind, sample.subject)
        if who not in numbers:
            numbers[who] = _number(change, *who)
        step = _step_of(sample)
        for index, resolution in enumerate(RESOLUTIONS):
            key = (numbers[who], index, sample.at_ms // (resolution.seconds * 1000))
            new[key] = _merged(new[key], step) if key in new else step
    # Two steps of one cell: the later one was there last. The clock has jumped by a whole ring.
    cells = {(n, index, slot % RESOLUTIONS[index].slots): slot for n, index, slot in sorted(new)}
    _merge_kept(change, new, cells)
    keys = list(cells)
    for begin in range(0, len(keys), _AT_ONCE):
        _replace(change, new, {key: cells[key] for key in keys[begin : begin + _AT_ONCE]})


def points(
    view: View,
    kind: str,
    subject: str,
    resolution: Resolution,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> list[SeriesPoint]:
    """The steps that begin in [since, until), oldest first; at most as far back as it reaches."""
    step_ms = resolution.seconds * 1000
    until = view.now_ms + 1 if until_ms is None else until_ms
    since = max(until - resolution.span_seconds * 1000, 0 if since_ms is None else since_ms)
    rows = view.connection.execute(
        select(series.c.slot, series.c.samples, series.c.body)
        .join(series_subjects, series_subjects.c.id == series.c.subject_id)
        .where(
            series_subjects.c.kind == kind,
            series_subjects.c.name == subject,
            series.c.resolution == RESOLUTIONS.index(resolution),
            series.c.slot >= -(-since // step_ms),
            series.c.slot < -(-until // step_ms),
        )
        .order_by(series.c.slot)
    )
    return [
        SeriesPoint(slot * step_ms, resolution.seconds, samples, _values(kind, _unpacked(body)))
        for slot, samples, body in rows
    ]


def _merge_kept(change: Change, new: dict[_Key, _Step], cells: dict[_Key, int]) -> None:
    """Take into each step what is kept of it already."""
    keys = list(cells)
    columns = (series.c.subject_id, series.c.resolution, series.c.cell)
    for begin in range(0, len(keys), 300):
        some = keys[begin : begin + 300]
        rows = change.connection.execute(
            select(*columns, series.c.slot, series.c.body).where(tuple_(*columns).in_(some))
        )
        for number, index, cell, slot, body in rows:
            if cells[number, index, cell] == slot:
                key = (number, index, slot)
                new[key] = _merged(_unpacked(body), new[key])


def _replace(change: Change, new: dict[_Key, _Step], cells: dict[_Key, int]) -> None:
    columns = (series.c.subject_id, series.c.resolution, series.c.cell)
    keys = list(cells)
    for begin in range(0, len(keys), 300):
        change.connection.execute(
            delete(series).where(tuple_(*columns).in_(keys[begin : begin + 300]))
        )
    rows: list[dict[str, int | bytes]] = []
    for (number, index, cell), slot in cells.items():
        step = new[number, index, slot]
        rows.append(
            {
                "subject_id": number,
                "resolution": index,
                "cell": cell,
                "slot": slot,
                "samples": max((part.times for part in step), default=0),
                "body": _packed(step),
            }
        )
    change.connection.execute(insert(series), rows)


def _number(change: Change, kind: str, subject: str) -> int:
    chosen = select(series_subjects.c.id).where(
        series_subjects.c.kind == kind, series_subjects.c.name == subject
    )
    found = change.connection.execute(chosen).scalar()
    if found is None:
        change.connection.execute(insert(series_subjects).values(kind=kind, name=subject))
        found = change.connection.execute(chosen).scalar_one()
    return int(found)


def _step_of(sample: Sample) -> _Step:
    values = (sample.values.get(metric) for metric in METRICS[sample.kind])
    return tuple(
        _NONE if value is None or math.isnan(value) else _Sum(1, value, value, value)
        for value in values
    )


def _merged(one: _Step, other: _Step) -> _Step:
    """A metric that came later is missing in what is older."""
    length = max(len(one), len(other))
    padded = (step + (_NONE,) * (length - len(step)) for step in (one, other))
    return tuple(a.plus(b) for a, b in zip(*padded, strict=True))


_PART = struct.Struct("<Iddd")


def _packed(step: _Step) -> bytes:
    return b"".join(_PART.pack(*part) for part in step)


def _unpacked(body: bytes) -> _Step:
    return tuple(_Sum(*part) for part in _PART.iter_unpack(body))


def _values(kind: str, step: _Step) -> dict[str, Spread]:
    return {
        metric: Spread(part.total / part.times, part.least, part.most)
        for metric, part in zip(METRICS[kind], step, strict=False)
        if part.times
    }

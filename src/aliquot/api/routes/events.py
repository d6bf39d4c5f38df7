"""Events, a page at a time or as they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from aliquot.api.operation import Query, Routes
from aliquot.api.parameters import PageLimit, Sequence
from aliquot.api.watch import EVENT_STREAM, Watch
from aliquot.daemon.caller import Caller
from aliquot.model.api.node import EventPage

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("events")


class EventQuery(Query, frozen=True, kw_only=True):
    """Which events."""

    since: Sequence
    limit: PageLimit = 500


class WatchQuery(Query, frozen=True, kw_only=True):
    """From where to watch."""

    since: Sequence | UnsetType = UNSET


@routes.get("/events")
def since(service: Service, caller: Caller, query: EventQuery) -> EventPage:
    """A page of the events after number `since`, oldest first.

    `sequence` is where the next page begins. Events are kept for a week.
    """
    return service.events.since(caller, query.since, query.limit)


@routes.get("/watch", media_type=EVENT_STREAM)
def watch(service: Service, caller: Caller, query: WatchQuery) -> Watch:  # noqa: ARG001
    """Events as they happen: server-sent events after number `since`, or from now on.

    `id` is an event's number, `event` its kind, `data` the event as in /events. Who reconnects
    sends Last-Event-ID, which goes before `since`, and misses nothing. What can't be made up for is
    told by an event `problem`, with an error as its data: then list again, and watch from there.
    """
    return Watch(caller, None if query.since is UNSET else query.since)

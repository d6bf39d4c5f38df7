"""Events, for who may see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aliquot.daemon.caller import Caller
from aliquot.model.api.node import EventPage, EventResource
from aliquot.model.event import Event
from aliquot.store import Store, events

# What is no tenant's and tells of none: everybody may see it.
_COMMON = ("device.", "profile.")


class Events:
    """The service's part for events."""

    def __init__(self, store: Store) -> None:
        """Kept in `store`."""
        self._store = store

    def since(self, caller: Caller, sequence: int, limit: int) -> EventPage:
        """The events after number `sequence` that the caller may see, out of the next `limit`.

        The page's `sequence` is where the next one begins; raises EventsForgotten.
        """
        with self._store.look() as view:
            found = events.since(view, sequence, limit=limit)
        items = [_resource(event) for event in found]
        return EventPage(
            items=[event for event in items if self.may_see(caller, event)],
            sequence=found[-1].sequence if found else sequence,
        )

    def newest(self) -> int:
        """The number of the newest event."""
        with self._store.look() as view:
            return view.event_sequence()

    def subscribe(self, tell: Callable[[list[EventResource]], None]) -> Callable[[], None]:
        """Call `tell` with the events of each change of this node; returns what ends that.

        It is called by the thread that made the change, and must not block or raise.
        """

        def told(happened: Sequence[Event]) -> None:
            tell([_resource(event) for event in happened])

        return self._store.watch(told)

    @staticmethod
    def may_see(caller: Caller, event: EventResource) -> bool:
        """Whether an event is the caller's to see."""
        if event.tenant:
            return caller.may_see(event.tenant)
        return caller.is_admin or event.kind.startswith(_COMMON)


def _resource(event: Event) -> EventResource:
    return EventResource(
        sequence=event.sequence,
        at_ms=event.at_ms,
        node=event.node,
        kind=event.kind,
        subject=event.subject,
        tenant=event.tenant,
        body=event.body,
    )

"""Whether the daemon, its state, the device hosts and the workers agree, as the daemon tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aliquot.diagnosis.finding import Finding, Level
from aliquot.errors import NotAllowed

if TYPE_CHECKING:
    from aliquot.client.rest import Client

# vGPUs come and go while it looks: only what is so each time is told.
_LOOKS = 4
_PAUSE_S = 0.7


def check(client: Client) -> list[Finding]:
    """What the daemon finds where it looks at everything; raises what the API raises."""
    found = list(_daemon(client))
    try:
        return [*found, *_agreement(client), *_audit(client)]
    except NotAllowed as error:
        text = f"not looked at: {error.what}"
        return [*found, Finding("daemon", "agreement", Level.WEAK, text, error.remedy)]


def _daemon(client: Client) -> Iterator[Finding]:
    node = client.node.show()
    name = f"{node.name}, version {node.version}, process {node.process_id}"
    yield Finding("daemon", "listens", Level.OK, name)
    for problem in node.problems:
        yield Finding("daemon", "can't do all of its work", Level.WEAK, problem)


def _agreement(client: Client) -> Iterator[Finding]:
    seen = client.node.agreement()
    lasting = seen.problems
    for _ in range(_LOOKS - 1):
        if not lasting:
            break
        time.sleep(_PAUSE_S)
        seen = client.node.agreement()
        lasting = [problem for problem in lasting if problem in seen.problems]
    for problem in lasting:
        remedy = "restart the daemon, which makes them agree, and report it with its log"
        yield Finding("daemon", "agreement", Level.BROKEN, problem, remedy)
    if not lasting:
        text = f"state, device hosts, workers and leases agree on {seen.vgpus} vGPUs"
        yield Finding("daemon", "agreement", Level.OK, text)


def _audit(client: Client) -> Iterator[Finding]:
    verdict = client.audit.verify()
    for broken in verdict.breaks:
        yield Finding("daemon", "audit", Level.BROKEN, broken, "see 'aliquot audit verify'")
    if verdict.intact:
        yield Finding(
            "daemon", "audit", Level.OK, f"as it was written, {len(verdict.heads)} chains"
        )

"""The daemon's log: lines on stderr, for people or as JSON, with nothing secret in them.

No header and no body of a request is ever logged. Should a token come by another way, say in a
path, it is blotted out here.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time

_TOKEN = re.compile(r"alq_[0-9a-f]{16}_[A-Za-z0-9_-]{1,43}")
_BLOTTED = "alq_…"


class Lines(logging.Formatter):
    """One line a record, however many the traceback has as JSON; control characters are shown."""

    def __init__(self, *, as_json: bool) -> None:
        """For people, or as JSON."""
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        message = _blot(record.getMessage())
        trace = _blot(self.formatException(record.exc_info)) if record.exc_info else ""
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        if self._as_json:
            said = {
                "at": f"{when}.{int(record.msecs):03}Z",
                "level": record.levelname.lower(),
                "from": record.name,
                "message": message,
            }
            return json.dumps({**said, "trace": trace} if trace else said)
        message = "".join(c if c.isprintable() else "?" for c in message)
        line = f"{when}Z {record.levelname.lower()} {record.name}: {message}"
        return f"{line}\n{trace}" if trace else line


def start(*, as_json: bool, access: bool) -> None:
    """Log to stderr; with `access` also a line a request: who, method, path and status."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(as_json=as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("aliquot").setLevel(logging.INFO)
    logging.getLogger("aliquot.access").setLevel(logging.INFO if access else logging.WARNING)


def _blot(text: str) -> str:
    return _TOKEN.sub(_BLOTTED, text)

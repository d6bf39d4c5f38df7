"""The application: every operation as a route of Litestar, behind authentication."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import msgspec
from litestar import Litestar, Request, Response
from litestar.exceptions import InternalServerException
from litestar.handlers import HTTPRouteHandler, route
from litestar.response import Stream
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from aliquot.api import etags, problems
from aliquot.api.authentication import Peers, identify
from aliquot.api.authorization import PUBLIC, authorize
from aliquot.api.browser import Browser
from aliquot.api.operation import Method
from aliquot.api.perform import Decoder
from aliquot.api.routes import OPERATIONS
from aliquot.api.threads import Threads
from aliquot.api.watch import EVENT_STREAM, Hub, Watch
from aliquot.daemon.caller import Caller
from aliquot.daemon.own_metrics import OwnMetrics, follow_event_loop
from aliquot.errors import AliquotError, BadRequest
from aliquot.model.api.node import Health

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

MOST_BODY_BYTES = 1 << 20
# Reading has threads of its own: it is answered while others wait for device hosts.
_READERS = 8
_WRITERS = 16
# And of each half at most are one tenant's.
_PART = 2
_NOBODY = ""
_PUBLIC_PATHS = frozenset(op.path for op in OPERATIONS if op.name in PUBLIC)

_log = logging.getLogger("aliquot.api")
_access = logging.getLogger("aliquot.access")


class Api:
    """The ASGI application, and what lives as long as it does."""

    def __init__(self, service: Service, peers: Peers) -> None:
        """A face of `service`; `start` and `close` in the event loop that serves it."""
        self.service = service
        self._peers = peers
        self._own = service.metrics.own
        self._loop_watch: asyncio.Task[None] | None = None
        self._readers = Threads("api-read", _READERS, _READERS // _PART)
        self._writers = Threads("api-write", _WRITERS, _WRITERS // _PART)
        self._browser = Browser(service, self._readers)
        # Of their own: many who watch hold up nobody who asks.
        self._watching = ThreadPoolExecutor(2, "api-watch")
        self._hub = Hub(service, self._watching)
        self._app: ASGIApp = Litestar(
            self._handlers(),
            openapi_config=None,
            logging_config=None,
            request_max_body_size=MOST_BODY_BYTES,
            exception_handlers={Exception: self._failed},
        )

    async def start(self) -> None:
        """Follow the events, and how late the event loop is."""
        await self._hub.start()
        self._loop_watch = asyncio.create_task(follow_event_loop(self._own.lagged))

    async def end_streams(self) -> None:
        """End what would go on for ever."""
        if self._loop_watch is not None:
            self._loop_watch.cancel()
        await self._hub.close()

    def close(self) -> None:
        """Wait for what is being done."""
        self._watching.shutdown(cancel_futures=True)
        self._writers.close()
        self._readers.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if _access.isEnabledFor(logging.INFO):
            send = _logged(scope, send)
        send = _counted(scope, send, self._own)
        if await self._browser.serve(scope, receive, send):
            return
        caller: Caller | None = None
        if scope["path"] not in _PUBLIC_PATHS:
            peer = scope["state"].get("peer")
            headers = list(scope["headers"])
            try:
                caller = await self._readers.run(
                    _NOBODY,
                    partial(
                        identify, self.service, self._peers, peer, str(scope["method"]), headers
                    ),
                )
            except Exception as error:
                self._note_denied(None, "", error)
                answer = problems.answer(error)
                self._own.error(answer.code)
                await _send(answer, send)
                return
        scope["state"]["caller"] = caller
        await self._app(scope, receive, send)

    def _handlers(self) -> list[HTTPRouteHandler]:
        """One a path, for all methods of it: so the framework knows which there are."""
        by_path: dict[str, dict[Method, Decoder]] = {}
        for operation in OPERATIONS:
            by_path.setdefault(operation.path, {})[operation.method] = Decoder(operation)
        return [self._handler(path, decoders) for path, decoders in by_path.items()]

    def _handler(self, path: str, decoders: dict[Method, Decoder]) -> HTTPRouteHandler:
        async def handle(request: Request[Any, Any, Any]) -> Response[Any]:
            method = cast("Method", request.scope["method"])
            return await self._perform(decoders[method], request)

        typed = re.sub(r"{(\w+)}", r"{\1:str}", path)
        return route(typed, http_method=list(decoders), status_code=200)(handle)

    async def _perform(self, decoder: Decoder, request: Request[Any, Any, Any]) -> Response[Any]:
        operation = decoder.operation
        request.scope["state"]["operation"] = operation.name
        caller: Caller | None = request.scope["state"]["caller"]
        arguments: dict[str, Any] = {"service": self.service}
        if operation.name not in PUBLIC:
            assert caller is not None
            authorize(caller, operation.name)
            arguments["caller"] = caller
        headers = _single(request.scope)
        body = await _body(request) if operation.body is not None else b""
        arguments |= decoder.arguments(
            request.path_params, request.scope["query_string"], headers, body
        )
        pool = self._readers if operation.method == "GET" else self._writers
        tenant = caller.tenant if caller else _NOBODY
        answer = await pool.run(tenant, partial(operation.function, **arguments))
        if isinstance(answer, Watch):
            return await self._watch(answer, headers)
        status = 503 if isinstance(answer, Health) and answer.status != "ok" else operation.status
        told = {"Cache-Control": "no-store"}
        tag = etags.tag(answer)
        if tag:
            told["ETag"] = tag
        content = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
        return Response(content, status_code=status, media_type=operation.media_type, headers=told)

    async def _watch(self, watch: Watch, headers: dict[str, str]) -> Stream:
        last = headers.get("last-event-id")
        if last:
            if not (last.isascii() and last.isdigit() and len(last) <= 18):
                raise BadRequest("Last-Event-ID is not the number of an event")
            watch = watch._replace(since=int(last))
        events: AsyncIterator[bytes] = await self._hub.stream(watch)
        return Stream(events, media_type=EVENT_STREAM, headers={"Cache-Control": "no-store"})

    def _failed(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        name = request.scope["state"].get("operation", "")
        answer = problems.answer(error, name)
        self._own.error(answer.code)
        if answer.status == 403:
            caller = request.scope["state"].get("caller")
            self._note_denied(caller, name, error)
        media_type = answer.headers.pop("Content-Type")
        return Response(
            answer.body, status_code=answer.status, media_type=media_type, headers=answer.headers
        )

    def _note_denied(self, caller: Caller | None, operation: str, error: Exception) -> None:
        with contextlib.suppress(RuntimeError):  # the daemon ends, and takes no more work
            self._writers.pool.submit(self._write_denied, caller, operation, error)

    def _write_denied(self, caller: Caller | None, operation: str, error: Exception) -> None:
        code = error.code if isinstance(error, AliquotError) else ""
        try:
            self.service.audit.denied(caller, operation, code)
        except Exception as failure:
            _log.warning("a denied request is not in the audit: %s", failure)


async def _body(request: Request[Any, Any, Any]) -> bytes:
    try:
        return await request.body()
    except InternalServerException as error:
        # What Litestar takes for a fault of the server's: the client hung up.
        raise BadRequest("the request was broken off") from error


def _single(scope: HTTPScope) -> dict[str, str]:
    """Headers by name; of those that are there once only, what they say is clear."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        if key in found and key in ("if-match", "idempotency-key", "content-type", "last-event-id"):
            raise BadRequest(f"the header {key} is given twice")
        found[key] = value.decode("latin-1")
    return found


async def _send(answer: problems.Answer, send: Send) -> None:
    headers = {**answer.headers, "Content-Length": str(len(answer.body))}
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def _counted(scope: HTTPScope, send: Send, own: OwnMetrics) -> Send:
    """Count a request by what was asked, when its answer ends."""
    began = time.monotonic()
    status = 0

    async def counting_send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            name = scope["state"].get("operation") or "none"
            own.request(name, status, time.monotonic() - began)
        await send(message)

    return counting_send


def _logged(scope: HTTPScope, send: Send) -> Send:
    """Log method, path and status: the query may name people, headers hold tokens."""

    async def logging_send(message: Any) -> None:
        if message["type"] == "http.response.start":
            with contextlib.suppress(Exception):
                caller = scope["state"].get("caller")
                who = caller.actor if caller else "-"
                _access.info("%s %s %s %d", who, scope["method"], scope["path"], message["status"])
        await send(message)

    return logging_send

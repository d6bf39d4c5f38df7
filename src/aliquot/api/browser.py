"""What a browser is given beside the API: the dashboard's files, and a session.

GET /, /assets/…    the files, of the package aliquot.dashboard
POST /session       {"code": "…"} of an invitation: begins a session
DELETE /session     ends it
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import partial
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from litestar.types import HTTPScope, Receive, Send

from aliquot.api import problems, session
from aliquot.api.threads import Threads
from aliquot.daemon.invitations import SESSION_SECONDS
from aliquot.errors import BadRequest, NoCredentials

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

_PACKAGE = "aliquot.dashboard"
_MOST_BODY = 1024
_YEAR = "public, max-age=31536000, immutable"
_SCRIPT_FREE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_ALWAYS = {
    "Content-Security-Policy": _SCRIPT_FREE,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What begins a session."""

    code: str


class _File(NamedTuple):
    content: bytes
    packed: bytes
    headers: dict[str, str]
    tag: str


class Browser:
    """Serves what isn't the API's."""

    def __init__(self, service: Service, threads: Threads) -> None:
        """The files are read once: they are few and small."""
        self._service = service
        self._threads = threads
        self._files = _read()

    async def serve(self, scope: HTTPScope, receive: Receive, send: Send) -> bool:
        """Answer a request, if it is for what is here."""
        method, path = str(scope["method"]), scope["path"]
        if path == "/session" and method in ("POST", "DELETE"):
            try:
                headers = await self._session(method, scope, receive)
            except Exception as error:
                answer = problems.answer(error)
                await _send(send, answer.status, answer.headers, answer.body)
                return True
            await _send(send, 204, headers, b"")
            return True
        if method not in ("GET", "HEAD"):
            return False
        file = self._files.get("/index.html" if path == "/" else path)
        if file is None:
            return False
        await self._file(file, method, scope, send)
        return True

    async def _session(self, method: str, scope: HTTPScope, receive: Receive) -> dict[str, str]:
        if method == "POST":
            session.must_be_ours(method, scope["headers"])  # nobody is made to be somebody else
            body = await _body(receive)
            try:
                code = msgspec.json.decode(body, type=Code).code
            except (msgspec.MsgspecError, UnicodeDecodeError):
                raise BadRequest("the body is not a code") from None
            accept = partial(self._service.invitations.accept, code)
            token = await self._threads.run("", accept)
            return _with_cookie(token.secret or "", SESSION_SECONDS)
        secret = session.token_of(method, scope["headers"])
        if secret is None:
            raise NoCredentials()
        await self._threads.run("", partial(_end, self._service, secret))
        return _with_cookie("", 0)

    @staticmethod
    async def _file(file: _File, method: str, scope: HTTPScope, send: Send) -> None:
        told = {name.lower(): value for name, value in scope["headers"]}
        headers = dict(file.headers)
        if told.get(b"if-none-match", b"").decode("latin-1") == file.tag:
            await _send(send, 304, headers, b"")
            return
        content = file.content
        if file.packed and b"gzip" in told.get(b"accept-encoding", b""):
            headers["Content-Encoding"], content = "gzip", file.packed
        headers["Content-Length"] = str(len(content))
        await _send(send, 200, headers, b"" if method == "HEAD" else content)


def _end(service: Service, secret: str) -> None:
    caller = service.tokens.authenticate(secret)
    if caller.token is not None:
        service.tokens.revoke(caller, caller.token)


def _with_cookie(secret: str, seconds: int) -> dict[str, str]:
    return {
        **_ALWAYS,
        "Cache-Control": "no-store",
        "Set-Cookie": session.set_cookie(secret, seconds),
    }


def _read() -> dict[str, _File]:
    """The files by their paths; none where the dashboard wasn't built."""
    try:
        root = resources.files(_PACKAGE)
    except ModuleNotFoundError:
        return {}
    return dict(_files_in(root, ""))


def _files_in(folder: Traversable, path: str) -> list[tuple[str, _File]]:
    found: list[tuple[str, _File]] = []
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        name = f"{path}/{entry.name}"
        if entry.is_dir():
            found += _files_in(entry, name)
        elif not name.endswith((".py", ".pyc")):
            found.append((name, _file(name, entry.read_bytes())))
    return found


def _file(name: str, content: bytes) -> _File:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in ("application/json", "image/svg+xml")
    packed = gzip.compress(content, 9, mtime=0) if text else b""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        **_ALWAYS,
        "Content-Type": f"{kind}; charset=utf-8" if text else kind,
        # Those in assets/ have their content's hash in their names.
        "Cache-Control": _YEAR if name.startswith("/assets/") else "no-cache",
        "ETag": tag,
        "Vary": "Accept-Encoding",
    }
    return _File(content, packed if len(packed) < len(content) else b"", headers, tag)


async def _body(receive: Receive) -> bytes:
    found = b""
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("the request ended before its body")
        found += message.get("body", b"")
        if len(found) > _MOST_BODY:
            raise BadRequest("the body is too long")
        if not message.get("more_body"):
            return found


async def _send(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    told = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body, "more_body": False})

"""Requests as no client of ours would send them."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any, NamedTuple

from aliquot.model.api.common import Problem
from tests.contract.api.serving import Serving


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code; the answer has to be a whole problem."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert set(self.json) == set(Problem.__struct_fields__)
        assert self.json["status"] == self.status
        return self.json["code"]


def ask(
    serving: Serving,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    **headers: str,
) -> Answer:
    """Ask over TCP with a token, else over the Unix socket; `path` is under /api/v1."""
    if token is None:
        connection = http.client.HTTPConnection("localhost", timeout=30)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(30)
        connection.sock.connect(serving.listener.path)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=30)
        if token:
            headers["Authorization"] = f"Bearer {token}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body
    if body is not None and not isinstance(body, bytes):
        data = json.dumps(body).encode()
        named.setdefault("Content-Type", "application/json")
    try:
        full = path if path.startswith(("/healthz", "/readyz", "/metrics")) else "/api/v1" + path
        connection.request(method, full, data, named)
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, told, response.read())
    finally:
        connection.close()


def send(serving: Serving, data: bytes) -> bytes:
    """Bytes over the Unix socket, and all that comes back until it is closed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way:
        way.settimeout(30)
        way.connect(serving.listener.path)
        way.sendall(data)
        way.shutdown(socket.SHUT_WR)
        found = b""
        while chunk := way.recv(65536):
            found += chunk
        return found

"""A running API in this process: its own thread and event loop, on a Unix socket and a port."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

from aliquot.api.app import Api
from aliquot.api.authentication import Peers
from aliquot.api.listening import UnixListener, listen_tcp
from aliquot.api.server import Server
from aliquot.client.rest import Client
from aliquot.client.rest.address import Address
from aliquot.daemon.caller import Caller
from aliquot.model.access_token import Role
from aliquot.model.api.node import TokenWanted

ADMIN = Caller(tenant="root-of-tests", role=Role.ADMIN)


class Serving:
    """Serves until it is closed."""

    def __init__(self, service: Any, folder: Path) -> None:
        """A face of `service` with its socket in `folder`."""
        self.service = service
        self.listener = UnixListener(str(folder / "api.sock"), for_all=True)
        self.tcp = listen_tcp("127.0.0.1", 0)
        self.port: int = self.tcp.getsockname()[1]
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._began.wait(20)

    def client(self, token: str | None = None) -> Client:
        """On the Unix socket as this user, or over TCP with a token."""
        if token is None:
            return Client(Address(self.listener.path))
        return Client(Address(host="127.0.0.1", port=self.port), token=token)

    def token(self, tenant: str, role: Role, *scope: str) -> str:
        """A token's text."""
        wanted = TokenWanted(name="test", role=role, scope=list(scope), tenant=tenant)
        secret = self.service.tokens.create(ADMIN, wanted).secret
        assert secret
        return secret

    def drop_connections(self) -> None:
        """Break every connection off."""

        def drop() -> None:
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()

        self._loop.call_soon_threadsafe(drop)

    def connections(self) -> int:
        """How many there are."""
        return len(self._server.server_state.connections)

    def watchers(self) -> int:
        """How many watch."""
        return len(self._api._hub._waiting)

    def close(self) -> None:
        """End it as SIGTERM does; once more is of no effect."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._server.end)
        self._thread.join(40)
        assert not self._thread.is_alive()
        self.listener.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._api = api = Api(self.service, Peers(None))
        await api.start()
        self._server = Server(api, api.end_streams, self._began.set)
        await self._server.serve([self.listener.socket, self.tcp])
        api.close()

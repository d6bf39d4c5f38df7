"""A PostgreSQL server of the tests' own: an ordinary user's, in a folder, on a Unix socket."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy
from sqlalchemy.exc import OperationalError

USER = "aliquot"
_DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of the server's programs, where it is installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class Server:
    """A running server; each test gets a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0
        self._there: list[str] = []

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def database(self, template: str = "template1", *, keep: bool = False) -> str:
        """The URL of a new database, empty or like the template; to keep, or for one test."""
        self._made += 1
        name = f"made{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        if not keep:
            self._there.append(name)
        return self.url(name)

    def drop_all(self) -> None:
        """Drop the databases that were for one test."""
        while self._there:
            self.execute(f"DROP DATABASE {self._there.pop()} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement outside of transactions."""
        address = self.url(database).replace("postgresql:", "postgresql+psycopg:")
        engine = sqlalchemy.create_engine(address, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement)
        finally:
            engine.dispose()


@contextlib.contextmanager
def running(found: Path) -> Iterator[Server]:
    """A server, from its start to its end; it ends with the tests, however they end."""
    folder = Path(tempfile.mkdtemp(prefix="aliquot-postgresql-"))
    data = folder / "data"
    options: dict[str, object] = {"cwd": folder, "stdin": subprocess.DEVNULL}
    if os.geteuid() == 0:  # the server refuses to run as root
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    log = (folder / "log").open("w")
    process = None
    try:
        initdb = [found / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "-N"]
        subprocess.run([*initdb, "--locale=C"], check=True, stdout=log, stderr=log, **options)  # type: ignore[call-overload]
        settings = {
            "unix_socket_directories": folder,
            "listen_addresses": "",
            "fsync": "off",  # nobody pulls the plug here, and the machine's disk is spared
            "max_connections": 200,
        }
        command: list[object] = [found / "postgres", "-D", data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", "QUIT", *command]
        process = subprocess.Popen(command, stdout=log, stderr=log, **options)  # type: ignore[call-overload]
        yield _answering(Server(folder), process)
    finally:
        if process:
            process.send_signal(3)
            process.wait(60)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _answering(server: Server, process: subprocess.Popen[bytes]) -> Server:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.execute("SELECT 1")
        except OperationalError:
            assert process.poll() is None, (server.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return server

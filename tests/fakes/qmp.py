"""A stand-in for QEMU: its monitor, ports, devices, and a guest that lets go or doesn't."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GREETING = {
    "QMP": {
        "version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""},
        "capabilities": ["oob"],
    }
}


class Refusal(Exception):
    """An error as QEMU has it."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class FakeQemu:
    """A QEMU on a Unix socket. Like the real one it serves one client of its monitor at a time."""

    def __init__(
        self, path: Path, *, ports: tuple[str, ...] = ("one", "two"), hosts: tuple[str, ...] = ()
    ) -> None:
        self.path = path
        self.name = "build-01"
        self.status = "running"
        self.ports = ports
        self.hosts = set(hosts)  # PCI functions that can be opened
        self.devices: dict[str, dict[str, Any]] = {}
        self.keeps = False  # the guest's system doesn't answer a request to let go
        self.refuses = False  # it answers no
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.raw_answer: bytes | None = None  # said in place of any answer
        self._client: socket.socket | None = None
        self._lock = threading.RLock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def emit(self, name: str, **data: Any) -> None:
        """Tell of something."""
        with self._lock, contextlib.suppress(OSError):
            if self._client is not None:
                told = {"event": name, "data": data, "timestamp": {"seconds": 1, "microseconds": 2}}
                self._client.sendall(json.dumps(told).encode() + b"\r\n")

    def pause(self) -> None:
        """As `stop` of its monitor."""
        self.status = "paused"
        self.emit("STOP")

    def go_on(self) -> None:
        """As `cont` of its monitor."""
        self.status = "running"
        self.emit("RESUME")

    def end(self) -> None:
        """As a guest that shuts down."""
        self.emit("SHUTDOWN", guest=True, reason="guest-shutdown")
        self.close()

    def close(self) -> None:
        """End."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            if self._client is not None:
                with contextlib.suppress(OSError):
                    self._client.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._client = client
            with client, contextlib.suppress(OSError, ValueError):
                client.sendall(json.dumps(GREETING).encode() + b"\r\n")
                agreed = False
                for line in client.makefile("rb"):
                    said = json.loads(line)
                    agreed = self._answer(client, said, agreed)
            with self._lock:
                self._client = None

    def _answer(self, client: socket.socket, said: dict[str, Any], agreed: bool) -> bool:
        command, arguments = said["execute"], said.get("arguments", {})
        self.commands.append((command, arguments))
        if self.raw_answer is not None and command != "qmp_capabilities":
            client.sendall(self.raw_answer)
            return agreed
        try:
            if not agreed and command != "qmp_capabilities":
                raise Refusal("CommandNotFound", "Expecting capabilities negotiation")
            answer: dict[str, Any] = {"return": self._done(command, arguments)}
        except Refusal as error:
            answer = {"error": {"class": error.kind, "desc": str(error)}}
        with self._lock:
            client.sendall(json.dumps(answer | {"id": said.get("id")}).encode() + b"\r\n")
        if command == "device_del" and "return" in answer:
            self._let_go(arguments["id"])
        return True

    def _done(self, command: str, arguments: dict[str, Any]) -> Any:
        match command:
            case "qmp_capabilities":
                return {}
            case "query-status":
                return {"running": self.status == "running", "status": self.status}
            case "query-name":
                return {"name": self.name}
            case "qom-list":
                return self._tree(arguments["path"])
            case "device_add":
                return self._add(arguments)
            case "device_del":
                if arguments["id"] not in self.devices:
                    text = f"Device '{arguments['id']}' not found"
                    raise Refusal("DeviceNotFound", text)
                return {}
            case _:
                raise Refusal("CommandNotFound", f"The command {command} has not been found")

    def _add(self, wanted: dict[str, Any]) -> dict[str, Any]:
        name = wanted["id"]
        if name in self.devices:
            raise Refusal("GenericError", f"Duplicate device ID '{name}'")
        if wanted["driver"] != "vfio-pci":
            raise Refusal("GenericError", f"'{wanted['driver']}' is not a valid device model name")
        bus = wanted.get("bus")
        if self.ports and bus not in self.ports:
            raise Refusal("GenericError", "Bus 'pcie.0' does not support hotplugging")
        place = (bus, wanted.get("addr"))
        if bus and any((d.get("bus"), d.get("addr")) == place for d in self.devices.values()):
            raise Refusal("GenericError", f"PCI: slot 0 function 0 not available for {name}")
        host = wanted.get("host")
        if host is not None and host not in self.hosts:
            raise Refusal(
                "GenericError", f"vfio {host}: no such host device: No such file or directory"
            )
        self.devices[name] = wanted
        return {}

    def _let_go(self, name: str) -> None:
        if self.refuses:
            self.emit("DEVICE_UNPLUG_GUEST_ERROR", device=name, path=f"/machine/peripheral/{name}")
        elif not self.keeps:
            bus = self.devices[name].get("bus")
            gone = [n for n, d in self.devices.items() if n == name or (bus and d["bus"] == bus)]
            for one in gone:
                del self.devices[one]
                self.emit("DEVICE_DELETED", device=one, path=f"/machine/peripheral/{one}")

    def _tree(self, path: str) -> list[dict[str, str]]:
        root = "/machine/peripheral"
        if path == root:
            found = [{"name": "type", "type": "string"}]
            found += [{"name": port, "type": "child<pcie-root-port>"} for port in self.ports]
            return found + [{"name": n, "type": "child<vfio-pci>"} for n in self.devices]
        port = path.removeprefix(root).split("/")[1]
        if path != f"{root}/{port}/{port}" or port not in self.ports:
            raise Refusal("DeviceNotFound", f"Device '{path}' not found")
        behind = [n for n, d in self.devices.items() if d.get("bus") == port]
        bus = [{"name": "realized", "type": "bool"}]
        return bus + [
            {"name": f"child[{i}]", "type": "link<vfio-pci>"} for i, _ in enumerate(behind)
        ]


@contextlib.contextmanager
def fake_qemu(path: Path, **more: Any) -> Iterator[FakeQemu]:
    """A QEMU until the end of the block."""
    made = FakeQemu(path, **more)
    try:
        yield made
    finally:
        made.close()

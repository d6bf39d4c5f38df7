"""A stand-in for Proxmox VE: its API over TLS, with VMs, tasks, tokens and permissions.

It refuses what the official schema forbids (proxmox_schema.py) and what Proxmox VE's own code does
besides: host devices by address and ROM files for all but root@pam, mappings that the caller may
not use, configurations that were changed meanwhile. What passes here is schema-checked; nothing
here says that it was tested on Proxmox VE.

Of NVIDIA's virtual functions it sets the types as Proxmox VE does, by its source: at the start one
that isn't what it should be, at the stop none.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

from tests.fakes import proxmox_schema as schema
from tests.fakes.kernel.pci import Function, Pci
from tests.fakes.kernel.tree import Refused as KernelSaysNo

NODE = "pve1"
USER = "aliquot@pve"
TOKEN = "daemon"
SECRET = "12345678-1234-1234-1234-123456789abc"
# What docs/proxmox.md says that the token needs.
NEEDED = {
    "/": {"Sys.Audit"},
    "/vms": {"VM.Audit", "VM.Config.HWType"},
    "/mapping/pci": {"Mapping.Modify", "Mapping.Use", "Mapping.Audit"},
}
DEVICES = (
    ("0000:01:00.0", "0x10de", "0x2204", 14, "0x030000"),
    ("0000:01:00.1", "0x10de", "0x1aef", 14, "0x040300"),
    ("0000:02:00.4", "0x10de", "0x2235", 31, "0x030200"),
    ("0000:00:02.0", "0x8086", "0x4680", 0, "0x030000"),
)


class Refused(Exception):
    """An error of the API."""

    def __init__(self, status: int, words: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.errors = errors


class StartFailed(Exception):
    """A VM that didn't start; what had been readied for it is cleaned up."""


class Guest:
    """A VM: its configuration, what of that waits for its next start, and what it does."""

    def __init__(self, name: str, **config: str) -> None:
        self.config: dict[str, str] = {"name": name, "machine": "q35", "memory": "2048", **config}
        self.pending: dict[str, str | None] = {}
        self.status = "stopped"
        self.qmpstatus = "stopped"
        self.used: dict[str, dict[str, str]] = {}

    def shown(self, *, current: bool) -> dict[str, str]:
        """As its configuration is told."""
        found = dict(self.config)
        if not current:
            for key, value in self.pending.items():
                found.pop(key, None) if value is None else found.update({key: value})
        digest = hashlib.sha1(json.dumps([self.config, self.pending]).encode()).hexdigest()
        return found | {"digest": digest}


class FakeProxmox:
    """A node of Proxmox VE on a port of this machine."""

    def __init__(self, folder: Path, *, version: str = "9.1.3", node: str = NODE) -> None:
        self.version = version
        self.node = node
        self.guests = {100: Guest("build-01"), 101: Guest("twin"), 102: Guest("twin")}
        self.elsewhere = {200: "pve2"}
        self.devices = list(DEVICES)
        self.mappings: dict[str, dict[str, Any]] = {}
        self.pci: Pci | None = None  # the node's, with NVIDIA's virtual functions
        self.rights: dict[str, set[str]] = {k: set(v) for k, v in NEEDED.items()}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.task_seconds = 0.0
        self.task_ends = "OK"
        self.before_config: list[Any] = []  # each is called before one change of a configuration
        self.raw: bytes | None = None
        self.packed = False  # answers are compressed
        self.silence = 0.0
        self.calls: list[tuple[str, dict[str, list[str]]]] = []
        self.authorizations: set[str] = set()
        self._lock = threading.RLock()
        authority = trustme.CA()
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"localhost:{self._server.server_address[1]}"

    def lists(self, address: str, vendor: str, device: str, group: int) -> None:
        """A display is plugged in, in place of what was there."""
        self.devices = [one for one in self.devices if one[0] != address]
        self.devices.append((address, vendor, device, group, "0x030000"))

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # What happens in it.

    def start(self, number: int) -> None:
        """A VM starts: mappings are looked up, and mdevs made."""
        guest = self.guests[number]
        self._apply(guest)
        guest.used = {}
        for key, value in guest.config.items():
            if key.startswith("hostpci"):
                told = schema.properties(value, {**schema.HOSTPCI, **schema.DRIVER}, "host")
                mapping = self.mappings[told["mapping"]]
                entry = schema.properties(mapping["map"][0], schema.MAP)
                first = entry["path"] if "." in entry["path"] else entry["path"] + ".0"
                device = next(one for one in self.devices if one[0] == first)
                expected = f"{device[1][2:]}:{device[2][2:]}", str(device[3])
                assert (entry["id"], entry["iommugroup"]) == expected
                guest.used[key] = {**told, "path": entry["path"]}
                self._give_type(number, entry["path"], told.get("mdev", ""))
        guest.status = guest.qmpstatus = "running"

    def stop(self, number: int, *, cleans: bool = True) -> None:
        """A VM stops, and what waited for that happens; at first it is off, and not cleaned up."""
        guest = self.guests[number]
        guest.status = guest.qmpstatus = "stopped"
        if cleans:
            self.clean(number)
            self._apply(guest)

    def clean(self, number: int) -> None:
        """What a VM had is taken from it."""
        for used in self.guests[number].used.values():
            if (function := self._typed(used["path"])) is not None and self.pci is not None:
                self.pci.set_type(function, "0")
        self.guests[number].used = {}

    def _typed(self, address: str) -> Function | None:
        """A virtual function that has types."""
        function = self.pci.functions.get(address) if self.pci else None
        physical = function.physical if function else None
        return function if physical and physical.sriov and physical.sriov.types else None

    def _give_type(self, number: int, address: str, kind: str) -> None:
        function, wanted = self._typed(address), kind.removeprefix("nvidia-")
        if function is None or self.pci is None or function.vgpu_type == wanted:
            return
        try:
            self.pci.set_type(function, "0")
            self.pci.set_type(function, wanted)
        except KernelSaysNo as error:
            self.clean(number)
            raise StartFailed(f"could not set vgpu type to '{wanted}'") from error

    def _apply(self, guest: Guest) -> None:
        for key, value in guest.pending.items():
            guest.config.pop(key, None) if value is None else guest.config.update({key: value})
        guest.pending = {}

    # What it answers.

    def answer(self, method: str, path: str, given: dict[str, list[str]], who: str) -> Any:
        """The data of a call."""
        with self._lock:
            if who != f"PVEAPIToken={USER}!{TOKEN}={SECRET}":
                raise Refused(401, "invalid token value!" if who else "No ticket")
            found = schema.route(method, path)
            if found is None:
                raise Refused(501, f"Method '{method} {path}' not implemented")
            call, parts = found
            given = given | {name: [value] for name, value in parts.items()}
            self.calls.append((call, given))
            if wrong := schema.faults(call, given):
                raise Refused(400, "Parameter verification failed.", wrong)
            one = {name: values[0] for name, values in given.items()}
            return self._do(call, one, given)

    def _do(self, call: str, one: dict[str, str], given: dict[str, list[str]]) -> Any:
        if "node" in one and one["node"] != self.node and "/tasks/" not in call:
            raise Refused(500, f"hostname lookup '{one['node']}' failed")
        match call:
            case "GET /version":
                return {"version": self.version, "release": self.version[:3], "repoid": "12345678"}
            case "GET /cluster/resources":
                return self._resources()
            case "GET /cluster/mapping/pci":
                seen = ("Mapping.Modify", "Mapping.Use", "Mapping.Audit")
                return [
                    {"id": name, **kept}
                    for name, kept in self.mappings.items()
                    if any(self._may(f"/mapping/pci/{name}", right) for right in seen)
                ]
            case "POST /cluster/mapping/pci":
                return self._map(one["id"], given)
            case "DELETE /cluster/mapping/pci/{id}":
                self._must("/mapping/pci", "Mapping.Modify")
                if self.mappings.pop(one["id"], None) is None:
                    raise Refused(500, f"pci '{one['id']}' does not exist")
                return None
            case "GET /nodes/{node}/hardware/pci":
                self._must("/", "Sys.Audit")
                return self._hardware(one)
            case "GET /nodes/{node}/tasks/{upid}/status":
                return self._task(one["upid"])
            case _:
                return self._guest_call(call, one)

    def _guest_call(self, call: str, one: dict[str, str]) -> Any:
        number = int(one["vmid"])
        self._must(f"/vms/{number}", "VM.Audit")
        guest = self.guests.get(number)
        if guest is None:
            path = f"nodes/{self.node}/qemu-server/{number}.conf"
            raise Refused(500, f"Configuration file '{path}' does not exist")
        if call.endswith("/status/current"):
            return {"status": guest.status, "qmpstatus": guest.qmpstatus, "vmid": number, "ha": {}}
        if call.startswith("GET"):
            return guest.shown(current=one.get("current") == "1")
        assert call.startswith("POST /nodes/{node}/qemu/{vmid}/config"), call
        return self._configure(number, guest, one)

    def _configure(self, number: int, guest: Guest, one: dict[str, str]) -> str:
        self._must(f"/vms/{number}", "VM.Config.HWType")
        if self.before_config:
            self.before_config.pop(0)()
        if one.get("digest", "") not in ("", guest.shown(current=False)["digest"]):
            words = "detected modified configuration - file changed by other user? Try again."
            raise Refused(500, words)
        changes: dict[str, str | None] = {
            key: None for key in one.get("delete", "").split(",") if key
        }
        for key in changes:  # who takes a device away has to have the right to give it
            had = guest.shown(current=False).get(key)
            if had is not None and key.startswith("hostpci"):
                self._check_device(key, had)
        for key, value in one.items():
            if key.startswith("hostpci"):
                self._check_device(key, value)
                changes[key] = value
        upid = self._begin("qmconfig", number)
        if self.task_ends != "OK":
            return upid
        if guest.status == "running":
            guest.pending.update(changes)
        else:
            guest.pending = changes
            self._apply(guest)
        return upid

    def _check_device(self, key: str, value: str) -> None:
        newer = tuple(int(part) for part in self.version.split(".")[:2]) >= (9, 1)
        known = {**schema.HOSTPCI, **(schema.DRIVER if newer else {})}
        try:
            told = schema.properties(value, known, "host")
        except ValueError as error:
            raise Refused(400, "Parameter verification failed.", {key: str(error)}) from error
        if "host" in told:
            raise Refused(500, f"only root can set '{key}' config for non-mapped devices")
        if "mapping" not in told:
            raise Refused(500, "either 'host' or 'mapping' must be set.")
        self._must(f"/mapping/pci/{told['mapping']}", "Mapping.Use")
        if "romfile" in told:
            words = "only root@pam can set 'romfile' option"
            raise Refused(400, "Parameter verification failed.", {key: words})

    def _map(self, name: str, given: dict[str, list[str]]) -> None:
        self._must("/mapping/pci", "Mapping.Modify")
        for entry in given["map"]:
            try:
                told = schema.properties(entry, schema.MAP)
                missing = [key for key in schema.MAP_NEEDS if key not in told]
                if missing:
                    raise ValueError(f"{missing[0]}: property is missing and it is not optional")
            except ValueError as error:
                told_of = {"map": str(error)}
                raise Refused(400, "Parameter verification failed.", told_of) from error
        if name in self.mappings:
            raise Refused(500, f"pci ID '{name}' already defined")
        mdev = {"mdev": 1} if given.get("mdev") == ["1"] else {}
        self.mappings[name] = {"map": given["map"], **mdev}

    def _hardware(self, one: dict[str, str]) -> list[dict[str, Any]]:
        hidden = tuple(
            f"0x{word}" for word in one.get("pci-class-blacklist", "05;06;0b").split(";")
        )
        return [
            {
                "id": address,
                "vendor": vendor,
                "device": device,
                "iommugroup": group,
                "class": kind,
                "subsystem_vendor": vendor,
                "subsystem_device": "0x1467",
            }
            for address, vendor, device, group, kind in self.devices
            if not kind.startswith(hidden)
        ]

    def _resources(self) -> list[dict[str, Any]]:
        def shown(number: int, name: str, node: str) -> dict[str, Any]:
            return {
                "id": f"qemu/{number}",
                "type": "qemu",
                "vmid": number,
                "name": name,
                "node": node,
                "status": "running",
            }

        here = [
            shown(n, guest.config["name"], self.node)
            for n, guest in self.guests.items()
            if self._may(f"/vms/{n}", "VM.Audit")
        ]
        other = [shown(n, f"far-{n}", node) for n, node in self.elsewhere.items()]
        container = {"id": "lxc/300", "type": "lxc", "vmid": 300, "name": "ct", "node": self.node}
        return [*here, *other, container]

    def _begin(self, kind: str, number: int) -> str:
        count = len(self.tasks) + 1
        upid = f"UPID:{self.node}:{count:08X}:00A1B2C3:65000000:{kind}:{number}:{USER}!{TOKEN}:"
        ends = time.monotonic() + self.task_seconds
        self.tasks[upid] = {"ends": ends, "exitstatus": self.task_ends}
        return upid

    def _task(self, upid: str) -> dict[str, Any]:
        task = self.tasks.get(upid)
        if task is None:
            raise Refused(400, "Parameter verification failed.", {"upid": "unable to parse"})
        if time.monotonic() < task["ends"]:
            return {"status": "running", "upid": upid}
        return {"status": "stopped", "upid": upid, "exitstatus": task["exitstatus"]}

    def _must(self, path: str, right: str) -> None:
        if not self._may(path, right):
            raise Refused(403, f"Permission check failed ({path}, {right})")

    def _may(self, path: str, right: str) -> bool:
        """Rights are inherited by what lies below a path."""
        places = [path]
        while places[-1] != "/":
            places.append(places[-1].rpartition("/")[0] or "/")
        return any(right in self.rights.get(place, ()) for place in places)


def _handler(fake: FakeProxmox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the server's name
            """Quiet."""

        def _serve(self) -> None:
            time.sleep(fake.silence)
            split = urllib.parse.urlsplit(self.path)
            query = urllib.parse.parse_qs(split.query, keep_blank_values=True)
            length = int(self.headers.get("Content-Length") or 0)
            body = urllib.parse.parse_qs(self.rfile.read(length).decode(), keep_blank_values=True)
            who = self.headers.get("Authorization", "")
            fake.authorizations.add(who)
            path = urllib.parse.unquote(split.path.removeprefix("/api2/json"))
            try:
                data = {"data": fake.answer(self.command, path, query | body, who)}
                status, words = 200, "OK"
            except Refused as error:
                data = {"data": None} | ({"errors": error.errors} if error.errors else {})
                status, words = error.status, str(error)
            said = json.dumps(data).encode() if fake.raw is None else fake.raw
            said = gzip.compress(said) if fake.packed else said
            with contextlib.suppress(OSError):
                self.send_response(status, words)
                self.send_header("Content-Type", "application/json;charset=UTF-8")
                if fake.packed:
                    self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the server's names

    return Handler


@contextlib.contextmanager
def fake_proxmox(folder: Path, **more: Any) -> Iterator[FakeProxmox]:
    """A node until the end of the block."""
    made = FakeProxmox(folder, **more)
    try:
        yield made
    finally:
        made.close()

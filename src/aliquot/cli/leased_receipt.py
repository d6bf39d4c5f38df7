"""The receipt at the end of a command on a vGPU of the daemon's. Imported only where wanted."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from aliquot.cli.kept_receipt import promise_of, spending_of
from aliquot.cli.receipt import receipt_lines
from aliquot.cli.run_receipt import print_receipt
from aliquot.client.device_host import running_hosts
from aliquot.errors import DeviceHostError, WaitedInVain
from aliquot.model.vgpu import Vgpu

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.vgpus import Granted, VgpuResource

_WRITTEN_WITHIN_S = 5.0
_PAUSE_S = 0.05


def print_leased_receipt(
    client: Client, vgpu: VgpuResource, granted: Granted, spawned_ns: int, *, as_json: bool
) -> None:
    """Print where the time of a command went that has just ended, on stderr.

    From the device host where it is this user's; else the lease is ended, and the daemon's receipt
    of it is printed. Raises AliquotError.
    """
    if _of_device_host(vgpu, granted, spawned_ns, as_json=as_json):
        return
    client.leases.end(granted.id)
    deadline = time.monotonic() + _WRITTEN_WITHIN_S
    while not (found := client.receipts.list(lease=granted.id).items):
        if time.monotonic() > deadline:
            raise WaitedInVain("the daemon wrote no receipt of this lease", remedy="see its log")
        time.sleep(_PAUSE_S)
    told = found[0]
    if as_json:
        receipt = {"vgpu": vgpu.id, "name": vgpu.name, "promised": told.promise, **told.spending}
        print(json.dumps({"receipt": receipt}), file=sys.stderr)
        return
    lines = receipt_lines(vgpu.name, promise_of(told), spending_of(told), sys.stderr)
    print(*lines, sep="\n", file=sys.stderr)


def _of_device_host(
    vgpu: VgpuResource, granted: Granted, spawned_ns: int, *, as_json: bool
) -> bool:
    """Print the device host's own, where there is one that answers this user."""
    from aliquot.cli.vgpu_words import shares_in

    external_id = int(vgpu.id, 16)
    found = False
    for host in running_hosts():
        with host:
            for usage in host.list_vgpus():
                # An ephemeral one may have no id of ours; its worker is its own all the same.
                same_worker = usage.worker_process_id == granted.worker_process_id != 0
                if found or not (usage.external_id == external_id or same_worker):
                    continue
                known = Vgpu(
                    id=usage.id,
                    name=vgpu.name,
                    device_uuid=usage.device_uuid,
                    memory=granted.memory,
                    socket_path=granted.socket_path,
                    protections=granted.protections,
                    worker_process_id=granted.worker_process_id,
                    shares=shares_in(vgpu),
                )
                try:
                    print_receipt(host, known, spawned_ns, as_json=as_json, known_as=vgpu.id)
                except DeviceHostError:
                    continue
                found = True
    return found

"""The vGPUs that the daemon has, as `aliquot vgpus` lists them."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from aliquot.cli import vgpu_words
from aliquot.cli.labels import format_labels, labels_of
from aliquot.cli.paging import every
from aliquot.cli.printable import printable
from aliquot.model.lifecycle import VgpuState
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.shares import format_shares
from aliquot.sizes import format_size

if TYPE_CHECKING:
    from rich.table import Table

    from aliquot.client.rest import Client
    from aliquot.model.api.vgpus import VgpuResource


class VgpuList:
    """What the options of `aliquot vgpus` choose, asked for anew each time."""

    def __init__(self, client: Client, given: Namespace) -> None:
        """Raises BadLabel."""
        self._client = client
        self._label = labels_of(given)
        self._device: str | None = given.device
        states = [VgpuState(word) for word in given.state or ()]
        self._states = list(VgpuState) if given.all else states or None

    @property
    def narrowed(self) -> bool:
        """Whether only some are to be listed."""
        return bool(self._label or self._device or self._states)

    def fetch(self) -> list[VgpuResource]:
        """The vGPUs, all pages of them."""
        pages = every(
            lambda cursor: self._client.vgpus.list(
                device=self._device, state=self._states, label=self._label or None, cursor=cursor
            )
        )
        return list(pages)

    def as_dict(self) -> dict[str, Any]:
        """The vGPUs for `--json`."""
        import msgspec

        return {"vgpus": msgspec.to_builtins(self.fetch())}

    def print_tree(self) -> None:
        """The vGPUs on their devices."""
        from aliquot.cli.vgpu_tree import lines

        for line in lines(self.fetch(), self._client.devices.list().items):
            print(printable(line))

    def draw(self) -> Table:
        """The vGPUs as a table."""
        return table_of(self.fetch(), vgpu_words.devices_by_uuid(self._client))


def table_of(listed: list[VgpuResource], devices: dict[str, Any]) -> Table:
    """The table, with columns for labels and reasons only where there are any."""
    from aliquot.cli.tables import Cell, Column, table

    with_labels = any(vgpu.labels for vgpu in listed)
    with_reasons = any(vgpu.reason for vgpu in listed)
    with_vms = any(vgpu.vm for vgpu in listed)
    with_hardware = any(vgpu.mode != MODE_REMOTING for vgpu in listed)
    with_expiry = any(vgpu.expires_ms is not None for vgpu in listed)
    headings = [
        Column("vGPU"),
        Column("tenant"),
        Column("state"),
        Column("memory", right=True),
        Column("used", right=True),
        Column("share of the time, or hardware" if with_hardware else "share of the time"),
        Column("leases", right=True),
        Column("device"),
        *([Column("VM")] if with_vms else []),
        *([Column("ends in", right=True)] if with_expiry else []),
        *([Column("labels")] if with_labels else []),
        *([Column("why")] if with_reasons else []),
    ]
    rows: list[list[str | Cell]] = []
    for vgpu in listed:
        state = vgpu_words.state(vgpu)
        by_software = vgpu.mode == MODE_REMOTING
        row: list[str | Cell] = [
            vgpu.name,
            vgpu.tenant,
            Cell(state, "bold red") if vgpu.state is VgpuState.FAILED else state,
            format_size(vgpu.memory) if vgpu.memory else "unknown",
            format_size(vgpu.memory_used) if by_software else "-",
            _share(vgpu) if by_software else vgpu_words.made_of(vgpu),
            str(vgpu.leases),
            vgpu_words.place(vgpu, devices) if vgpu.device else "-",
        ]
        if with_vms:
            row.append(vgpu_words.vm_words(vgpu))
        if with_expiry:
            row.append("-" if vgpu.expires_ms is None else vgpu_words.until(vgpu.expires_ms))
        if with_labels:
            row.append(format_labels(vgpu.labels))
        if with_reasons:
            row.append(printable(vgpu.reason))
        rows.append(row)
    return table(headings, rows)


def _share(vgpu: VgpuResource) -> str:
    return format_shares(vgpu_words.shares_in(vgpu)) or "what is left over"

"""`aliquot top` where the device hosts are another user's: what their daemon measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aliquot.cli import vgpu_words
from aliquot.cli.paging import every
from aliquot.cli.top import promise
from aliquot.shares import format_percent
from aliquot.sizes import format_size

if TYPE_CHECKING:
    from rich.table import Table

    from aliquot.client.rest import Client
    from aliquot.model.api.vgpus import VgpuResource

NOTHING = "there is no vGPU"


class TopOfDaemon:
    """The vGPUs that the daemon shows, asked for anew each time."""

    def __init__(self, client: Client) -> None:
        """Ask this daemon."""
        self._client = client

    def as_dict(self) -> dict[str, Any]:
        """The vGPUs for `--json`, as the API tells them."""
        import msgspec

        return {"vgpus": msgspec.to_builtins(self._fetch())}

    def draw(self) -> Table:
        """The vGPUs as a table."""
        from aliquot.cli.tables import Column, table

        headings = (
            Column("vGPU"),
            Column("tenant"),
            Column("state"),
            Column("device"),
            Column("promised", right=True),
            Column("1 s", right=True),
            Column("waiting", right=True),
            Column("copied a second", right=True),
            Column("copy limit", right=True),
            Column("memory used", right=True),
            Column("limit", right=True),
        )
        return table(headings, (_row(vgpu) for vgpu in self._fetch()))

    def _fetch(self) -> list[VgpuResource]:
        return list(every(lambda cursor: self._client.vgpus.list(cursor=cursor)))


def _row(vgpu: VgpuResource) -> list[str]:
    return [
        vgpu.name,
        vgpu.tenant,
        vgpu_words.state(vgpu),
        vgpu.device[:8] if vgpu.device else "-",
        promise(vgpu_words.shares_in(vgpu)),
        _percent(vgpu, "consumed"),
        _percent(vgpu, "waiting"),
        f"{format_size(round(vgpu.measured.get('copied', 0)))}/s",
        f"{format_size(vgpu.copy_limit)}/s" if vgpu.copy_limit else "-",
        format_size(vgpu.memory_used),
        format_size(vgpu.memory),
    ]


def _percent(vgpu: VgpuResource, metric: str) -> str:
    """A metric of the last second; a dash where nobody leased it, so that nothing is measured."""
    value = vgpu.measured.get(metric)
    return "-" if value is None else format_percent(round(value * 100))

"""What commands print of the one vGPU that they have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.vgpus import VgpuResource


def print_vgpu(client: Client, vgpu: VgpuResource, *, as_json: bool) -> None:
    """One line, or with `--json` all that the API tells."""
    if as_json:
        from aliquot.cli.output import print_json

        print_json(vgpu)
    else:
        from aliquot.cli import vgpu_words

        print(vgpu_words.line(vgpu, vgpu_words.devices_by_uuid(client)))

"""What commands print of the one thing that they have shown or changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.vgpus import VgpuResource


def print_told(told: Any, words: Callable[[], str], *, as_json: bool) -> None:
    """Some words about it, or with `--json` all that the API tells."""
    if as_json:
        from aliquot.cli.output import print_json

        print_json(told)
    else:
        print(words())


def print_vgpu(client: Client, vgpu: VgpuResource, *, as_json: bool) -> None:
    """One line about a vGPU, or with `--json` all that the API tells."""
    from aliquot.cli import vgpu_words

    print_told(
        vgpu, lambda: vgpu_words.line(vgpu, vgpu_words.devices_by_uuid(client)), as_json=as_json
    )

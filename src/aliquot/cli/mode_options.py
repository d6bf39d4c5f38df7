"""The options that say how a vGPU is made: a mode and what it needs, or what one asks of it."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from aliquot.cli.parser import Parser

if TYPE_CHECKING:
    from aliquot.model.api.vgpus import VgpuWanted

_MODES = ("auto", "remoting", "passthrough", "mdev", "sriov", "mig")
# Who uses it: the API's word, and whether it is a guest VM with Windows.
_USERS = {
    "program": ("process", False),
    "container": ("container", False),
    "vm": ("vm", False),
    "windows-vm": ("vm", True),
}


def add_mode(parser: Parser) -> None:
    """Add all of them."""
    parser.add_argument(
        "--mode",
        choices=_MODES,
        default="auto",
        help="how it is made (default: auto, by what is asked below and what devices can)",
    )
    parser.add_argument(
        "--type",
        metavar="TYPE",
        help="of mdev, sriov and mig: the type of partition, as 'aliquot devices DEVICE' lists "
        "them (default: the smallest of at least --memory)",
    )
    parser.add_argument(
        "--on",
        metavar="VGPU",
        help="on the partition of this vGPU, a MIG instance, shared among programs",
    )
    parser.add_argument(
        "--rom", metavar="FILE", help="of passthrough: show this file in place of the card's ROM"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="of passthrough: even the display that the machine started with",
    )
    parser.add_argument(
        "--for",
        dest="used_by",
        choices=list(_USERS),
        default="program",
        help="of --mode auto: who is to use it (default: program)",
    )
    parser.add_argument(
        "--isolation",
        choices=["software", "hardware", "whole"],
        default="software",
        help="of --mode auto: what keeps it from others; whole: nobody is beside it "
        "(default: software)",
    )
    parser.add_argument(
        "--elastic", action="store_true", help="of --mode auto: its size is to change in use"
    )


def with_mode(wanted: VgpuWanted, given: Namespace) -> VgpuWanted:
    """What is wanted, made as the options say."""
    import msgspec

    consumer, windows = _USERS[given.used_by]
    return msgspec.structs.replace(
        wanted,
        mode=given.mode,
        type=given.type,
        on=given.on,
        rom=os.path.abspath(given.rom) if given.rom is not None else None,
        force=given.force,
        consumer=consumer,
        windows=windows,
        isolation=given.isolation,
        elastic=given.elastic,
    )

"""JSON texts in the tables, and the plain objects that they are."""

from __future__ import annotations

from typing import Any

import msgspec

from aliquot.model.lease import Holder
from aliquot.model.line import Line
from aliquot.model.profile import Profile
from aliquot.model.receipt_record import ReceiptRecord
from aliquot.model.vgpu_record import VgpuSpec, VgpuStatus
from aliquot.store.words import cleaned

_encoder = msgspec.json.Encoder()

read_spec = msgspec.json.Decoder(VgpuSpec).decode
read_status = msgspec.json.Decoder(VgpuStatus).decode
read_holder = msgspec.json.Decoder(Holder).decode
read_profile = msgspec.json.Decoder(Profile).decode
read_receipt = msgspec.json.Decoder(ReceiptRecord).decode
read_fields = msgspec.json.Decoder(dict[str, Any]).decode
read_lines = msgspec.json.Decoder(tuple[Line, ...]).decode
read_words = msgspec.json.Decoder(tuple[str, ...]).decode


def written(value: Any) -> str:
    """The text of an object."""
    try:
        return _encoder.encode(value).decode()
    except UnicodeEncodeError:  # a process may have any bytes as its name
        return _encoder.encode(cleaned(msgspec.to_builtins(value))).decode()


def plain(value: Any) -> Any:
    """An object as dicts and lists, for events and audit rows."""
    return msgspec.to_builtins(value)

"""The Python mirror of records.h has its layout and numbers, and refuses anything else."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliquot.client import pages, records
from aliquot.client.records import Kind, Protection, VgpuFlag
from aliquot.model.copies import LEAST_COPY_LIMIT
from aliquot.model.details import UnsplitReason
from aliquot.model.queues import QueuesAnswer
from aliquot.model.turn import Turn

ROOT = Path(__file__).resolve().parents[2]
_ENUMERATIONS = (
    (Kind, "Kind::"),
    (VgpuFlag, ""),
    (Protection, ""),
    (UnsplitReason, "UnsplitReason::"),
    (QueuesAnswer, "QueuesAnswer::"),
)


def camel(name: str) -> str:
    return "k" + "".join(part.capitalize() for part in name.split("_"))


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    """Offsets, sizes and numbers as the C++ compiler sees them."""
    lines: list[str] = []

    def number(key: str, *expressions: str) -> None:
        values = ", ".join(f"static_cast<unsigned long long>({text})" for text in expressions)
        formats = " %llu" * len(expressions)
        lines.append(f'std::printf("{key}{formats}\\n", {values});')

    for kind in records.LAYOUTS:
        number(kind.__name__, f"sizeof({kind.__name__})")
        for field in records.field_names(kind):
            member = f"{kind.__name__}::{field}"
            number(member, f"offsetof({kind.__name__}, {field})", f"sizeof({member})")
    for enumeration, scope in _ENUMERATIONS:
        for member in enumeration:
            number(f"{enumeration.__name__}.{member.name}", scope + camel(str(member.name)))
    number("UnsplitReason::kLast", "UnsplitReason::kLast")
    for constant in (
        "kMagic",
        "kVersion",
        "kRecordSize",
        "kPayloadSize",
        "kNameSize",
        "kLeastCopyLimit",
        "kPeerItself",
    ):
        number(constant, constant)
    number("Turn", "sizeof(Turn)")
    for field in Turn._fields:
        number(f"Turn::{field}", f"offsetof(Turn, {field})")
    number("VgpuQueue", "sizeof(VgpuQueue)", "kInOrder")
    for field in records.VgpuQueue._fields:
        within = field if field in ("connection", "left_out") else f"claim.{field}"
        member = f"VgpuQueue, {within}"
        number(f"VgpuQueue::{field}", f"offsetof({member})")
    number("Page", "sizeof(Page)", "kPageVersion", "kPageSize")
    for field in pages.Page._fields:
        number(f"Page::{field}", f"offsetof(Page, {field})", f"sizeof(Page::{field})")
    for state in ("Away", "Waiting", "Limited", "Holding"):
        number(f"state{state}", f"k{state}")
    program = "\n".join(
        [
            "#include <cstdio>",
            '#include "native/protocol/records.h"',
            '#include "native/protocol/vgpu_page.h"',
            "using namespace aliquot::records;",
            "using namespace aliquot::vgpu_page;",
            "int main() {",
            *lines,
            "}",
        ]
    )
    folder = tmp_path_factory.mktemp("layout")
    (folder / "layout.cpp").write_text(program)
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    assert compiler, "a C++ compiler is needed, as for the build"
    subprocess.run(
        [compiler, "-std=c++20", f"-I{ROOT}", "-o", folder / "layout", folder / "layout.cpp"],
        check=True,
    )
    printed = subprocess.run([folder / "layout"], check=True, capture_output=True, text=True)
    return {
        key: [int(value) for value in values]
        for key, *values in (line.split() for line in printed.stdout.splitlines())
    }


def test_layouts(native: dict[str, list[int]]) -> None:
    for kind, layout in records.LAYOUTS.items():
        assert native[kind.__name__] == [layout.size]
        sizes = records.field_sizes(kind)
        for index, (field, size) in enumerate(zip(records.field_names(kind), sizes, strict=True)):
            # A marked field shows where it lies.
            values = [0 if one < 16 and one in (2, 4, 8) else b"" for one in sizes]
            values[index] = b"\xff" * size if values[index] == b"" else 2 ** (8 * size) - 1
            try:
                packed = layout.pack(*values)
            except struct.error:  # a signed number
                values[index] = -1
                packed = layout.pack(*values)
            assert native[f"{kind.__name__}::{field}"] == [packed.index(0xFF), size]


def test_numbers(native: dict[str, list[int]]) -> None:
    for enumeration, _ in _ENUMERATIONS:
        for member in enumeration:
            assert native[f"{enumeration.__name__}.{member.name}"] == [member.value], member
    assert native["kMagic"] == [records.MAGIC]
    assert native["kVersion"] == [records.VERSION]
    assert native["kRecordSize"] == [records.RECORD_SIZE]
    assert native["kPayloadSize"] == [records.PAYLOAD_SIZE]
    assert native["kNameSize"] == [records.NAME_SIZE]
    assert native["kLeastCopyLimit"] == [LEAST_COPY_LIMIT]
    assert native["kPeerItself"] == [records.PEER_ITSELF]
    assert native["UnsplitReason::kLast"] == [max(UnsplitReason)]


def test_a_turn_s_layout(native: dict[str, list[int]]) -> None:
    assert native["Turn"] == [records.TURN.size]
    for index, field in enumerate(Turn._fields):
        values = [0] * len(Turn._fields)
        values[index] = 1
        assert native[f"Turn::{field}"] == [records.TURN.pack(*values).index(1)], field


def test_a_command_queue_s_layout(native: dict[str, list[int]]) -> None:
    assert native["VgpuQueue"] == [records.QUEUE.size, records.QUEUE_IN_ORDER]
    for index, field in enumerate(records.VgpuQueue._fields):
        values = [0] * len(records.VgpuQueue._fields)
        values[index] = 1
        assert native[f"VgpuQueue::{field}"] == [records.QUEUE.pack(*values).index(1)], field


def test_the_page_s_layout(native: dict[str, list[int]]) -> None:
    assert native["Page"] == [pages.LAYOUT.size, pages.PAGE_VERSION, pages.PAGE_SIZE]
    states = [native[f"state{state}"][0] for state in ("Away", "Waiting", "Limited", "Holding")]
    assert states == [pages.AWAY, pages.WAITING, pages.LIMITED, pages.HOLDING]
    fields = pages.Page._fields
    for index, field in enumerate(fields):
        values = [0] * len(fields)
        values[index] = 1
        offset, size = native[f"Page::{field}"]
        assert pages.LAYOUT.pack(*values).index(1) == offset, field
        assert size == (4 if field in _SMALL else 8), field


_SMALL = {
    *("version", "sequence", "state", "gone", "guarantee", "limit", "weight", "priority"),
    *("share_1s", "share_10s", "share_60s", "wait_p50_us", "wait_p99_us", "guest_processes"),
}


names = st.text(st.characters(blacklist_characters="\0", codec="utf-8"), max_size=15)


@given(
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(1, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.builds(records.Shares, *[st.integers(0, 2**32 - 1)] * 4),
    st.integers(0, 2**64 - 1),
    names,
    st.integers(0, 2**32 - 1),
)
def test_what_is_packed_is_unpacked(
    memory: int,
    flags: int,
    limit: int,
    device_type: int,
    shares: records.Shares,
    copies: int,
    name: str,
    sequence: int,
) -> None:
    wanted = records.VgpuCreate(memory, flags, limit, device_type, shares, copies, name.encode())
    data = records.pack(Kind.VGPU_CREATE, wanted, sequence=sequence)
    assert len(data) == records.RECORD_SIZE
    record = records.unpack(data)
    assert (record.kind, record.sequence, record.version) == (
        Kind.VGPU_CREATE,
        sequence,
        records.VERSION,
    )
    assert records.payload_of(record, records.VgpuCreate) == wanted


def read_as_everything(record: records.Record) -> list[records.Payload]:
    return [records.payload_of(record, kind) for kind in records.LAYOUTS]


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 1))
def test_a_debt_is_negative(balance: int, holds: int) -> None:
    told = records.VgpuTurns(7, records.Shares(2500, 4000, 2, 1), balance_ns=balance, holds=holds)
    record = records.unpack(records.pack(Kind.VGPU_TURNS, told, sequence=1))
    assert records.payload_of(record, records.VgpuTurns) == told


@given(st.binary(max_size=300))
def test_random_bytes_never_do_harm(data: bytes) -> None:
    try:
        record = records.unpack(data)
    except records.MalformedRecord:
        return
    read_as_everything(record)


@given(st.binary(min_size=240, max_size=240))
def test_random_payloads_are_read_and_printable(payload: bytes) -> None:
    record = records.Record(1, Kind.VGPU_STATUS, 0, payload)
    for fields in read_as_everything(record):
        for value in fields:
            if isinstance(value, bytes):
                assert records.text_of(value).isprintable()


def test_a_text_that_does_not_fit_is_refused() -> None:
    fits = records.VgpuCreate(name=b"n" * 63)
    records.pack(Kind.VGPU_CREATE, fits, sequence=1)
    with pytest.raises(ValueError, match="63 fit"):
        records.pack(Kind.VGPU_CREATE, fits._replace(name=b"n" * 64), sequence=1)

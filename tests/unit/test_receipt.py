"""A receipt's parts add up to the time that they divide, whatever guest drivers claim."""

import io

from hypothesis import given
from hypothesis import strategies as st

from aliquot.cli.receipt import Promise, biggest_first, part_lines, receipt_lines
from aliquot.model.receipt import Receipt, divide
from aliquot.model.shares import Shares

MS = 1_000_000
SPENT = ("start", "kernels", "copies", "others", "limit", "syncs", "round_trips", "compiling")


def receipt(**milliseconds: int) -> Receipt:
    named = {f"{name}_ns": value * MS for name, value in milliseconds.items()}
    return Receipt(processes=1)._replace(**named)


def test_one_process() -> None:
    told = receipt(alive=800, covered=800, start=50, kernels=300, others=200, syncs=100, spared=30)
    spending = divide(told, 1000 * MS, start_up_ns=150 * MS)
    parts = spending.parts
    assert (parts.kernels, parts.others, parts.syncs) == (300 * MS, 200 * MS, 100 * MS)
    assert (parts.start_up, parts.program, parts.elsewhere) == (200 * MS, 150 * MS, 50 * MS)
    assert sum(parts) == spending.wall_ns
    assert spending.alone_ns == (1000 - 200 - 30) * MS


def test_processes_at_the_same_time_are_averaged() -> None:
    told = receipt(alive=1000, covered=500, kernels=600, others=200)
    parts = divide(told, 600 * MS, start_up_ns=100 * MS).parts
    assert (parts.kernels, parts.others, parts.program) == (300 * MS, 100 * MS, 100 * MS)
    assert (parts.start_up, parts.elsewhere) == (100 * MS, 0)


def test_a_process_that_seems_to_have_lived_for_too_long() -> None:
    # Its start is known to 10 ms.
    told = receipt(alive=905, covered=905, kernels=600)
    parts = divide(told, 1000 * MS, start_up_ns=100 * MS).parts
    assert (parts.program, parts.elsewhere, sum(parts)) == (300 * MS, 0, 1000 * MS)


@given(
    st.lists(st.integers(0, 10**12), min_size=8, max_size=8),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
)
def test_parts_add_up(spent: list[int], own: int, before: int, after: int) -> None:
    covered = sum(spent) + own
    named = dict(zip((f"{name}_ns" for name in SPENT), spent, strict=True))
    told = Receipt(alive_ns=covered, covered_ns=covered)._replace(**named)
    spending = divide(told, before + covered + after, before)
    assert sum(spending.parts) == spending.wall_ns
    assert min(spending.parts) >= 0
    assert spending.parts.program == own
    assert spending.parts.elsewhere == after


def test_what_has_come_since() -> None:
    earlier = receipt(alive=100, covered=100, kernels=60)._replace(at_ns=5, syncs=3, processes=2)
    later = receipt(alive=300, covered=200, kernels=100)._replace(at_ns=9, syncs=7, processes=3)
    since = later.since(earlier)
    assert (since.alive_ns, since.covered_ns, since.kernels_ns) == (200 * MS, 100 * MS, 40 * MS)
    assert (since.syncs, since.processes, since.at_ns) == (4, 3, 9)


def test_the_biggest_part_comes_first_and_nothing_is_left_out() -> None:
    told = receipt(alive=800, covered=800, kernels=300, others=400)._replace(syncs=1)
    spending = divide(told, 1000 * MS, start_up_ns=200 * MS)
    names = [name for name, _ in biggest_first(spending.parts)]
    assert names == ["others", "kernels", "start_up", "program"]
    lines = part_lines(spending, io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert [line.split("  ")[2] for line in lines] == [
        "waiting for others",
        "own work on the device",
        "start-up",
        "the program itself",
    ]
    assert lines[0].endswith(" 40.0 %  ##########")


def test_a_receipt_in_words() -> None:
    told = receipt(alive=800, covered=800, kernels=300, others=400, held=340, spared=40, waited=450)
    spending = divide(told._replace(turns=1), 1000 * MS, start_up_ns=200 * MS)
    promise = Promise(1 << 30, Shares(2500))
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    text = "\n".join(receipt_lines("mine", promise, spending, stream))
    assert "receipt of vGPU mine" in text
    assert "promised  1 GiB; at least 25 % of its time" in text
    assert "received  the device for 0.300 s (30.0 % of 1.000 s), in 1 turn; waited 0.450 s" in text
    assert "alone on the device it would have taken about 0.560 s" in text
    assert "operating system" not in text


def test_what_the_system_withheld_is_told() -> None:
    told = receipt(alive=900, covered=900, kernels=800, held=700, withheld=200)
    spending = divide(told, 1000 * MS)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    text = "\n".join(receipt_lines("mine", Promise(1 << 30, Shares()), spending, stream))
    assert "received  the device for 0.500 s" in text
    assert "others had the processors for 0.200 s" in text

"""Sizes and durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliquot.errors import BadDuration, BadSize
from aliquot.sizes import (
    LARGEST_SIZE,
    LONGEST_WAIT_MS,
    format_duration,
    format_size,
    parse_duration_ms,
    parse_size,
)

FACTORS = {"": 1, "B": 1}
for power, letter in enumerate("KMGT", start=1):
    FACTORS |= {letter: 1024**power, f"{letter}iB": 1024**power, f"{letter}B": 1000**power}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GiB", 2 << 30),
        ("512MiB", 512 << 20),
        ("1.5G", 3 << 29),
        ("4096", 4096),
        ("1 kb", 1000),
        ("0.1GiB", 107374182),
        (" 7 TiB ", 7 << 40),
    ],
)
def test_what_people_write(text: str, size: int) -> None:
    assert parse_size(text) == size


@given(st.integers(1, 10**6), st.sampled_from(sorted(FACTORS)), st.booleans())
def test_whole_numbers_of_every_unit(number: int, unit: str, lower: bool) -> None:
    text = f"{number}{unit}"
    assert parse_size(text.lower() if lower else text) == number * FACTORS[unit]


@given(st.integers(0, 10**6), st.text("0123456789", min_size=1, max_size=12))
def test_fractions_are_exact(whole: int, digits: str) -> None:
    expected = int(f"{whole}{digits}") * 2**30 // 10 ** len(digits)
    if expected:
        assert parse_size(f"{whole}.{digits}GiB") == expected


@given(st.text(max_size=60))
def test_anything_else_is_one_kind_of_error(text: str) -> None:
    for parse, error in ((parse_size, BadSize), (parse_duration_ms, BadDuration)):
        try:
            assert parse(text) > 0
        except error as raised:
            said = str(raised)
            assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    ["", "G", "-1", "0", "0.0001B", "1e9", "1,5G", "1XiB", "٣", "9999999999TiB", "1.G", "nan"],
)
def test_bad_sizes(text: str) -> None:
    with pytest.raises(BadSize):
        parse_size(text)


@given(st.integers(1, LARGEST_SIZE))
def test_what_is_printed_is_close_and_can_be_read_again(size: int) -> None:
    again = parse_size(format_size(size))
    assert size * 0.99 <= again <= size


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2s", 2000),
        ("500ms", 500),
        ("1.5", 1500),
        ("1min", 60_000),
        ("10m", 600_000),
        ("1.5h", 5_400_000),
        ("1d", 86_400_000),
    ],
)
def test_durations(text: str, milliseconds: int) -> None:
    assert parse_duration_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["", "0", "0.1ms", "25h", "99999min", "s"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(BadDuration):
        parse_duration_ms(text)


def test_a_wait_may_be_longer() -> None:
    assert parse_duration_ms("30d", LONGEST_WAIT_MS) == 30 * 86_400_000
    with pytest.raises(BadDuration, match="3650 days"):
        parse_duration_ms("3651d", LONGEST_WAIT_MS)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (61_000, "1 min 1 s"),
        (7_199_999, "1 h 59 min"),
        (86_400_000 + 59_000, "1 d"),
        (3 * 86_400_000 + 7_200_000, "3 d 2 h"),
    ],
)
def test_durations_are_never_rounded_up(milliseconds: int, text: str) -> None:
    assert format_duration(milliseconds) == text

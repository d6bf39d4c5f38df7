"""Shares and policies: what people write, what is refused, and what they read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliquot import shares
from aliquot.client import policies
from aliquot.errors import (
    BadPriorityMix,
    BadSize,
    BadTurn,
    ImpossibleShare,
    UnknownPolicy,
    UnknownPriorityClass,
)
from aliquot.model.shares import WHOLE, Policy, PolicyKind, PriorityClass, Shares, Turns


@pytest.mark.parametrize(
    ("text", "hundredths"),
    [
        ("25", 2500),
        ("12.5", 1250),
        ("0.01", 1),
        ("33.33", 3333),
        ("33.330", 3333),
        ("100", WHOLE),
        ("25%", 2500),
        (" 25 % ", 2500),
        ("007", 700),
    ],
)
def test_percent(text: str, hundredths: int) -> None:
    assert shares.parse_percent(text, "--compute") == hundredths


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.00",
        "-5",
        "100.01",
        "1000000",
        "33.333",
        "half",
        "nan",
        "1e1",
        ".5",
        "5.",
        "\uff12\uff15",
    ],
)
def test_what_is_no_share_is_refused_by_name(text: str) -> None:
    with pytest.raises(ImpossibleShare) as refused:
        shares.parse_percent(text, "--compute-limit")
    assert refused.value.what.startswith("--compute-limit ")
    assert refused.value.remedy
    assert refused.value.exit_status == 2


@given(st.integers(1, WHOLE))
def test_what_is_written_is_read_back(share: int) -> None:
    assert shares.parse_percent(shares.format_percent(share), "--compute") == share


@given(st.text(max_size=12))
def test_any_text_is_a_share_or_refused(text: str) -> None:
    try:
        share = shares.parse_percent(text, "--compute")
    except ImpossibleShare:
        return
    assert 0 < share <= WHOLE


def test_no_guarantee() -> None:
    assert shares.parse_guarantee("none") == 0
    with pytest.raises(ImpossibleShare):
        shares.parse_guarantee("0")


def test_weights() -> None:
    assert [shares.parse_weight(text) for text in ("1", "2", "1000")] == [1, 2, 1000]
    for text in ("0", "1001", "-1", "1.5", "", "two"):
        with pytest.raises(ImpossibleShare):
            shares.parse_weight(text)


def test_a_limit_is_not_below_its_guarantee() -> None:
    equal = Shares(2500, 2500)
    assert shares.checked(equal) == equal
    with pytest.raises(ImpossibleShare, match=r"limit of 24\.99 % is below the guarantee of 25 %"):
        shares.checked(Shares(2500, 2499))


def test_classes_and_policies_by_their_words() -> None:
    assert {shares.parse_priority(word) for word in shares.PRIORITY_CLASSES} == set(PriorityClass)
    assert {shares.parse_policy(word) for word in shares.POLICIES} == set(PolicyKind)
    for word in ("", "urgent", "NORMAL", "equal-share"):
        with pytest.raises(UnknownPriorityClass):
            shares.parse_priority(word)
    for word in ("", "fair", "EQUAL-SHARE", "equal_share", "normal"):
        with pytest.raises(UnknownPolicy):
            shares.parse_policy(word)


def test_turns_and_averaging() -> None:
    assert shares.parse_turn_ns("auto") == 0
    assert shares.parse_turn_ns("2ms") == 2_000_000
    assert shares.parse_turn_ns("1.5ms") == 1_500_000
    assert shares.parse_turn_ns("0.03s") == 30_000_000
    for text in ("0.9ms", "30.1ms", "0", "2", "soon", ""):
        with pytest.raises(BadTurn):
            shares.parse_turn_ns(text)
    assert [shares.parse_averaging(text) for text in ("1", "60")] == [1, 60]
    for text in ("0", "61", "-1", "1.5", ""):
        with pytest.raises(BadTurn):
            shares.parse_averaging(text)


@pytest.mark.parametrize(
    ("promised", "words"),
    [
        (Shares(), ""),
        (Shares(2500), "at least 25 % of its time"),
        (Shares(2500, 4000), "25 to 40 % of its time"),
        (Shares(1250, 1250), "12.5 % of its time"),
        (Shares(0, 4000), "at most 40 % of its time"),
        (
            Shares(2500, 4000, 2, PriorityClass.LATENCY),
            "25 to 40 % of its time, weight 2, priority latency",
        ),
        (Shares(weight=3), "weight 3"),
    ],
)
def test_a_promise_in_words(promised: Shares, words: str) -> None:
    assert shares.format_shares(promised) == words


def test_numbers_for_json_are_percent() -> None:
    told = Turns(Shares(2500, 4000), balance_ns=-7, share_1s=3333).as_dict()
    assert (told["compute"], told["compute_limit"], told["share_1s"]) == (25.0, 40.0, 33.33)
    assert (told["balance_ns"], told["debt_ns"]) == (-7, 7)
    assert Turns(balance_ns=7).debt_ns == 0


@pytest.mark.parametrize(
    "text",
    ["", "best-effort", "best-effort -1 1", "best-effort 5 1", "equal-share 0 61", "own 0 1"],
)
def test_damaged_policy_counts_as_missing(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "gpu").mkdir()
    kept = Policy(PolicyKind.EQUAL_SHARE, 2_000_000, 4)
    policies.remember("gpu", kept)
    assert policies.remembered("gpu") == kept
    (tmp_path / "gpu" / "policy").write_text(text)
    assert policies.remembered("gpu") is None


def test_limits_of_copies() -> None:
    assert shares.parse_copy_limit("500MiB") == 500 << 20
    assert shares.parse_copy_limit(" 2GB/s ") == 2_000_000_000
    assert shares.parse_copy_limit("1MiB") == 1 << 20
    assert shares.parse_copy_limit("none") == 0
    for text in ("", "0", "-1", "fast", "1MiB/min", "none/s"):
        with pytest.raises(BadSize) as refused:
            shares.parse_copy_limit(text)
        assert "--copy-limit 500MiB" in refused.value.remedy
    with pytest.raises(ImpossibleShare):
        shares.parse_copy_limit("1MB")
    assert shares.format_copy_limit(0) == ""
    assert shares.format_copy_limit(500 << 20) == "copies at most 500 MiB/s"


def test_a_mix_of_priority_classes() -> None:
    told = shares.parse_priority_mix("latency:batch=0, latency:latency=1")
    assert told == {"latency:batch": 0, "latency:latency": 1}
    assert shares.priority_mix(told) == {
        (PriorityClass.LATENCY, PriorityClass.BATCH): 0,
        (PriorityClass.LATENCY, PriorityClass.LATENCY): 1,
    }
    assert shares.parse_priority_mix("none") == {}
    for text in (
        "", "latency=1", "latency:batch", "latency:batch=", "latency:batch=-1", "fast:batch=0",
        "latency:batch=10001", "latency:batch=0,", "latency:batch=0,latency:batch=1", "a:b:c=1",
    ):  # fmt: skip
        with pytest.raises(BadPriorityMix):
            shares.parse_priority_mix(text)

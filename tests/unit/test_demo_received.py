"""What the demo says of the shares that its tenants received."""

from __future__ import annotations

from aliquot.bench.fairness.machine import Noise
from tools.demo.received import Received, sentence

_QUIET = Noise(load=1.0, others=0.02, stolen=0.0)
_BUSY = Noise(load=9.0, others=0.7, stolen=0.0)
_MISSED = (Received("a", 70, 69.0, 67.5), Received("b", 30, 29.0, 32.5))


def test_shares_that_were_kept():
    """How near they are, whatever else the machine did."""
    kept = (Received("a", 70, 68.2, 70.3), Received("b", 30, 29.1, 29.7))
    assert "within 0.3 points of its promise over 6.3 s" in sentence(kept, 6.3, _BUSY)


def test_a_share_that_was_missed_beside_other_work_proves_nothing():
    """It is told with the reason that is likely, and where a better answer is to be had."""
    said = sentence(_MISSED, 6.3, _BUSY)
    assert said.startswith("a is 2.5 points off")
    assert "70% of the processors" in said
    assert "bench fairness" in said


def test_a_share_that_was_missed_on_a_quiet_machine_has_no_excuse():
    """Nothing is put down to other work."""
    said = sentence(_MISSED, 6.3, _QUIET)
    assert said.startswith("a is 2.5 points off")
    assert "other work" not in said


def test_work_that_a_virtual_machines_host_took_counts_as_other_work():
    """Whoever took the processors, the tenants had them not."""
    assert "other work had 40%" in sentence(_MISSED, 6.3, Noise(1.0, 0.0, 0.4))

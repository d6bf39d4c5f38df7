"""What came of a benchmark: of each case, and of all."""

from __future__ import annotations

from typing import Any, NamedTuple

from aliquot.bench.fairness.cases import Case, Load
from aliquot.bench.fairness.checks import Check
from aliquot.bench.fairness.machine import Noise


class Outcome(NamedTuple):
    """What came of one case. Shares are in percent, as they are to be seen in the picture."""

    case: Case
    shares: list[float]
    accounts: list[float]  # what the device host says of the same time
    bands: list[list[float]]  # a list a tenant, each half second
    checks: list[Check]
    noise: Noise

    @property
    def missed(self) -> list[Check]:
        """The promises that were not kept."""
        return [check for check in self.checks if not check.holds]

    def as_dict(self) -> dict[str, Any]:
        """The outcome for `--json`."""
        return {
            "case": self.case.name,
            "holds": not self.missed,
            "expected": [tenant.expected for tenant in self.case.tenants],
            "shares": self.shares,
            "accounts": self.accounts,
            "checks": [check.as_dict() for check in self.checks],
            **self.noise.as_dict(),
        }


class Alone(NamedTuple):
    """Kernels a second of one load, on the device alone, before all cases and after them."""

    load: Load
    before: float
    after: float

    @property
    def seconds_per_kernel(self) -> float:
        """What a kernel takes alone."""
        return 2 / (self.before + self.after)

    def as_dict(self) -> dict[str, Any]:
        """The figures for `--json`."""
        return {
            "kernel_us": self.load.kernel_us,
            "items": self.load.items,
            "pattern": self.load.pattern.value,
            "before": self.before,
            "after": self.after,
        }


class Result(NamedTuple):
    """The whole result."""

    outcomes: list[Outcome]
    alone: list[Alone]
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not any(outcome.missed for outcome in self.outcomes)

    def as_dict(self) -> dict[str, Any]:
        """The result for `--json`."""
        return {
            "holds": self.holds,
            "tolerance": self.tolerance,
            "alone": [one.as_dict() for one in self.alone],
            "cases": [outcome.as_dict() for outcome in self.outcomes],
        }

"""Where the time of a vGPU's programs went, and what of that others are the reason for."""

from __future__ import annotations

from typing import Any, NamedTuple


class Receipt(NamedTuple):
    """What a device host tells of a vGPU's guest processes, those that ended included; sums in ns.

    Lines from `start_ns` to `builds` are what guest drivers counted: the tenant's claims about
    itself. Those from `held_ns` to `turns` are the device host's own measure.
    """

    at_ns: int = 0
    alive_ns: int = 0  # that guest processes lived, one by one
    covered_ns: int = 0  # in which at least one did
    start_ns: int = 0
    kernels_ns: int = 0
    copies_ns: int = 0
    others_ns: int = 0
    limit_ns: int = 0
    syncs_ns: int = 0
    round_trips_ns: int = 0
    compiling_ns: int = 0
    syncs: int = 0
    round_trips: int = 0
    builds: int = 0
    held_ns: int = 0
    spared_ns: int = 0  # of it, handing the device over
    withheld_ns: int = 0  # of it, the system withheld the processors
    waited_ns: int = 0
    limited_ns: int = 0
    turns: int = 0
    processes: int = 0

    def since(self, earlier: Receipt) -> Receipt:
        """What has come since an earlier receipt of the same vGPU; `processes` stays the count."""
        grown = (max(0, now - then) for now, then in zip(self, earlier, strict=True))
        return Receipt(*grown)._replace(at_ns=self.at_ns, processes=self.processes)

    @property
    def charged_ns(self) -> int:
        """Device time that was had and is charged."""
        return max(0, self.held_ns - self.spared_ns - self.withheld_ns)


class Parts(NamedTuple):
    """A stretch of time, divided; nanoseconds that add up to it."""

    kernels: int
    others: int
    limit: int
    copies: int
    syncs: int
    round_trips: int
    compiling: int
    start_up: int
    program: int  # the program itself, outside of OpenCL
    elsewhere: int  # no process was there that uses OpenCL


class Spending(NamedTuple):
    """A stretch of time of a vGPU, and where it went."""

    wall_ns: int
    parts: Parts
    receipt: Receipt

    @property
    def alone_ns(self) -> int:
        """An estimate of the same with nobody else on the device.

        Without the waiting for others and without handing the device over. What others cost beside
        that (caches, memory, processors) is not known, nor which of it was hidden by other work.
        """
        handing_over = min(self.receipt.spared_ns, self.parts.kernels + self.parts.syncs)
        return self.wall_ns - self.parts.others - handing_over

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "wall_ns": self.wall_ns,
            "parts_ns": self.parts._asdict(),
            "alone_ns": self.alone_ns,
            "received": self.receipt._asdict(),
        }


def divide(receipt: Receipt, wall_ns: int, start_up_ns: int = 0) -> Spending:
    """Divide `wall_ns`, which began with `start_up_ns` before there was any guest process.

    Where several guest processes lived at once, each moment of the time that they cover is divided
    as it was for them on average.
    """

    def scaled(nanoseconds: int) -> int:
        return nanoseconds * receipt.covered_ns // max(receipt.alive_ns, receipt.covered_ns, 1)

    waits = {
        "kernels": scaled(receipt.kernels_ns),
        "others": scaled(receipt.others_ns),
        "limit": scaled(receipt.limit_ns),
        "copies": scaled(receipt.copies_ns),
        "syncs": scaled(receipt.syncs_ns),
        "round_trips": scaled(receipt.round_trips_ns),
        "compiling": scaled(receipt.compiling_ns),
    }
    connecting = scaled(receipt.start_ns)
    parts = Parts(
        **waits,
        start_up=start_up_ns + connecting,
        # Claims may run ahead by a moment.
        program=max(0, receipt.covered_ns - sum(waits.values()) - connecting),
        elsewhere=wall_ns - start_up_ns - receipt.covered_ns,
    )
    if parts.elsewhere < 0:  # when processes began is known to about 10 ms
        too_much = -parts.elsewhere
        of_program = min(too_much, parts.program)
        of_start_up = min(too_much - of_program, parts.start_up)
        parts = parts._replace(
            program=parts.program - of_program, start_up=parts.start_up - of_start_up, elsewhere=0
        )
    return Spending(wall_ns, parts, receipt)

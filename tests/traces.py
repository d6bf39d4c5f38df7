"""Published traces, which are not part of this repository.

They are looked for in the folder that ALIQUOT_TEST_TRACES names, else in shared/traces beside the
checkout. What a published trace alone can show is skipped where there is none.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from aliquot.placement.simulation.openb import read_nodes, read_pods
from aliquot.placement.simulation.replay import Workload, workload

_ROOT = Path(__file__).resolve().parents[1]


@cache
def openb(trace: str) -> Workload:
    """The nodes of "openb" with one of its lists of pods; skips the test where it is not here."""
    chosen = os.environ.get("ALIQUOT_TEST_TRACES")
    folder = (Path(chosen) if chosen else _ROOT.parent / "shared" / "traces") / "openb"
    nodes = folder / "openb_node_list_gpu_node.csv"
    pods = folder / f"openb_pod_list_{trace}.csv"
    if not (nodes.is_file() and pods.is_file()):
        pytest.skip(
            f"the trace openb/{trace} is not in {folder}; ALIQUOT_TEST_TRACES names another"
        )
    return workload(read_nodes(str(nodes)), read_pods(str(pods)))

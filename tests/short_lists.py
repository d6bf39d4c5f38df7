"""Short lists of nodes and of pods, as `aliquot simulate` and `aliquot plan` read them."""

from __future__ import annotations

NODES = "sn,cpu_milli,memory_mib,gpu,model\n" + "".join(
    f"n{at},64000,65536,{devices},{model}\n"
    for at, (devices, model) in enumerate([(4, "A"), (4, "A"), (2, "B"), (2, "B")])
)
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n" + "".join(
    f"p{at},{cpu},4096,{devices},{share},{model}\n"
    for at, (cpu, devices, share, model) in enumerate(
        [(8000, 1, 1000, "")] * 6
        + [(4000, 1, 460, "B")] * 5
        + [(6000, 1, 810, ""), (9000, 0, 0, "")]
    )
)

"""What planning and simulating placements can't do, or refuses to read (ALQ-E7xx)."""

from __future__ import annotations

from aliquot.errors.base import AliquotError


class PlacementError(AliquotError):
    """A cluster, a trace or a policy can't be used as it was given."""


class BadNodeList(PlacementError):
    code = "ALQ-E701"
    title = "A list of nodes can't be used"
    why = (
        "It is a CSV file with the columns sn, cpu_milli, memory_mib, gpu and model, a node a "
        "line: names once each, whole numbers, up to 16 devices a node and 64 models. The message "
        "names the line."
    )
    remedy = "correct the file; docs/placement-engine.md describes both lists"


class BadPodList(PlacementError):
    code = "ALQ-E702"
    title = "A list of pods can't be used"
    why = (
        "It is a CSV file with the columns name, cpu_milli, memory_mib, num_gpu and gpu_milli, and "
        "gpu_spec where models are asked for, a pod a line: names once each, whole numbers, parts "
        "of one device or whole devices. The message names the line."
    )
    remedy = "correct the file; docs/placement-engine.md describes both lists"


class UnknownPlacementPolicy(PlacementError):
    code = "ALQ-E703"
    title = "There is no such placement policy"
    why = "A placement policy tells a good place from a bad one."
    remedy = (
        "choose one of aliquot, fgd, best-fit, worst-fit, dot-product, gpu-packing, "
        "gpu-clustering, pack, spread and random"
    )


class ImpossibleRequest(PlacementError):
    code = "ALQ-E704"
    title = "A request can't be as it was asked for"
    why = (
        "A request wants 0 to 16 devices, of each a share up to all of it or memory alone, and no "
        "resource below 0."
    )
    remedy = "ask for what a node can have"


class BadSeeds(PlacementError):
    code = "ALQ-E705"
    title = "The seeds are not understood"
    why = "Seeds are whole numbers from 0 on, singly or as ranges, at most 1,000 of them."
    remedy = "write them like 42-51 or 1,2,7"


class MissingPlanningLibrary(PlacementError):
    code = "ALQ-E706"
    title = "What solves linear programs is not installed"
    why = "Upper bounds are linear programs, which HiGHS solves; it comes with an optional package."
    remedy = "pip install 'aliquot[plan]'"


class NoHistory(PlacementError):
    code = "ALQ-E707"
    title = "There is no past to plan from"
    why = "The daemon's state has its devices, and for 30 days the vGPUs that are gone."
    remedy = (
        "name another state with ALIQUOT_STATE, look further back with --days, or plan from files "
        "with --nodes and --pods"
    )

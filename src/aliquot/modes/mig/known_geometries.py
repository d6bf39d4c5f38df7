"""The geometries of GPUs, for planning where no driver can be asked; NVML's word counts more.

Facts of NVIDIA's MIG User Guide and of what nvidia-smi prints of such GPUs (`mig -lgip`, `-lgipp`).
Of the H200 no print of the places was found: they are inferred from the H100, whose silicon is the
same. Profiles with media engines (+me) have the places of those without.
"""

from __future__ import annotations

from aliquot.modes.mig.geometry import Geometry, GpuProfile

_GB = 10**9
_ONE = (0, 1, 2, 3, 4, 5, 6)


def _profile(
    number: int, compute: int, gb: int, size: int, at: tuple[int, ...], most: int, me: str = ""
) -> GpuProfile:
    return GpuProfile(
        id=number,
        name=f"{compute}g.{gb}gb{me}",
        size=size,
        compute=compute,
        starts=at,
        most=most,
        memory=gb * _GB,
    )


def _seven(unit: int, *, inferred: bool = False, sizes: tuple[int, ...] = ()) -> Geometry:
    """Eight memory slices of `unit` GB, seven compute slices; `sizes` where they don't add up."""
    one, wide, three, whole = sizes or (unit, 2 * unit, 4 * unit, 8 * unit)
    return Geometry(
        memory_slices=8,
        compute_slices=7,
        inferred=inferred,
        profiles=(
            _profile(19, 1, one, 1, _ONE, 7),
            _profile(20, 1, one, 1, _ONE, 1, "+me"),
            _profile(15, 1, wide, 2, (0, 2, 4, 6), 4),
            _profile(14, 2, wide, 2, (0, 2, 4), 3),
            _profile(9, 3, three, 4, (0, 4), 2),
            _profile(5, 4, three, 4, (0,), 1),
            _profile(0, 7, whole, 8, (0,), 1),
        ),
    )


KNOWN: dict[str, Geometry] = {
    "A30-24GB": Geometry(
        memory_slices=4,
        compute_slices=4,
        profiles=(
            _profile(14, 1, 6, 1, (0, 1, 2, 3), 4),
            _profile(21, 1, 6, 1, (0, 1, 2, 3), 1, "+me"),
            _profile(5, 2, 12, 2, (0, 2), 2),
            _profile(6, 2, 12, 2, (0, 2), 1, "+me"),
            _profile(0, 4, 24, 4, (0,), 1),
        ),
    ),
    "A100-40GB": _seven(5),
    "A100-80GB": _seven(10),
    "H100-80GB": _seven(10),
    "H200-141GB": _seven(18, inferred=True, sizes=(18, 35, 71, 141)),
}
# How NVML's names of devices begin, after the vendor's.
_NAMES = {
    "A30": "A30-24GB",
    "A100": "A100-40GB",
    "H100": "H100-80GB",
    "H200": "H200-141GB",
}


def of_name(name: str, memory: int | None = None) -> Geometry | None:
    """The geometry of a GPU by NVML's name for it, and its memory in bytes; None where unknown."""
    words = name.replace("-", " ").split()
    model = next((word for word in words if word in _NAMES), None)
    if model == "A100" and ("80GB" in words or (memory or 0) > 60 * _GB):
        return KNOWN["A100-80GB"]
    return KNOWN[_NAMES[model]] if model else None

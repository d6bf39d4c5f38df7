"""How MIG cuts up a GPU: which profiles there are, and where on the GPU an instance may lie.

An instance takes some memory slices that lie beside each other, from one of a few starts, and some
compute slices that lie anywhere. Two instances never overlap, and their compute slices add up to no
more than the GPU has. Facts from NVIDIA's MIG user guide and from captured output of
`nvidia-smi mig -lgip` and `-lgipp`; H200's starts are inferred from the same die. Where there is a
GPU, what NVML says of it (nvmlDeviceGetGpuInstancePossiblePlacements_v2) goes before this table.
"""

from __future__ import annotations

from typing import NamedTuple


class Profile(NamedTuple):
    """A size of instances. `size` and `starts` in memory slices, `compute` in compute slices;
    `most` of them fit on a GPU at once."""

    name: str
    size: int
    compute: int
    starts: tuple[int, ...]
    most: int


class Geometry(NamedTuple):
    """What a model of GPU can be cut into."""

    name: str
    memory_slices: int
    compute_slices: int
    profiles: tuple[Profile, ...]

    def profile(self, name: str) -> Profile:
        """The profile of a name; raises KeyError."""
        for profile in self.profiles:
            if profile.name == name:
                return profile
        raise KeyError(name)


def _of_eight(name: str, one: str, two: str, half: str, whole: str) -> Geometry:
    """A GPU of 8 memory slices and 7 compute slices: what 1, 2, 4 and 8 memory slices hold."""
    everywhere = tuple(range(7))
    return Geometry(
        name,
        8,
        7,
        (
            Profile(f"1g.{one}", 1, 1, everywhere, 7),
            Profile(
                f"1g.{one}+me", 1, 1, everywhere, 1
            ),  # with the media engines: there is one set
            Profile(f"1g.{two}", 2, 1, (0, 2, 4, 6), 4),
            Profile(f"2g.{two}", 2, 2, (0, 2, 4), 3),
            Profile(f"3g.{half}", 4, 3, (0, 4), 2),
            Profile(f"4g.{half}", 4, 4, (0,), 1),
            Profile(f"7g.{whole}", 8, 7, (0,), 1),
        ),
    )


GEOMETRIES = {
    geometry.name: geometry
    for geometry in (
        Geometry(
            "A30-24GB",
            4,
            4,
            (
                Profile("1g.6gb", 1, 1, (0, 1, 2, 3), 4),
                Profile("1g.6gb+me", 1, 1, (0, 1, 2, 3), 1),
                Profile("2g.12gb", 2, 2, (0, 2), 2),
                Profile("2g.12gb+me", 2, 2, (0, 2), 1),
                Profile("4g.24gb", 4, 4, (0,), 1),
            ),
        ),
        _of_eight("A100-40GB", "5gb", "10gb", "20gb", "40gb"),
        _of_eight("A100-80GB", "10gb", "20gb", "40gb", "80gb"),
        _of_eight("H100-80GB", "10gb", "20gb", "40gb", "80gb"),
        _of_eight("H200-141GB", "18gb", "35gb", "71gb", "141gb"),
    )
}

"""What a mesh has carried, the same for every model of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsim.noc.mesh import Mesh


@dataclass(slots=True)
class Traffic:
    """Counters of a mesh; `flits_between` counts flits by (source, destination)."""

    messages: int = 0
    packets: int = 0
    flits: int = 0
    sent_bytes: int = 0
    delivered: int = 0
    delivered_bytes: int = 0
    latency_cycles: int = 0
    bytes_hops: int = 0
    flits_between: dict[tuple[int, int], int] = field(default_factory=dict)

    def link_flits(self, mesh: Mesh) -> dict[tuple[tuple[int, int], tuple[int, int]], int]:
        """Flits that crossed each link between routers."""
        result: dict[tuple[tuple[int, int], tuple[int, int]], int] = {}
        for (source, destination), flits in self.flits_between.items():
            for link in mesh.links(source, destination):
                result[link] = result.get(link, 0) + flits
        return result

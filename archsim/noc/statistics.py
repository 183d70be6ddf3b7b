"""What a mesh has carried, the same for every model of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsim.noc.mesh import Mesh

Link = tuple[tuple[int, int], tuple[int, int]]


@dataclass(slots=True)
class Traffic:
    """`sent` counts messages by (source, destination, bytes), one for each destination; `delivered` counts the
    deliveries."""

    sent: dict[tuple[int, int, int], int] = field(default_factory=dict)
    delivered: int = 0

    @property
    def messages(self) -> int:
        """Messages sent, one for each destination."""
        return sum(self.sent.values())

    @property
    def sent_bytes(self) -> int:
        """Bytes sent, for each destination."""
        return sum(size * count for (_, _, size), count in self.sent.items())

    def bytes_hops(self, mesh: Mesh) -> int:
        """Bytes times links between routers."""
        return sum(size * count * mesh.hops(a, b) for (a, b, size), count in self.sent.items())

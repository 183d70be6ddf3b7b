"""What a network has carried, the same for every model of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Link = tuple[tuple[int, int], tuple[int, int]]
"""The routers (x, y) at the two ends of a link."""

Route = tuple[int, int, int]
"""Source, destination and bytes of a message."""

Tree = tuple[int, tuple[int, ...], int]
"""Source, destinations and bytes of a message that is sent once."""


@dataclass(slots=True)
class Traffic:
    """`sent` counts messages by (source, destination, bytes), one for each destination; `delivered` counts the
    deliveries, and `latencies` those of them by their cycles from creation to arrival, where a model has to see a
    message arrive to know them.

    Where one goes to all destinations at once `broadcasts` counts it once, by its bytes, and where one forks on its way
    `trees` does, by source, destinations and bytes.
    """

    sent: dict[Route, int] = field(default_factory=dict)
    delivered: int = 0
    broadcasts: dict[int, int] = field(default_factory=dict)
    trees: dict[Tree, int] = field(default_factory=dict)
    latencies: dict[int, int] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """Messages sent, one for each destination."""
        return sum(self.sent.values())

    @property
    def sent_bytes(self) -> int:
        """Bytes sent, for each destination."""
        return sum(size * count for (_, _, size), count in self.sent.items())

    def took(self, cycles: int, deliveries: int = 1) -> None:
        """So many deliveries came that long after the creation of their messages."""
        self.latencies[cycles] = self.latencies.get(cycles, 0) + deliveries


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What messages come to: packets and flits that entered; deliveries by their latency in cycles, and the cycles that
    all of them would take together on an idle network (None: this network is always as good as idle); bytes x links;
    the flits over each link between routers, and of those that passed each router, all together.

    A bus is one link without ends, and has no routers.
    """

    packets: int
    flits: int
    latencies: Mapping[int, int]
    idle_cycles: int | None
    bytes_hops: int
    links: Mapping[Link | None, int]
    router_flits: int

    @property
    def messages(self) -> int:
        """Deliveries."""
        return sum(self.latencies.values())

    @property
    def latency_cycles(self) -> int:
        """Cycles from creation to arrival, of all deliveries together."""
        return sum(cycles * count for cycles, count in self.latencies.items())

    @property
    def waited_cycles(self) -> int | None:
        """What all deliveries together took beyond an idle network; None where nobody waits."""
        return None if self.idle_cycles is None else self.latency_cycles - self.idle_cycles

    @property
    def busiest_link_flits(self) -> int:
        """The flits over the link that carried the most."""
        return max(self.links.values(), default=0)

"""What a network has carried, the same for every model of it."""

from __future__ import annotations

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
    deliveries.

    Where messages wait for each other `waited_cycles` is for how long, counted for each destination; where one goes
    to all destinations at once `broadcasts` counts it once, by its bytes, and where one forks on its way `trees` does,
    by source, destinations and bytes.
    """

    sent: dict[Route, int] = field(default_factory=dict)
    delivered: int = 0
    broadcasts: dict[int, int] = field(default_factory=dict)
    trees: dict[Tree, int] = field(default_factory=dict)
    waited_cycles: int = 0

    @property
    def messages(self) -> int:
        """Messages sent, one for each destination."""
        return sum(self.sent.values())

    @property
    def sent_bytes(self) -> int:
        """Bytes sent, for each destination."""
        return sum(size * count for (_, _, size), count in self.sent.items())


@dataclass(frozen=True, slots=True)
class Load:
    """What messages come to: their number, packets, flits, cycles from creation to arrival in all, bytes x links
    between routers, and the flits over the link that carried the most."""

    messages: int
    packets: int
    flits: int
    latency_cycles: int
    bytes_hops: int
    busiest_link_flits: int

"""One bus that all tiles of a chip share: a message at a time, first come first served.

A message of F flits waits until the bus is free, is granted it, and keeps it until its last flit is on it:

    start   = max(created, free)
    free    = start + switch + F
    arrival = start + switch + F - 1 + link

in cycles, of which the grant takes `switch` and the way along the bus `link`. All destinations hear a message at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from archsim.noc.ideal import Delivery, Router
from archsim.noc.mesh import Mesh
from archsim.noc.statistics import Load, Traffic


class SharedBus:
    """Messages are delivered one after the other; where the tiles stand makes no difference."""

    mesh = None

    def __init__(self, mesh: Mesh, router: Router) -> None:  # noqa: ARG002
        self.router = router
        self.traffic = Traffic()
        self.pending: deque[Delivery] = deque()
        self.busy_cycles = 0
        self._free = 0

    def send(self, time: int, message: int, source: int, destinations: Collection[int], size_bytes: int) -> int:
        """A message of `size_bytes` asks for the bus in cycle `time`, behind those before; `message` is any number of
        the caller's, and cycles never decrease.

        Answers the cycle of the earliest delivery of all that is under way.
        """
        traffic, start = self.traffic, max(time, self._free)
        self._free = start + self._holds(size_bytes)
        self.busy_cycles += self._holds(size_bytes)
        traffic.broadcasts[size_bytes] = traffic.broadcasts.get(size_bytes, 0) + 1
        arrival = start + self.latency(size_bytes)
        traffic.took(arrival - time, len(destinations))
        for destination in sorted(destinations):
            key = (source, destination, size_bytes)
            traffic.sent[key] = traffic.sent.get(key, 0) + 1
            self.pending.append((arrival, message, destination))
        return self.pending[0][0]

    def _holds(self, size_bytes: int) -> int:
        """Cycles for which a message has the bus to itself."""
        return self.router.switch_allocation_delay + self.router.cut(size_bytes)[0]

    def latency(self, size_bytes: int) -> int:
        """Cycles from the start of a message to the arrival of its last flit."""
        return self._holds(size_bytes) - 1 + self.router.link_delay

    def load(self, traffic: Traffic) -> Load:
        """What the messages of `traffic` come to; the bus is one link for all of them."""
        packets = flits = size = 0
        for size_bytes, count in traffic.broadcasts.items():
            cut_flits, cut_packets = self.router.cut(size_bytes)
            flits += cut_flits * count
            packets += cut_packets * count
            size += size_bytes * count
        return Load(
            packets=packets,
            flits=flits,
            latencies=traffic.latencies,
            idle_cycles=sum(self.latency(key[-1]) * count for key, count in traffic.sent.items()),
            bytes_hops=size,
            links={None: flits},
            router_flits=0,
        )

    def next_delivery(self) -> int | None:
        """The cycle of the earliest delivery, None if nothing is under way."""
        return self.pending[0][0] if self.pending else None

    def advance(self, until: int) -> list[Delivery]:
        """The deliveries up to and including cycle `until`, in the order in which they were sent."""
        result = []
        while self.pending and self.pending[0][0] <= until:
            result.append(self.pending.popleft())
        self.traffic.delivered += len(result)
        return result

"""The mesh without contention: every message takes the latency of an empty network.

    latency = 2 + (h + 1) * (routing + VC + switch + traversal + link) + ser

cycles from creation to the arrival of the tail, h hops apart, as BookSim 2's base router measures it. A message
of F flits leaves as P packets, which follow each other with the one-cycle gap of a single virtual channel:
ser = F - 1 + P - 1.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from archsim.noc.channel import CREDIT_CYCLES, HOP_CYCLES
from archsim.noc.mesh import Mesh
from archsim.noc.statistics import Link, Load, Traffic


@dataclass(frozen=True, slots=True)
class Router:
    """Cycles of a router's stages and of a link; flits of `flit_bytes`, packets of at most `max_packet_flits`."""

    routing_delay: int
    vc_allocation_delay: int
    switch_allocation_delay: int
    traversal_delay: int
    link_delay: int
    flit_bytes: int
    max_packet_flits: int

    @property
    def hop_cycles(self) -> int:
        """Cycles of a head flit from router to router."""
        stages = self.routing_delay + self.vc_allocation_delay + self.switch_allocation_delay
        return stages + self.traversal_delay + self.link_delay

    def cut(self, size_bytes: int) -> tuple[int, int]:
        """The flits and packets of a message."""
        flits = max(1, -(-size_bytes // self.flit_bytes))
        return flits, -(-flits // self.max_packet_flits)


Delivery = tuple[int, int, int]
"""The cycle in which the tail arrived, the message, and the destination."""


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Cycles = TypeVar("Cycles", int, "NDArray[np.int64]")


def zero_load(hops: Cycles, hop_cycles: int, serialisation: Cycles) -> Cycles:
    """Cycles from creation to the arrival of the tail on an idle mesh: 2 to enter, a router and link more than there
    are hops, and what the tail comes after the head."""
    return 2 + (hops + 1) * hop_cycles + serialisation


def stream_cycles(flits: Cycles, buffer_flits: int, credit_delay: int) -> Cycles:
    """Cycles from the head of a packet to its tail on an idle mesh: a flit a cycle, and after each `buffer_flits` the
    rest of the round trip of a credit."""
    stall = max(0, HOP_CYCLES + CREDIT_CYCLES + credit_delay - buffer_flits)
    return flits - 1 + (flits - 1) // buffer_flits * stall


class IdealMesh:
    """Messages are delivered after the latency of an empty network, whatever else is under way."""

    busy_cycles = 0

    def __init__(self, mesh: Mesh, router: Router) -> None:
        self.mesh = mesh
        self.router = router
        self.traffic = Traffic()
        self.pending: list[Delivery] = []
        self._latencies: dict[tuple[int, int, int], int] = {}

    def send(self, time: int, message: int, source: int, destinations: Collection[int], size_bytes: int) -> int:
        """A message of `size_bytes` enters at `source` in cycle `time`; `message` is any number of the caller's.

        Answers the cycle of the earliest delivery of all that is under way.
        """
        counts, latencies, pending = self.traffic.sent, self._latencies, self.pending
        for destination in destinations:
            key = (source, destination, size_bytes)
            if key not in counts:
                counts[key] = 0
                latencies[key] = self.latency(*key)
            counts[key] += 1
            heapq.heappush(pending, (time + latencies[key], message, destination))
        return pending[0][0]

    def latency(self, source: int, destination: int, size_bytes: int) -> int:
        """Cycles from creation to the arrival of the tail."""
        flits, packets = self.router.cut(size_bytes)
        return zero_load(self.mesh.hops(source, destination), self.router.hop_cycles, flits + packets - 2)

    def load(self, traffic: Traffic) -> Load:
        """What the messages of `traffic` come to."""
        packets = flits = bytes_hops = router_flits = 0
        latencies: Counter[int] = Counter()
        on_link: Counter[Link | None] = Counter()
        for (source, destination, size), count in traffic.sent.items():
            cut_flits, cut_packets = self.router.cut(size)
            hops = self.mesh.hops(source, destination)
            flits += cut_flits * count
            packets += cut_packets * count
            latencies[self.latency(source, destination, size)] += count
            bytes_hops += size * hops * count
            router_flits += cut_flits * (hops + 1) * count
            for link in self.mesh.links(source, destination):
                on_link[link] += cut_flits * count
        return Load(
            packets=packets,
            flits=flits,
            latencies=latencies,
            idle_cycles=None,
            bytes_hops=bytes_hops,
            links=on_link,
            router_flits=router_flits,
        )

    def next_delivery(self) -> int | None:
        """The cycle of the earliest delivery, None if nothing is under way."""
        return self.pending[0][0] if self.pending else None

    def advance(self, until: int) -> list[Delivery]:
        """The deliveries up to and including cycle `until`, in order of time and then of message number."""
        result = []
        pending = self.pending
        while pending and pending[0][0] <= until:
            result.append(heapq.heappop(pending))
        self.traffic.delivered += len(result)
        return result

"""The mesh without contention: every message takes the latency of an empty network.

    latency = 2 + (h + 1) * (routing + VC + switch + traversal + link) + ser

cycles from creation to the arrival of the tail, h hops apart, as BookSim 2's base router measures it. A message
of F flits leaves as P packets, which follow each other with the one-cycle gap of a single virtual channel:
ser = F - 1 + P - 1.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from archsim.noc.mesh import Mesh
from archsim.noc.statistics import Traffic


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


@dataclass(frozen=True, slots=True)
class Delivery:
    """The tail of message `message` reached `destination` at `time` (cycles)."""

    time: int
    message: int
    destination: int


class IdealMesh:
    """Messages are delivered after the latency of an empty network, whatever else is under way."""

    def __init__(self, mesh: Mesh, router: Router) -> None:
        self.mesh = mesh
        self.router = router
        self.traffic = Traffic()
        self._pending: list[tuple[int, int, int]] = []
        self._latencies: dict[tuple[int, int, int], tuple[int, int, int, int]] = {}

    def send(self, time: int, message: int, source: int, destinations: Sequence[int], size_bytes: int) -> None:
        """A message of `size_bytes` enters at `source` in cycle `time`; `message` is any number of the caller's."""
        traffic = self.traffic
        traffic.messages += 1
        traffic.sent_bytes += size_bytes * len(destinations)
        for destination in destinations:
            key = (source, destination, size_bytes)
            if key not in self._latencies:
                self._latencies[key] = self._latency(source, destination, size_bytes)
            latency, hops, flits, packets = self._latencies[key]
            heapq.heappush(self._pending, (time + latency, message, destination))
            traffic.packets += packets
            traffic.flits += flits
            traffic.latency_cycles += latency
            traffic.bytes_hops += size_bytes * hops
            between = traffic.flits_between
            between[source, destination] = between.get((source, destination), 0) + flits

    def _latency(self, source: int, destination: int, size_bytes: int) -> tuple[int, int, int, int]:
        flits = max(1, -(-size_bytes // self.router.flit_bytes))
        packets = -(-flits // self.router.max_packet_flits)
        hops = self.mesh.hops(source, destination)
        return 2 + (hops + 1) * self.router.hop_cycles + flits + packets - 2, hops, flits, packets

    def next_delivery(self) -> int | None:
        """The cycle of the earliest delivery, None if nothing is under way."""
        return self._pending[0][0] if self._pending else None

    def advance(self, until: int) -> list[Delivery]:
        """The deliveries up to and including cycle `until`, in order of time and then of message number."""
        result = []
        while self._pending and self._pending[0][0] <= until:
            result.append(Delivery(*heapq.heappop(self._pending)))
        self.traffic.delivered += len(result)
        return result

"""The mesh with virtual cut-through: packets wait for links and for the packets before them, never for room.

The router is that of `archsim.noc.wormhole` with buffers that hold everything. A packet asks for its output when its
head is at the front of its input buffer, outputs serve their inputs round robin, and once a packet has an output its
flits follow each other, so that one decision per packet and hop says it all. A buffer that is shorter than the round
trip of a credit spreads the flits as on an idle mesh (`stream_cycles`); that it can be full is left out.

A message to several tiles goes once along the tree of their ways, x first. Where the tree forks a packet asks for all
outputs at once; those that are given to it in the same cycle get its flits together, the others in a further pass,
as a buffer is read one flit a cycle. It leaves the buffer with its last pass.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Hashable

from archsim.noc.channel import INJECTION_CYCLES
from archsim.noc.forking import load_of_trees
from archsim.noc.ideal import Delivery, Router, stream_cycles, zero_load
from archsim.noc.junctions import Input, Junctions, Output, Packet
from archsim.noc.mesh import Mesh
from archsim.noc.statistics import Link, Load, Traffic


class VctMesh:
    """Messages, cut into packets, on a mesh of routers with room for every packet.

    Each tile has a source and a sink of its own at its router. Without `multicast` a message to several tiles is sent
    to each by itself, in the order of the tiles. `buffer_flits` (None: no bound) and `credit_delay` are those of
    `stream_cycles`.
    """

    def __init__(
        self,
        mesh: Mesh,
        router: Router,
        *,
        multicast: bool = True,
        buffer_flits: int | None = None,
        credit_delay: int = 1,
    ) -> None:
        self.mesh = mesh
        self.router = router
        self.traffic = Traffic()
        self.pending: list[Delivery] = []
        self._multicast = multicast
        self._buffer_flits, self._credit_delay = buffer_flits, credit_delay
        self._to_next = router.switch_allocation_delay + router.traversal_delay + router.link_delay
        self._junctions = Junctions(mesh)
        self._source_free = [0] * mesh.tiles
        # cycle * span + the input whose first packet asks, or the inputs + the output that is free again
        self._events: list[int] = []
        self._asks = len(self._junctions.inputs)
        self._span = self._asks + len(self._junctions.outputs)
        # of each message under way: creation, deliveries not yet decided
        self._under_way: dict[int, tuple[int, int]] = {}
        self.not_before = 0

    def send(self, time: int, message: int, source: int, destinations: Collection[int], size_bytes: int) -> int | None:
        """A message of `size_bytes` enters at `source` in cycle `time`; `message` is any number of the caller's that
        no message under way has. Cycles never decrease; those before the `until` of `advance` and before `limit` - 2 of
        `run_ahead` are over.

        Answers what `next_delivery` does.
        """
        tiles = tuple(sorted(destinations))
        sent, trees = self.traffic.sent, self.traffic.trees
        for tile in tiles:
            sent[source, tile, size_bytes] = sent.get((source, tile, size_bytes), 0) + 1
        self._under_way[message] = (time, len(tiles))
        flits, packets = self.router.cut(size_bytes)
        for tree in [tiles] if self._multicast else [(tile,) for tile in tiles]:
            trees[source, tree, size_bytes] = trees.get((source, tree, size_bytes), 0) + 1
            for number in range(packets):
                size = min(flits - number * self.router.max_packet_flits, self.router.max_packet_flits)
                stream = size - 1
                if self._buffer_flits is not None:
                    stream = stream_cycles(size, self._buffer_flits, self._credit_delay)
                self._inject(time, source, Packet(message, tree, number == packets - 1, size, stream))
        return self.next_delivery()

    def _inject(self, time: int, source: int, packet: Packet) -> None:
        head = max(time, self._source_free[source])
        self._source_free[source] = head + packet.flits
        self._enqueue(self._junctions.source(source), head + INJECTION_CYCLES, packet)

    def next_delivery(self) -> int | None:
        """The cycle of the earliest delivery that is decided, None if none is; others may come before it."""
        return self.pending[0][0] if self.pending else None

    def run_ahead(self, limit: int) -> int | None:
        """Goes on before cycle `limit`, or until the next delivery is certain, whatever is sent from `limit` - 2 on;
        answers its cycle, or None if it is not certain by then: `not_before` is then the first in which it can be."""
        events = self._events
        soonest = self.router.vc_allocation_delay + self._to_next
        self.not_before = limit + self._to_next
        while events:
            now = events[0] // self._span
            if self.pending and self.pending[0][0] <= now + soonest:
                break
            if now >= limit:
                if self.pending:
                    self.not_before = min(self.not_before, self.pending[0][0])
                return None
            self._cycle(now)
        return self.next_delivery()

    def advance(self, until: int) -> list[Delivery]:
        """The deliveries up to and including cycle `until`, in order of time and then of message number."""
        events, limit = self._events, (until + 1) * self._span
        while events and events[0] < limit:
            self._cycle(events[0] // self._span)
        arrived = []
        while self.pending and self.pending[0][0] <= until:
            arrived.append(heapq.heappop(self.pending))
        self.traffic.delivered += len(arrived)
        return arrived

    @property
    def link_flits(self) -> dict[Link, int]:
        """Flits that each link between routers has carried, those that have carried none left out."""
        columns, ports = self._junctions.columns, self._junctions.ports
        found = {}
        for output in self._junctions.outputs:
            if output.following is not None and output.carried:
                (y0, x0), (y1, x1) = divmod(output.index // ports, columns), divmod(output.following.router, columns)
                found[(x0, y0), (x1, y1)] = output.carried
        return found

    @property
    def busy_cycles(self) -> int:
        """Cycles in which the busiest output of a router, to another or to a tile, has sent a flit."""
        return max(output.carried for output in self._junctions.outputs)

    def load(self, traffic: Traffic) -> Load:
        """What the messages of `traffic` come to."""
        return load_of_trees(traffic, self.mesh, lambda size, _tiles: self.router.cut(size), self._idle)

    def _idle(self, source: int, destination: int, size_bytes: int) -> int:
        """Cycles of a message on an idle mesh."""
        flits, packets = self.router.cut(size_bytes)
        return zero_load(self.mesh.hops(source, destination), self.router.hop_cycles, flits + packets - 2)

    def state(self, now: int, name: Callable[[int], Hashable]) -> tuple[Hashable, ...]:
        """All that decides the future, relative to cycle `now`; `name` says what a message is apart from its number."""
        span = self._span

        def packet(entry: tuple[int, Packet]) -> Hashable:
            arrival, content = entry
            return max(arrival - now, 0), name(content.message), *content[1:]

        inputs = tuple(
            (one.index, tuple(map(packet, one.queue)), tuple((out.index, tiles) for out, tiles in one.branches))
            for one in self._junctions.inputs
            if one.queue
        )
        return (
            inputs,
            tuple(max(one.front_from - now, 0) for one in self._junctions.inputs),
            tuple((max(one.free - now, 0), one.pointer) for one in self._junctions.outputs),
            tuple(max(free - now, 0) for free in self._source_free),
            tuple(sorted((event // span - now, event % span) for event in self._events)),
            tuple(sorted((time - now, str(name(message)), tile) for time, message, tile in self.pending)),
        )

    def _cycle(self, now: int) -> None:
        """All requests of a cycle, and then the allocation of the outputs that are free."""
        events, start, end = self._events, now * self._span, (now + 1) * self._span
        wanted: dict[Output, None] = {}
        while events and events[0] < end:
            index = heapq.heappop(events) - start
            if index >= self._asks:
                output = self._junctions.outputs[index - self._asks]
                output.armed = False
                wanted[output] = None
            else:
                self._ask(self._junctions.inputs[index], now, wanted)
        given: dict[Input, list[Output]] = {}
        for output in wanted:
            chosen = output.in_turn()
            if chosen is not None:
                given.setdefault(chosen, []).append(output)
        for asking, outputs in given.items():
            self._pass(asking, outputs, now)

    def _ask(self, asking: Input, now: int, wanted: dict[Output, None]) -> None:
        """The first packet of an input asks for all outputs that it still has to take; those that are free are
        `wanted` now."""
        if not asking.branches:
            asking.branches = self._junctions.branches(asking.router, asking.queue[0][1].destinations)
        for output, _ in asking.branches:
            output.requests[asking.port] = asking
            output.asking += 1
            if output.free <= now:
                wanted[output] = None
            elif not output.armed:
                self._arm(output)

    def _arm(self, output: Output) -> None:
        output.armed = True
        heapq.heappush(self._events, output.free * self._span + self._asks + output.index)

    def _pass(self, asking: Input, outputs: list[Output], now: int) -> None:
        """The first packet of an input goes to the outputs that it was given; where others are left it asks for these
        once its tail has gone."""
        packet = asking.queue[0][1]
        head = now + self.router.vc_allocation_delay
        tail = head + packet.stream
        asking.front_from = tail + 1
        left = []
        for branch in asking.branches:
            output, tiles = branch
            if output in outputs:
                forked = packet if tiles == packet.destinations else packet._replace(destinations=tiles)
                self._forward(forked, output, head, tail)
            else:
                output.requests[asking.port] = None
                output.asking -= 1
                left.append(branch)
        asking.branches = left
        if left:
            heapq.heappush(self._events, asking.front_from * self._span + asking.index)
        else:
            asking.queue.popleft()
            self._follow(asking)

    def _forward(self, packet: Packet, output: Output, head: int, tail: int) -> None:
        output.free = tail + 1
        output.carried += packet.flits
        if output.asking:
            self._arm(output)
        if output.following is not None:
            self._enqueue(output.following, head + self._to_next, packet)
        elif packet.last:
            self._deliver(packet.message, output.sink, tail + self._to_next)

    def _enqueue(self, following: Input, arrival: int, packet: Packet) -> None:
        following.queue.append((arrival, packet))
        if len(following.queue) == 1:
            self._follow(following)

    def _follow(self, asking: Input) -> None:
        """Lets the packet that has become the first of an input ask as soon as its head is there."""
        if asking.queue:
            cycle = max(asking.queue[0][0], asking.front_from) + self.router.routing_delay
            heapq.heappush(self._events, cycle * self._span + asking.index)

    def _deliver(self, message: int, tile: int, cycle: int) -> None:
        created, left = self._under_way[message]
        self.traffic.took(cycle - created)
        heapq.heappush(self.pending, (cycle, message, tile))
        if left > 1:
            self._under_way[message] = (created, left - 1)
        else:
            del self._under_way[message]

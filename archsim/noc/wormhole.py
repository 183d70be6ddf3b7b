"""The mesh of wormhole routers with one virtual channel: exact to the cycle, two events per packet and hop.

The router is that of BookSim 2 (commit 28f43299, num_vcs=1). A flit that leaves its source in cycle c can be read
by its router in c + 2; one that wins the switch in cycle s can be read by the next router, or is at its sink, in
s + 3. The slot it leaves can be used again upstream in s + 2 + credit delay, by a source in s + 2. An output belongs
to one packet from its allocation, a cycle before the head may leave, until the tail has left; packets that ask for
the same output take it in turn, round robin over the inputs. Packets go along x first, then along y.

Once a packet owns an output nothing overtakes it, so the cycles of its flits are computed ahead of the clock, as
far as arrivals and credits are known.
"""

from __future__ import annotations

import heapq
from collections import deque

from archsim.noc.channel import (
    EAST,
    HOP_CYCLES,
    INJECTION_CYCLES,
    LOCAL,
    NORTH,
    PORTS,
    SOUTH,
    WEST,
    Channel,
    Packet,
    injection_channels,
    link_channels,
)
from archsim.noc.ideal import Delivery

# From the allocation of an output to the earliest arrival of a flit at a sink.
_ALLOCATION_TO_SINK = 1 + HOP_CYCLES


class WormholeMesh:
    """Packets on a mesh of `columns` x `rows` nodes, node = x + columns * y, each with a router, a source with
    room for everything and a sink that takes a flit each cycle.

    `buffer_flits` is what an input of a router holds, 1 or more; `routing_delay` cycles (0 or 1) pass between
    a head at the front of its buffer and its request for an output; `credit_delay` 0 or more.
    """

    def __init__(
        self, columns: int, rows: int, *, buffer_flits: int, routing_delay: int = 0, credit_delay: int = 1
    ) -> None:
        self._columns = columns
        self._routing_delay = routing_delay
        self.links = link_channels(columns, rows, buffer_flits, credit_delay)
        self._injections = injection_channels(columns, rows, buffer_flits)
        self._channels = [*self.links, *self._injections]
        # creation cycles of the flits that wait in each source
        self._sources: list[deque[int]] = [deque() for _ in self._injections]
        # cycle * span + 2 * channel, + 1 if its owner leaves it, else the first packet in its buffer asks
        self._events: list[int] = []
        self._span = 2 * len(self._channels)
        self._deliveries: list[Delivery] = []

    def send(self, time: int, packet: int, source: int, destination: int, flits: int) -> None:
        """A packet of `flits` flits is created at node `source` in cycle `time`, behind those sent before.

        `packet` is any number of the caller's. Cycles never decrease, and are never before the `until` of
        `advance`.
        """
        y, x = divmod(destination, self._columns)
        self._sources[source].extend([time] * flits)
        injection = self._injections[source]
        injection.queue.append(Packet(packet, destination, x, y, flits))
        self._settle(injection)

    def next_delivery(self) -> int | None:
        """No delivery comes before this cycle, and going there makes progress; None if nothing is under way."""
        known = self._deliveries[0][0] if self._deliveries else None
        if not self._events:
            return known
        possible = self._events[0] // self._span + _ALLOCATION_TO_SINK
        return possible if known is None else min(known, possible)

    def advance(self, until: int) -> list[Delivery]:
        """The deliveries up to and including cycle `until`: cycle of the tail's arrival, packet, destination, in
        that order."""
        events, span = self._events, self._span
        limit = (until + 1) * span
        while events and events[0] < limit:
            self._cycle(events[0] // span)
        arrived = []
        while self._deliveries and self._deliveries[0][0] <= until:
            arrived.append(heapq.heappop(self._deliveries))
        return arrived

    def _cycle(self, now: int) -> None:
        """All requests and releases of a cycle, and then the allocation of the outputs that are free."""
        events, channels = self._events, self._channels
        start, end = now * self._span, (now + 1) * self._span
        wanted: dict[Channel, None] = {}
        while events and events[0] < end:
            index, leaves = divmod(heapq.heappop(events) - start, 2)
            channel = channels[index]
            if leaves:
                channel.feeder = None
            else:
                asking, channel = channel, self._output(channel)
                channel.requests[asking.port] = asking
            wanted[channel] = None
        for channel in wanted:
            if channel.feeder is None:
                self._allocate(channel, now)

    def _output(self, channel: Channel) -> Channel:
        """The channel that the first packet in the buffer of `channel` goes to next."""
        packet, x, y = channel.queue[0], channel.x, channel.y
        if packet.x != x:
            output = EAST if packet.x > x else WEST
        elif packet.y != y:
            output = NORTH if packet.y > y else SOUTH
        else:
            output = LOCAL
        return self.links[(x + self._columns * y) * PORTS + output]

    def _allocate(self, channel: Channel, now: int) -> None:
        """Gives the channel to the next packet in turn, if one asks."""
        requests = channel.requests
        for port in range(channel.pointer, channel.pointer + PORTS):
            feeder = requests[port % PORTS]
            if feeder is not None:
                break
        else:
            return
        requests[port % PORTS] = None
        channel.pointer = (port + 1) % PORTS
        channel.feeder, feeder.drain = feeder, channel
        packet = feeder.queue[0]
        channel.left = packet.flits
        channel.last = now
        if channel.port != LOCAL:
            channel.queue.append(packet)
        self._settle(channel)

    def _settle(self, first: Channel) -> None:
        """Computes departures into `first`, and into whatever channels those let go on."""
        pending = [first]
        while pending:
            channel = pending.pop()
            feeder = channel.feeder
            if channel.index >= len(self.links):
                moved = self._inject(channel)
            elif feeder is not None and channel.left:
                moved = self._forward(channel, feeder)
                if moved:
                    pending.append(feeder)
            else:
                continue
            if moved and channel.drain is not None:
                pending.append(channel.drain)

    def _inject(self, channel: Channel) -> int:
        """Moves flits from the source; answers how many."""
        source, flits, credits_ = self._sources[channel.x + self._columns * channel.y], channel.flits, channel.credits
        last = channel.last
        moved = min(len(source), len(credits_))
        for _ in range(moved):
            last = max(last + 1, source.popleft(), credits_.popleft())
            flits.append(last + INJECTION_CYCLES)
        channel.last = last
        self._ask(channel)
        return moved

    def _forward(self, channel: Channel, feeder: Channel) -> int:
        """Moves flits of the owner from the buffer of `feeder`; answers how many."""
        ready, returned, back = feeder.flits, feeder.credits, feeder.credit_cycles
        flits, credits_ = channel.flits, channel.credits
        last = channel.last
        sink = channel.port == LOCAL
        moved = 0
        while ready and credits_ and moved < channel.left:
            last = max(last + 1, ready.popleft(), credits_.popleft())
            returned.append(last + back)
            if sink:
                credits_.append(last + HOP_CYCLES + channel.credit_cycles)
            else:
                flits.append(last + HOP_CYCLES)
            moved += 1
        channel.last = last
        channel.carried += moved
        channel.left -= moved
        if moved and not sink:
            self._ask(channel)
        if channel.left == 0:
            self._leave(channel, feeder, last)
        return moved

    def _leave(self, channel: Channel, feeder: Channel, last: int) -> None:
        """The tail leaves into `channel` in cycle `last`."""
        packet = feeder.queue.popleft()
        feeder.drain = None
        feeder.requested = False
        feeder.front_from = last + 1
        self._ask(feeder)
        heapq.heappush(self._events, (last + 1) * self._span + 2 * channel.index + 1)
        if channel.port == LOCAL:
            heapq.heappush(self._deliveries, (last + HOP_CYCLES, packet.number, packet.destination))

    def _ask(self, channel: Channel) -> None:
        """Lets the first packet in the buffer of `channel` ask for its output as soon as its head is there."""
        if channel.flits and not channel.requested:
            channel.requested = True
            cycle = max(channel.flits[0], channel.front_from) + self._routing_delay
            heapq.heappush(self._events, cycle * self._span + 2 * channel.index)

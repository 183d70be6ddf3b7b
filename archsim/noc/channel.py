"""What a wormhole mesh is made of: links that end in buffers, and the flits and credits in them."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

# The outputs of a router lead towards +x, -x, +y, -y and to its sink; its inputs come from there and its source.
EAST, WEST, NORTH, SOUTH, LOCAL = range(5)
PORTS = 5

# Of BookSim 2's router, in cycles: from a source to the first router; from the switch to the next router or the
# sink; from the switch to the credit upstream, without the credit delay.
INJECTION_CYCLES = 2
HOP_CYCLES = 3
CREDIT_CYCLES = 2


class Packet(NamedTuple):
    """A packet under way: the sender's number, its destination, and the router (x, y) of that."""

    number: int
    destination: int
    x: int
    y: int
    flits: int


class Channel:
    """A link and the buffer it ends in: input `port` of router (x, y).

    `flits` are the cycles from which each flit in the buffer can be read, `credits` those from which each free
    slot can be used, `last` is the cycle of the last departure into it, `left` the flits that its owner still has
    to send. Departures are known ahead of the clock, so these are about the end of what is known.
    """

    __slots__ = (
        *("carried", "credit_cycles", "credits", "drain", "feeder", "flits", "front_from", "index", "last", "left"),
        *("pointer", "port", "queue", "requested", "requests", "x", "y"),
    )

    def __init__(self, index: int, x: int, y: int, port: int, buffer_flits: int, credit_cycles: int) -> None:
        self.index = index
        self.x, self.y, self.port = x, y, port
        self.credit_cycles = credit_cycles
        self.credits = deque([0] * buffer_flits)
        self.flits: deque[int] = deque()
        self.last = -1
        self.left = 0
        self.carried = 0
        # the packets in the buffer; whether the first has asked for its output, and since when it is the first
        self.queue: deque[Packet] = deque()
        self.requested = False
        self.front_from = 0
        # the channel from which the owner comes, and the one that the first packet of the queue owns
        self.feeder: Channel | None = None
        self.drain: Channel | None = None
        # by input of the router that this link leaves: the channel whose first packet asks for this one
        self.requests: list[Channel | None] = [None] * PORTS
        self.pointer = 0


def link_channels(columns: int, rows: int, buffer_flits: int, credit_delay: int) -> list[Channel]:
    """The output channels of all routers in raster order, `PORTS` each; those over the edge are never used."""
    steps = ((1, 0), (-1, 0), (0, 1), (0, -1), (0, 0))
    channels = []
    for router in range(columns * rows):
        y, x = divmod(router, columns)
        for output, (dx, dy) in enumerate(steps):
            # what leaves towards +x comes in from -x
            port = output if output == LOCAL else output ^ 1
            credit = CREDIT_CYCLES + credit_delay
            channels.append(Channel(router * PORTS + output, x + dx, y + dy, port, buffer_flits, credit))
    return channels


def injection_channels(columns: int, rows: int, buffer_flits: int) -> list[Channel]:
    """The channel from each node's source into its router; a source takes credits as they come."""
    first = columns * rows * PORTS
    return [
        Channel(first + router, router % columns, router // columns, LOCAL, buffer_flits, CREDIT_CYCLES)
        for router in range(columns * rows)
    ]

"""Flits on the move in the wormhole mesh, computed ahead of the clock: see `wormhole_kernel`."""

from __future__ import annotations

from archsim.noc.channel import INJECTION_CYCLES
from archsim.noc.words import (
    BUFFER,
    CHANNELS,
    CREATE,
    FLITS,
    HOP,
    INJECTIONS,
    NEXT,
    PORTS,
    ROUTING,
    STRIDE,
    Row,
    arrive,
    schedule,
)
from archsim.noc.wormhole_words import (
    ASKED,
    BACK,
    BRANCHES,
    CARRIED,
    DRAIN,
    ENTERING,
    FEEDER,
    FIRST,
    FRONT,
    FRONT_FROM,
    HELD,
    IN_AT,
    IS_SETTLING,
    LAST,
    LEAVES,
    LEFT,
    MANY,
    OPEN,
    OUT_AT,
    PORT,
    QUEUED,
    READ,
    REQUESTS,
    ROOM,
    ROUTER,
    SENT,
    SETTLE,
    TO_ENTER,
)


def settle(s: Row, first: int) -> None:
    """Computes departures into a channel, and into whatever channels those let go on."""
    stack = s[SETTLE]
    s[stack] = first
    count = 1
    while count:
        count -= 1
        c = s[stack + count]
        s[c + IS_SETTLING] = 0
        if c >= s[INJECTIONS]:
            moved = inject(s, c)
        elif s[c + LEFT] and s[c + FEEDER]:
            feeder = s[c + FEEDER]
            room = s[feeder + ROOM]
            moved = forward(s, c, feeder)
            if s[feeder + ROOM] != room and s[feeder + IS_SETTLING] == 0:
                s[feeder + IS_SETTLING] = 1
                s[stack + count] = feeder
                count += 1
        else:
            continue
        drain = s[c + DRAIN]
        if moved and drain:
            count = settle_drains(s, c, drain, count)


def settle_drains(s: Row, c: int, drain: int, count: int) -> int:
    """The outputs that the first packet of a buffer owns can go on; answers how many channels are to settle."""
    stack = s[SETTLE]
    if drain != MANY:
        if s[drain + IS_SETTLING] == 0:
            s[drain + IS_SETTLING] = 1
            s[stack + count] = drain
            count += 1
        return count
    stride = s[STRIDE]
    first = s[CHANNELS] + s[c + ROUTER] * s[PORTS] * stride
    for port in range(s[PORTS]):
        drain = first + port * stride
        if s[drain + FEEDER] == c and s[drain + LEFT] and s[drain + IS_SETTLING] == 0:
            s[drain + IS_SETTLING] = 1
            s[stack + count] = drain
            count += 1
    return count


def inject(s: Row, c: int) -> int:
    """Moves flits from a source; answers how many."""
    size, last, at, room = s[BUFFER], s[c + LAST], s[c + IN_AT], s[c + ROOM]
    ring = c + REQUESTS + s[PORTS]
    slot, left, moved = s[c + ENTERING], s[c + TO_ENTER], 0
    while slot and room:
        last = max(last + 1, s[slot + CREATE], s[ring + size + at])
        s[ring + at] = last + INJECTION_CYCLES
        at = at + 1 if at + 1 < size else 0
        room -= 1
        moved += 1
        left -= 1
        if left == 0:
            slot = s[slot + NEXT]
            if slot:
                left = s[slot + FLITS]
    s[c + LAST], s[c + IN_AT], s[c + ROOM], s[c + ENTERING], s[c + TO_ENTER] = last, at, room, slot, left
    s[c + HELD] += moved
    if moved and s[c + ASKED] == 0:
        notice(s, c)
    return moved


def forward(s: Row, c: int, feeder: int) -> int:
    """Moves flits of a channel's owner from its feeder; answers how many."""
    size, ports, last = s[BUFFER], s[PORTS], s[c + LAST]
    from_ring, to_ring = feeder + REQUESTS + ports, c + REQUESTS + ports
    from_at, to_at, back, branches = s[c + READ], s[c + IN_AT], s[feeder + BACK], s[feeder + BRANCHES]
    sink = s[c + ROUTER] < 0
    moved = min(s[feeder + HELD] - s[c + SENT], s[c + LEFT])
    if not sink:
        moved = min(moved, s[c + ROOM])
    freed = 0
    for _ in range(moved):
        last = max(last + 1, s[from_ring + from_at], s[to_ring + size + to_at])
        gone = from_ring + size + from_at
        if branches == 1:
            s[gone] = last + back
            freed += 1
        else:
            s[gone] = max(s[gone], last + back)
            s[gone + size] += 1
            if s[gone + size] == branches:
                s[gone + size] = 0
                freed += 1
        from_at = from_at + 1 if from_at + 1 < size else 0
        if sink:
            s[to_ring + size + to_at] = last + s[HOP] + s[c + BACK]
        else:
            s[to_ring + to_at] = last + s[HOP]
        to_at = to_at + 1 if to_at + 1 < size else 0
    if moved == 0:
        return 0
    s[c + LAST], s[c + READ], s[c + IN_AT] = last, from_at, to_at
    s[c + SENT] += moved
    s[c + LEFT] -= moved
    s[c + CARRIED] += moved
    s[feeder + ROOM] += freed
    s[feeder + OUT_AT] = (s[feeder + OUT_AT] + freed) % size
    if not sink:
        s[c + ROOM] -= moved
        s[c + HELD] += moved
        if s[c + ASKED] == 0:
            notice(s, c)
    if s[c + LEFT] == 0:
        leave(s, c, feeder, last)
    return moved


def leave(s: Row, c: int, feeder: int, last: int) -> None:
    """A tail leaves into a channel."""
    slot = front_slot(s, feeder)
    s[feeder + OPEN] -= 1
    s[feeder + FRONT_FROM] = max(s[feeder + FRONT_FROM], last + 1)
    if s[feeder + OPEN] == 0:
        s[feeder + DRAIN] = s[feeder + ASKED] = 0
        s[feeder + HELD] -= s[slot + FLITS]
        if feeder >= s[INJECTIONS]:
            s[feeder + FRONT] = s[slot + NEXT]
        else:
            s[feeder + QUEUED] -= 1
            s[feeder + FIRST] = s[feeder + FIRST] + 1 if s[feeder + FIRST] < s[BUFFER] else 0
        notice(s, feeder)
    schedule(s, c + LEAVES, last + 1)
    if s[c + ROUTER] < 0:
        arrive(s, slot, last + s[HOP], s[c + PORT])


def notice(s: Row, c: int) -> None:
    """Lets the first packet in a buffer ask for its outputs as soon as its head is there."""
    if s[c + HELD]:
        s[c + ASKED] = 1
        there = max(s[c + REQUESTS + s[PORTS] + s[c + OUT_AT]], s[c + FRONT_FROM])
        schedule(s, c, there + s[ROUTING])


def front_slot(s: Row, c: int) -> int:
    """The first packet of a buffer."""
    if c >= s[INJECTIONS]:
        return s[c + FRONT]
    return s[c + REQUESTS + s[PORTS] + 3 * s[BUFFER] + 2 * s[c + FIRST]]

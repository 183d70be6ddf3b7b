"""The wormhole mesh with one virtual channel on a flat state: exact to the cycle, two events per packet and hop.

The router is that of BookSim 2 (commit 28f43299, num_vcs=1). A flit that leaves its source in cycle c can be read
by its router in c + 2; one that wins the switch in cycle s can be read by the next router, or is at its sink, in
s + 3. The slot it leaves can be used again upstream in s + 2 + credit delay, by a source in s + 2. An output belongs
to one packet from its allocation, a cycle before the head may leave, until the tail has left; packets that ask for
the same output take it in turn, round robin over the inputs.

Once a packet owns an output nothing overtakes it, so the cycles of its flits are computed ahead of the clock, as
far as arrivals and credits are known. A packet that forks asks for all its outputs at once; each reads the buffer
by itself, and a flit's slot is free when the last of them has it.
"""

from __future__ import annotations

from archsim.noc.words import (
    ALLOCATION,
    BUFFER,
    CALENDAR,
    CHANNELS,
    DAYS,
    DUE,
    DUE_N,
    FLITS,
    HOP,
    INJECTIONS,
    NEXT,
    NOBODY,
    NOW,
    PENDING,
    PORTS,
    SLOTS,
    STRIDE,
    WAY,
    Row,
    new_packet,
    next_day,
    output_port,
    possible,
)
from archsim.noc.wormhole_flow import front_slot, settle
from archsim.noc.wormhole_words import (
    BRANCHES,
    DRAIN,
    ENTERING,
    FEEDER,
    FIRST,
    FRONT,
    INPUTS,
    IS_WANTED,
    LAST,
    LATEST,
    LEFT,
    MANY,
    OPEN,
    OUT_AT,
    PORT,
    QUEUED,
    READ,
    REQUESTS,
    ROUTER,
    SENT,
    TO_ENTER,
    TURN,
    WANTED,
)


def send(s: Row, tile: int, cycle: int, number: int, way: int, flits: int, copies: int, reports: int) -> int:
    """A packet enters the source of a tile, behind those sent before; answers 0 if there is no room for it, and -1 if
    its cycle is over."""
    slot = new_packet(s, cycle, number, way, flits, copies, reports)
    if slot <= 0:
        return slot
    source = s[INJECTIONS] + tile * s[STRIDE]
    if s[source + FRONT]:
        s[s[source + LATEST] + NEXT] = slot
    else:
        s[source + FRONT] = slot
    s[source + LATEST] = slot
    if s[source + ENTERING] == 0:
        s[source + ENTERING] = slot
        s[source + TO_ENTER] = flits
        settle(s, source)
    return 1


def run(s: Row, before: int, stop: int) -> int:
    """Does what happens before a cycle; if `stop`, not what cannot change the first delivery that is found.

    Answers the cycle of the earliest delivery; if another one may still come before it, or if there is none, -1 less
    the cycle in which there may be one.
    """
    least = s[ALLOCATION] + s[HOP]
    now = next_day(s, before)
    while now >= 0:
        if stop and s[DUE_N] and s[s[DUE]] <= now + least:
            return s[s[DUE]]
        cycle(s, now)
        s[NOW] = now + 1
        now = next_day(s, before)
    if s[DUE_N] and (s[s[DUE]] <= before + least):
        return s[s[DUE]]
    return -1 - possible(s, before)


def cycle(s: Row, now: int) -> None:
    """All requests and releases of a cycle, and then the allocation of the outputs that are free."""
    day = s[CALENDAR] + now % s[DAYS]
    wanted, stride = s[WANTED], s[STRIDE]
    first = s[CHANNELS] % stride
    item = s[day]
    s[day] = 0
    count = 0
    while item:
        following = s[item]
        s[PENDING] -= 1
        if (item - first) % stride:
            c = item - 1
            s[c + FEEDER] = 0
            if s[c + IS_WANTED] == 0:
                s[c + IS_WANTED] = 1
                s[wanted + count] = c
                count += 1
        else:
            count = ask(s, item, count)
        item = following
    for at in range(count):
        c = s[wanted + at]
        s[c + IS_WANTED] = 0
        if s[c + FEEDER] == 0:
            allocate(s, c, now)


def ask(s: Row, c: int, count: int) -> int:
    """The first packet of a buffer asks for its outputs; answers how many outputs are wanted now."""
    router = s[c + ROUTER]
    first = s[CHANNELS] + router * s[PORTS] * s[STRIDE]
    way = front_way(s, c)
    if way >= 0:
        s[c + OPEN] = s[c + BRANCHES] = 1
        return request(s, first + output_port(s, router, way) * s[STRIDE], s[c + PORT], way, count)
    fork = s[SLOTS] - way
    branches = s[fork]
    s[c + OPEN] = s[c + BRANCHES] = branches
    for branch in range(branches):
        place = fork + 1 + 2 * branch
        count = request(s, first + s[place] * s[STRIDE], s[c + PORT], s[place + 1], count)
    return count


def request(s: Row, c: int, port: int, way: int, count: int) -> int:
    """Input `port` asks for an output."""
    s[c + REQUESTS + port] = way
    if s[c + IS_WANTED] == 0:
        s[c + IS_WANTED] = 1
        s[s[WANTED] + count] = c
        return count + 1
    return count


def front_way(s: Row, c: int) -> int:
    """The way of the first packet of a buffer."""
    if c >= s[INJECTIONS]:
        return s[s[c + FRONT] + WAY]
    return s[c + REQUESTS + s[PORTS] + 3 * s[BUFFER] + 2 * s[c + FIRST] + 1]


def allocate(s: Row, c: int, now: int) -> None:
    """Gives an output to the next packet in turn, if one asks."""
    ports = s[PORTS]
    port = s[c + TURN]
    for _ in range(ports):
        if s[c + REQUESTS + port] != NOBODY:
            break
        port += 1
        if port == ports:
            port = 0
    else:
        return
    way = s[c + REQUESTS + port]
    s[c + REQUESTS + port] = NOBODY
    s[c + TURN] = port + 1 if port + 1 < ports else 0
    feeder = s[s[c + INPUTS] + port]
    slot = front_slot(s, feeder)
    s[c + FEEDER] = feeder
    s[feeder + DRAIN] = c if s[feeder + BRANCHES] == 1 else MANY
    s[c + READ] = s[feeder + OUT_AT]
    s[c + LEFT], s[c + SENT], s[c + LAST] = s[slot + FLITS], 0, now + s[ALLOCATION] - 1
    if s[c + ROUTER] >= 0:
        size = s[BUFFER] + 1
        at = s[c + FIRST] + s[c + QUEUED]
        place = c + REQUESTS + ports + 3 * s[BUFFER] + 2 * (at if at < size else at - size)
        s[place], s[place + 1] = slot, way
        s[c + QUEUED] += 1
    settle(s, c)

"""The mesh of routers with virtual channels on a flat state: flit by flit and cycle by cycle, where anything happens.

The router is that of BookSim 2 (commit 28f43299, islip for both allocators, one iteration). In each cycle heads ask
for a virtual channel of their output: every free one offers itself to the asking input that is next in turn, every
input takes the offer that is next in turn. Flits whose packet has one, and a credit there, ask for the switch: an
input puts forward one virtual channel for each output, in turn; an output offers itself to the input that is next,
an input takes the offer that is next. Turns move on only where an offer was taken. A source gives a packet the next
virtual channel that has a credit. Delays are those of `wormhole_kernel`.

A packet that forks asks for all its outputs; its input may take the offers of several at once, as each output reads
the buffer by itself. A flit's slot is free when the last branch has it.
"""

from __future__ import annotations

from archsim.noc.channel import INJECTION_CYCLES
from archsim.noc.flit_allocators import allocate, ask, offer, request, take
from archsim.noc.flit_buffers import append, begin, go_on
from archsim.noc.flit_words import (
    ASKED,
    ASKING,
    ASKS_NEXT,
    BLOCKED,
    COMES_AGAIN,
    ENTERING,
    HELD,
    IN_AT,
    INTO,
    LANE,
    LANE_WORDS,
    LANES,
    LAST,
    LAST_VC,
    LATEST,
    OUT,
    OWNS,
    RINGS,
    ROOM,
    SWITCHED,
    TO_ENTER,
    VC,
    WAIT,
)
from archsim.noc.words import (
    BUFFER,
    CALENDAR,
    CREATE,
    DAYS,
    DUE,
    DUE_N,
    FLITS,
    INJECTIONS,
    NEXT,
    NOW,
    PENDING,
    STRIDE,
    VCS,
    WAY,
    Row,
    new_packet,
    next_day,
    possible,
    schedule,
    soon,
)


def send(s: Row, tile: int, cycle: int, number: int, way: int, flits: int, copies: int, reports: int) -> int:
    """A packet enters the source of a tile, behind those sent before; answers 0 if there is no room for it, and -1 if
    its cycle is over."""
    slot = new_packet(s, cycle, number, way, flits, copies, reports)
    if slot <= 0:
        return slot
    source = s[INJECTIONS] + tile * s[STRIDE]
    if s[source + ENTERING]:
        s[s[source + LATEST] + NEXT] = slot
    else:
        s[source + ENTERING] = slot
        s[source + TO_ENTER] = flits
        schedule(s, source, max(cycle + INJECTION_CYCLES, s[source + LAST] + 1))
    s[source + LATEST] = slot
    return 1


def run(s: Row, before: int, stop: int) -> int:
    """Does what happens before a cycle; if `stop`, no cycle after one that decides a delivery.

    Answers the cycle of the earliest delivery; if there is none, -1 less the cycle in which there may be one.
    """
    while not (stop and s[DUE_N]):
        now = next_day(s, before)
        if now < 0:
            break
        step(s, now)
        s[NOW] = now + 1
    return s[s[DUE]] if s[DUE_N] else -1 - possible(s, before)


def step(s: Row, now: int) -> None:
    """One cycle."""
    day = s[CALENDAR] + now % s[DAYS]
    asked = switched = done = 0
    while s[day]:
        item = s[day]
        s[day] = 0
        while item:
            following = s[item]
            done += 1
            if item >= s[LANES]:
                if s[item + OWNS]:
                    switched = request(s, item, now, switched)
                else:
                    out = s[item + OUT]
                    s[item + ASKS_NEXT] = s[out + ASKING]
                    s[out + ASKING] = item
                    asked = ask(s, out, asked)
            elif item >= s[INJECTIONS]:
                inject(s, item, now)
            else:
                s[item + COMES_AGAIN] = 0
                asked = ask(s, item, asked)
            item = following
    s[PENDING] -= done
    for at in range(asked):
        allocate(s, s[s[ASKED] + at], now)
    first = s[SWITCHED]
    for at in range(first, first + switched):
        offer(s, s[at], now)
    for at in range(first, first + switched):
        take(s, s[at], now)


def inject(s: Row, source: int, now: int) -> None:
    """The next flit of a source is at its router in cycle `now`, if it has a credit."""
    slot = s[source + ENTERING]
    lane = s[source + INTO]
    size = s[BUFFER]
    sent = now - INJECTION_CYCLES
    if s[source + TO_ENTER] == s[slot + FLITS]:
        lane = choose(s, source, sent)
        if lane == 0:
            return
        s[source + INTO] = lane
        s[source + LAST_VC] = s[lane + VC]
        append(s, lane, slot, s[slot + WAY])
    elif s[lane + ROOM] == 0:
        s[lane + BLOCKED] = source
        return
    else:
        credit = s[lane + RINGS + size + s[lane + IN_AT]]
        if credit > sent:
            soon(s, source, credit + INJECTION_CYCLES)
            return
    to = s[lane + IN_AT]
    s[lane + IN_AT] = to + 1 if to + 1 < size else 0
    s[lane + RINGS + to] = now
    s[lane + ROOM] -= 1
    s[source + LAST] = now
    s[source + TO_ENTER] -= 1
    if s[source + TO_ENTER]:
        soon(s, source, now + 1)
    else:
        following = s[slot + NEXT]
        s[source + ENTERING] = following
        if following:
            s[source + TO_ENTER] = s[following + FLITS]
            schedule(s, source, max(s[following + CREATE] + INJECTION_CYCLES, now + 1))
    s[lane + HELD] += 1
    if s[lane + HELD] == 1:
        begin(s, lane, now)
    elif s[lane + WAIT]:
        go_on(s, lane, now)


def choose(s: Row, source: int, sent: int) -> int:
    """The next virtual channel in turn that has a credit; if none has, the source waits for one."""
    vcs, words, first = s[VCS], s[LANE_WORDS], s[source + LANE]
    vc = s[source + LAST_VC]
    earliest = 0
    for _ in range(vcs):
        vc = vc + 1 if vc + 1 < vcs else 0
        lane = first + vc * words
        if s[lane + ROOM]:
            credit = s[lane + RINGS + s[BUFFER] + s[lane + IN_AT]]
            if credit <= sent:
                return lane
            if earliest == 0 or credit < earliest:
                earliest = credit
    if earliest:
        soon(s, source, earliest + INJECTION_CYCLES)
    else:
        for vc in range(vcs):
            s[first + vc * words + BLOCKED] = source
    return 0

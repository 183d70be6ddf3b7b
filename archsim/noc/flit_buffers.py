"""What happens in the buffers of a mesh with virtual channels when a flit leaves or comes: see `flit_kernel`."""

from __future__ import annotations

from archsim.noc.channel import INJECTION_CYCLES
from archsim.noc.flit_words import (
    ASKING,
    BACK,
    BEYOND,
    BLOCKED,
    BRANCH_WORDS,
    BRANCHES,
    CARRIED,
    CHANNEL,
    COMES_AGAIN,
    FIRST,
    HELD,
    HOME,
    IN_AT,
    INPUT,
    LANE,
    LANE_WORDS,
    LANES,
    LENGTH,
    OPEN,
    OUT,
    OUT_AT,
    OWNED,
    OWNS,
    PLACE,
    PORT,
    QUEUED,
    READ,
    REQUESTS,
    RINGS,
    ROOM,
    ROUTER,
    SENT,
    WAIT,
    WAITING,
)
from archsim.noc.words import (
    BUFFER,
    CHANNELS,
    FLITS,
    HOP,
    PORTS,
    ROUTING,
    SLOTS,
    STRIDE,
    VCS,
    Row,
    arrive,
    output_port,
    soon,
)


def depart(s: Row, branch: int, now: int) -> None:
    """The next flit of a branch leaves."""
    size = s[BUFFER]
    home, out, lane = s[branch + HOME], s[branch + OUT], s[branch + OWNS]
    at = s[branch + READ]
    s[branch + READ] = at + 1 if at + 1 < size else 0
    if s[home + BRANCHES] == 1 or is_last(s, home, at):
        usable = now + s[home + BACK]
        s[home + RINGS + size + at] = usable
        s[home + ROOM] += 1
        s[home + OUT_AT] = at + 1 if at + 1 < size else 0
        if s[home + BLOCKED]:
            wake(s, home, usable)
    s[out + CARRIED] += 1
    to = s[lane + IN_AT]
    s[lane + IN_AT] = to + 1 if to + 1 < size else 0
    there = now + s[HOP]
    if s[out + ROUTER] < 0:
        s[lane + RINGS + size + to] = there + s[lane + BACK]
    else:
        s[lane + RINGS + to] = there
        s[lane + ROOM] -= 1
        s[lane + HELD] += 1
        if s[lane + HELD] == 1:
            begin(s, lane, there)
        elif s[lane + WAIT]:
            go_on(s, lane, there)
    sent = s[branch + SENT] + 1
    s[branch + SENT] = sent
    if sent == s[branch + LENGTH]:
        leave(s, branch, now)
    elif s[home + HELD] > sent:
        soon(s, branch, max(now + 1, s[home + RINGS + s[branch + READ]]))
    else:
        s[branch + WAITING] = 1
        s[home + WAIT] += 1


def is_last(s: Row, lane: int, at: int) -> int:
    """A branch of several has the flit at a place of a buffer; whether it is the last of them."""
    place = lane + RINGS + 2 * s[BUFFER] + at
    s[place] += 1
    if s[place] < s[lane + BRANCHES]:
        return 0
    s[place] = 0
    return 1


def wake(s: Row, lane: int, usable: int) -> None:
    """Who waits for a slot of a buffer gets a credit; a source may have waited for any of its lanes."""
    waits = s[lane + BLOCKED]
    s[lane + BLOCKED] = 0
    if waits < s[LANES]:
        for vc in range(s[VCS]):
            s[s[waits + LANE] + vc * s[LANE_WORDS] + BLOCKED] = 0
        usable += INJECTION_CYCLES
    soon(s, waits, usable)


def go_on(s: Row, lane: int, cycle: int) -> None:
    """A flit can be read from a cycle on, by the branches that wait for it."""
    s[lane + WAIT] = 0
    first = lane + RINGS + 3 * s[BUFFER] + 2 * (s[BUFFER] + 1)
    for branch in range(first, first + BRANCH_WORDS * s[lane + BRANCHES], BRANCH_WORDS):
        if s[branch + WAITING]:
            s[branch + WAITING] = 0
            soon(s, branch, cycle)


def leave(s: Row, branch: int, now: int) -> None:
    """The tail of a packet leaves by a branch; with the last of them the next packet is the first of the buffer."""
    lane, out = s[branch + HOME], s[branch + OUT]
    slot = front_slot(s, lane)
    s[s[branch + OWNS] + OWNED] = 0
    if s[out + ASKING]:
        come_again(s, out, now + 1)
    s[lane + OPEN] -= 1
    if s[lane + OPEN] == 0:
        s[lane + HELD] -= s[slot + FLITS]
        s[lane + QUEUED] -= 1
        s[lane + FIRST] = s[lane + FIRST] + 1 if s[lane + FIRST] < s[BUFFER] else 0
        if s[lane + HELD]:
            begin(s, lane, max(now + 1, s[lane + RINGS + s[lane + OUT_AT]]))
    if s[out + ROUTER] < 0:
        arrive(s, slot, now + s[HOP], s[out + PORT])


def begin(s: Row, lane: int, cycle: int) -> None:
    """The head of the first packet in a buffer can be read from a cycle on: it asks for its outputs."""
    router = s[s[lane + CHANNEL] + ROUTER]
    outputs = s[CHANNELS] + router * s[PORTS] * s[STRIDE]
    packets = lane + RINGS + 3 * s[BUFFER]
    way = s[packets + 2 * s[lane + FIRST] + 1]
    branch = packets + 2 * (s[BUFFER] + 1)
    if way >= 0:
        s[lane + BRANCHES] = s[lane + OPEN] = 1
        start(s, lane, branch, outputs + output_port(s, router, way) * s[STRIDE], way, cycle)
        return
    fork = s[SLOTS] - way
    s[lane + BRANCHES] = s[lane + OPEN] = s[fork]
    for place in range(fork + 1, fork + 1 + 2 * s[fork], 2):
        start(s, lane, branch, outputs + s[place] * s[STRIDE], s[place + 1], cycle)
        branch += BRANCH_WORDS


def start(s: Row, lane: int, branch: int, out: int, way: int, cycle: int) -> None:
    """A branch of the first packet in a buffer asks for its output."""
    s[branch + OUT], s[branch + OWNS], s[branch + SENT], s[branch + READ] = out, 0, 0, s[lane + OUT_AT]
    s[branch + PLACE] = out + REQUESTS + s[s[branch + INPUT] + PORT]
    s[branch + BEYOND], s[branch + WAITING], s[branch + LENGTH] = way, 0, s[front_slot(s, lane) + FLITS]
    soon(s, branch, cycle + s[ROUTING])


def append(s: Row, lane: int, slot: int, way: int) -> None:
    """A packet is the last in a buffer."""
    at = s[lane + FIRST] + s[lane + QUEUED]
    if at > s[BUFFER]:
        at -= s[BUFFER] + 1
    place = lane + RINGS + 3 * s[BUFFER] + 2 * at
    s[place], s[place + 1] = slot, way
    s[lane + QUEUED] += 1


def front_slot(s: Row, lane: int) -> int:
    """The first packet in a buffer."""
    return s[lane + RINGS + 3 * s[BUFFER] + 2 * s[lane + FIRST]]


def come_again(s: Row, out: int, cycle: int) -> None:
    """An output is asked once more."""
    if s[out + COMES_AGAIN] == 0:
        s[out + COMES_AGAIN] = 1
        soon(s, out, cycle)

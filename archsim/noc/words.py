"""How the state of a contended mesh lies in one flat row of whole numbers, and the parts that its models share.

The kernels (`wormhole_kernel`, `flit_kernel`) are written once and run in two ways: compiled by numba on an int64
array, or as they are on a list. So they keep to integers, loops and flat indexing, and nothing here allocates: who
sends sees to it that there is room. A row begins with the words named below; other places are offsets into it.

A packet's way from where it is: a number from 0 on is its one destination, a negative one is minus the place (after
`SLOTS`) of a fork: how many branches, and for each its output port and the way beyond.
"""

from __future__ import annotations

from collections.abc import Callable

from archsim.noc.channel import INJECTION_CYCLES

Row = list[int]

# The shape: columns of routers, ports of a router (those of its tiles last), flits in a buffer, virtual channels.
COLUMNS, PORTS, BUFFER, VCS = range(4)
# Cycles: of routing, from the allocation of an output to that of the switch, from there to the next router.
ROUTING, ALLOCATION, HOP = range(4, 7)
# Where things begin, and how many words a channel takes. A tile's word is the output channel of its sink.
TILES, CHANNELS, STRIDE, INJECTIONS, HEAP, SLOTS, DUE = range(7, 14)
# How many: events in the heap; deliveries that are due, promised and that there is room for; slots ever used and
# that there is room for; the first free slot.
HEAP_N, DUE_N, PROMISED, DUE_ROOM, USED, SLOT_ROOM, FREE = range(14, 21)
# The next cycle; the calendar of what comes within the next `DAYS` cycles, and how much that is; what comes later is
# in the heap, as cycle * SPAN + item. An item is a word that names the next one of its day, 0 if none.
NOW, CALENDAR, DAYS, PENDING, SPAN = range(24, 29)
# Of the models' own.
OWN = 29
# Deliveries taken out.
TAKEN = 36
MOST_TAKEN = 16
HEADER = TAKEN + 3 * MOST_TAKEN

DUE_WORDS = 3
"""Cycle, message, destination."""

SLOT_WORDS = 8
NUMBER, FLITS, WAY, CREATE, NEXT, COPIES, REPORTS = range(7)
"""Of a packet: the sender's number, its flits, its way, the cycle of creation, the next packet of its source, the
destinations it has not reached, and whether its arrivals are told."""

PACKET_WORDS = 4
"""Of a list of packets to send: source tile, cycle of creation, destination tile, flits."""

NOBODY = -(2**62)


send: Callable[..., int]
"""That of the model: a packet enters the source of a tile; answers 1, 0 if there is no room for it, -1 if its cycle is
over."""


def send_cut(
    s: Row, tile: int, cycle: int, number: int, way: int, flits: int, most: int, copies: int, reports: int
) -> int:
    """A message enters in packets of `most` flits and a last one of what is left, which reports its arrivals as all do
    with `reports`; answers the flits for which there was no room, -1 if the cycle is over."""
    while flits > 0:
        size = min(flits, most)
        entered = send(s, tile, cycle, number, way, size, copies, 1 if flits == size else reports)  # noqa: F821
        if entered < 0:
            return -1
        if entered == 0:
            return flits
        flits -= size
    return 0


def send_many(s: Row, packets: Row, first: int, last: int) -> int:
    """Sends packets to one tile each, `PACKET_WORDS` each; answers the first for which there is no room."""
    for number in range(first, last):
        at = number * PACKET_WORDS
        source, cycle, way, flits = packets[at], packets[at + 1], packets[at + 2], packets[at + 3]
        if send(s, source, cycle, number, way, flits, 1, 1) == 0:  # noqa: F821
            return number
    return last


def possible(s: Row, before: int) -> int:
    """The first cycle in which there can be a delivery once all before a cycle is done, whatever is sent from 2 cycles
    before that on."""
    if s[DUE_N] and s[s[DUE]] < before + s[HOP]:
        return s[s[DUE]]
    return before + s[HOP]


def pop_until(s: Row, until: int) -> int:
    """Moves the earliest deliveries up to a cycle to `TAKEN`, `MOST_TAKEN` at most; answers how many."""
    count = 0
    while count < MOST_TAKEN and s[DUE_N] and s[s[DUE]] <= until:
        place, taken = s[DUE], TAKEN + DUE_WORDS * count
        s[taken], s[taken + 1], s[taken + 2] = s[place], s[place + 1], s[place + 2]
        pop_due(s)
        count += 1
    return count


def new_packet(s: Row, cycle: int, number: int, way: int, flits: int, copies: int, reports: int) -> int:
    """The slot of a packet that goes to `copies` destinations, 0 if there is no room for it, and -1 if its cycle is
    over."""
    if cycle + INJECTION_CYCLES < s[NOW]:
        return -1
    if s[PROMISED] + copies > s[DUE_ROOM]:
        return 0
    slot = s[FREE]
    if slot:
        s[FREE] = s[slot + NEXT]
    elif s[USED] < s[SLOT_ROOM]:
        slot = s[SLOTS] + SLOT_WORDS * s[USED]
        s[USED] += 1
    else:
        return 0
    s[PROMISED] += copies
    s[slot + NUMBER], s[slot + FLITS], s[slot + WAY], s[slot + CREATE] = number, flits, way, cycle
    s[slot + NEXT], s[slot + COPIES], s[slot + REPORTS] = 0, copies, reports
    return slot


def arrive(s: Row, slot: int, cycle: int, tile: int) -> None:
    """The tail of a packet is at one of its destinations in a cycle."""
    if s[slot + REPORTS]:
        push_due(s, cycle, s[slot + NUMBER], tile)
    else:
        s[PROMISED] -= 1
    s[slot + COPIES] -= 1
    if s[slot + COPIES] == 0:
        s[slot + NEXT] = s[FREE]
        s[FREE] = slot


def output_port(s: Row, router: int, tile: int) -> int:
    """The output towards a tile: along x, then along y, then the tile's own."""
    ports, columns = s[PORTS], s[COLUMNS]
    sink = s[s[TILES] + tile]
    home = sink // ports
    if home == router:
        return sink - home * ports
    x, there = router % columns, home % columns
    if x != there:
        return 0 if there > x else 1
    return 2 if home > router else 3


def push_due(s: Row, cycle: int, number: int, tile: int) -> None:
    """Notes a delivery, the earliest first."""
    base = s[DUE]
    at = s[DUE_N]
    s[DUE_N] = at + 1
    while at > 0:
        above = (at - 1) // 2
        place = base + DUE_WORDS * above
        if s[place] <= cycle:
            break
        below = base + DUE_WORDS * at
        s[below], s[below + 1], s[below + 2] = s[place], s[place + 1], s[place + 2]
        at = above
    place = base + DUE_WORDS * at
    s[place], s[place + 1], s[place + 2] = cycle, number, tile


def pop_due(s: Row) -> None:
    """Forgets the earliest delivery."""
    base = s[DUE]
    count = s[DUE_N] - 1
    s[DUE_N] = count
    s[PROMISED] -= 1
    last = base + DUE_WORDS * count
    cycle, number, tile = s[last], s[last + 1], s[last + 2]
    at = 0
    while 2 * at + 1 < count:
        below = 2 * at + 1
        place = base + DUE_WORDS * below
        if below + 1 < count and s[place + DUE_WORDS] < s[place]:
            below += 1
            place += DUE_WORDS
        if s[place] >= cycle:
            break
        above = base + DUE_WORDS * at
        s[above], s[above + 1], s[above + 2] = s[place], s[place + 1], s[place + 2]
        at = below
    place = base + DUE_WORDS * at
    s[place], s[place + 1], s[place + 2] = cycle, number, tile


def take_due(s: Row, arrivals: Row) -> int:
    """Notes the cycle and the destination of all deliveries by message, and forgets them; answers how many."""
    count = s[DUE_N]
    for at in range(count):
        place = s[DUE] + DUE_WORDS * at
        arrivals[2 * s[place + 1]] = s[place]
        arrivals[2 * s[place + 1] + 1] = s[place + 2]
    s[PROMISED] -= count
    s[DUE_N] = 0
    return count


def schedule(s: Row, item: int, cycle: int) -> None:
    """An item comes in a cycle."""
    if cycle - s[NOW] < s[DAYS]:
        soon(s, item, cycle)
    else:
        push_event(s, cycle * s[SPAN] + item)


def soon(s: Row, item: int, cycle: int) -> None:
    """An item comes in one of the next `DAYS` cycles."""
    day = s[CALENDAR] + cycle % s[DAYS]
    s[item] = s[day]
    s[day] = item
    s[PENDING] += 1


def next_day(s: Row, before: int) -> int:
    """Goes to the next cycle before `before` in which something comes, and puts what was far away into its day;
    answers the cycle, -1 if there is none."""
    span, days, heap = s[SPAN], s[DAYS], s[HEAP]
    now = s[NOW]
    if s[PENDING] == 0:
        if s[HEAP_N] == 0 or s[heap] // span >= before:
            return -1
        now = s[heap] // span
    calendar = s[CALENDAR]
    far = s[heap] // span if s[HEAP_N] else before
    while now < before and now != far and s[calendar + now % days] == 0:
        now += 1
    s[NOW] = now
    if now >= before:
        return -1
    while s[HEAP_N] and s[heap] < (now + 1) * span:
        soon(s, pop_event(s) % span, now)
    return now


def push_event(s: Row, key: int) -> None:
    """Notes an event, the earliest first."""
    base = s[HEAP]
    at = s[HEAP_N]
    s[HEAP_N] = at + 1
    while at > 0:
        above = (at - 1) >> 1
        other = s[base + above]
        if other <= key:
            break
        s[base + at] = other
        at = above
    s[base + at] = key


def pop_event(s: Row) -> int:
    """The earliest event."""
    base = s[HEAP]
    first = s[base]
    count = s[HEAP_N] - 1
    s[HEAP_N] = count
    key = s[base + count]
    at = 0
    below = 1
    while below < count:
        if below + 1 < count and s[base + below + 1] < s[base + below]:
            below += 1
        other = s[base + below]
        if other >= key:
            break
        s[base + at] = other
        at = below
        below = 2 * at + 1
    s[base + at] = key
    return first

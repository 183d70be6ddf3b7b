"""Who gets a virtual channel, and who the switch, in each cycle: see `flit_kernel`."""

from __future__ import annotations

from archsim.noc.flit_buffers import append, come_again, depart, front_slot
from archsim.noc.flit_words import (
    ACCEPTS,
    AFTER_OUTPUT,
    AFTER_PORT,
    AFTER_VC,
    ASKED,
    ASKING,
    ASKS_NEXT,
    BEST,
    BEYOND,
    BLOCKED,
    BRANCH_WORDS,
    BRANCHES,
    DISTANCE,
    HOME,
    IN_AT,
    INPUT,
    IS_ASKED,
    LANE,
    LANE_WORDS,
    OFFER,
    OFFERED,
    OFFERS,
    OFFERS_OF,
    OUT,
    OUTPUT,
    OWNED,
    OWNS,
    PLACE,
    PORT,
    RAISES,
    REQUESTED,
    REQUESTS,
    RINGS,
    ROOM,
    ROUTER,
    SWITCHED,
    TAKES,
    TURN,
    VC,
)
from archsim.noc.words import ALLOCATION, BUFFER, PORTS, VCS, Row, soon


def ask(s: Row, out: int, asked: int) -> int:
    """An output is asked for a virtual channel in this cycle; answers how many are."""
    if s[out + IS_ASKED]:
        return asked
    s[out + IS_ASKED] = 1
    s[s[ASKED] + asked] = out
    return asked + 1


def allocate(s: Row, out: int, now: int) -> None:
    """The free virtual channels of an output go to packets that ask."""
    s[out + IS_ASKED] = 0
    branch = s[out + ASKING]
    if branch == 0:
        return
    words = s[LANE_WORDS]
    first = s[out + LANE]
    end = first + s[VCS] * words
    free = 0
    for lane in range(first, end, words):
        if s[lane + OWNED] == 0:
            free += 1
            s[lane + OFFER] = next_asking(s, branch, s[lane + OFFERS])
    if free == 0:
        return
    s[out + ASKING] = 0
    while branch:
        following = s[branch + ASKS_NEXT]
        lane = best_offer(s, out, branch)
        if lane:
            own(s, branch, lane, now)
            free -= 1
        else:
            s[branch + ASKS_NEXT] = s[out + ASKING]
            s[out + ASKING] = branch
        branch = following
    if s[out + ASKING] and free:
        come_again(s, out, now + 1)


def next_asking(s: Row, branch: int, turn: int) -> int:
    """Of the branches that ask for an output the one whose lane is next in turn."""
    if s[branch + ASKS_NEXT] == 0:
        return branch
    vcs = s[VCS]
    lanes = s[PORTS] * vcs
    best, least = 0, lanes
    while branch:
        home = s[branch + HOME]
        distance = s[s[branch + INPUT] + PORT] * vcs + s[home + VC] - turn
        if distance < 0:
            distance += lanes
        if distance < least:
            best, least = branch, distance
        branch = s[branch + ASKS_NEXT]
    return best


def best_offer(s: Row, out: int, branch: int) -> int:
    """Of the free lanes of an output that offer themselves to a branch the one that is next in turn; 0 if none."""
    vcs, words = s[VCS], s[LANE_WORDS]
    lanes = s[PORTS] * vcs
    first = s[out + LANE]
    distance = s[out + OUTPUT] * vcs - s[s[branch + HOME] + ACCEPTS]
    if distance < 0:
        distance += lanes
    best, least = 0, lanes
    for lane in range(first, first + vcs * words, words):
        if distance < least and s[lane + OWNED] == 0 and s[lane + OFFER] == branch:
            best, least = lane, distance
        distance += 1
        if distance == lanes:
            distance = 0
    return best


def own(s: Row, branch: int, lane: int, now: int) -> None:
    """A packet owns a virtual channel from now on."""
    home, channel, out = s[branch + HOME], s[branch + INPUT], s[branch + OUT]
    vcs = s[VCS]
    s[lane + OWNED] = 1
    s[branch + OWNS] = lane
    turn = s[channel + PORT] * vcs + s[home + VC] + 1
    s[lane + OFFERS] = turn if turn < s[PORTS] * vcs else 0
    if s[home + BRANCHES] == 1:
        turn = s[out + OUTPUT] * vcs + s[lane + VC] + 1
        s[home + ACCEPTS] = turn if turn < s[PORTS] * vcs else 0
    if s[out + ROUTER] >= 0:
        append(s, lane, front_slot(s, home), s[branch + BEYOND])
    soon(s, branch, now + s[ALLOCATION])


def request(s: Row, branch: int, now: int, switched: int) -> int:
    """A branch asks for the switch if it has a credit; answers how many outputs are asked."""
    lane = s[branch + OWNS]
    if s[lane + ROOM] == 0:
        s[lane + BLOCKED] = branch
        return switched
    credit = s[lane + RINGS + s[BUFFER] + s[lane + IN_AT]]
    if credit > now:
        soon(s, branch, credit)
        return switched
    place = s[branch + PLACE]
    if s[place]:
        soon(s, contest(s, place, branch), now + 1)
        return switched
    s[place] = branch
    out = s[branch + OUT]
    s[out + REQUESTED] += 1
    if s[out + REQUESTED] > 1:
        return switched
    s[out + OFFERED] = branch
    s[s[SWITCHED] + switched] = out
    return switched + 1


def contest(s: Row, place: int, branch: int) -> int:
    """Of two branches of an input for the same output the one whose virtual channel is in turn is put forward;
    answers the other."""
    other = s[place]
    vcs, turn = s[VCS], s[s[branch + INPUT] + RAISES]
    if (s[s[branch + HOME] + VC] - turn) % vcs > (s[s[other + HOME] + VC] - turn) % vcs:
        return branch
    s[place] = branch
    return other


def offer(s: Row, out: int, now: int) -> None:
    """An output offers itself to the input next in turn."""
    ports = s[PORTS]
    branch = s[s[s[out + OFFERED] + PLACE]]
    if s[out + REQUESTED] > 1:
        port = s[out + TURN]
        while s[out + REQUESTS + port] == 0:
            port = port + 1 if port + 1 < ports else 0
        branch = s[out + REQUESTS + port]
    s[out + OFFERED] = branch
    channel = s[branch + INPUT]
    distance = s[out + OUTPUT] - s[channel + TAKES]
    if distance < 0:
        distance += ports
    if s[channel + OFFERS_OF] != now or distance < s[channel + DISTANCE]:
        s[channel + OFFERS_OF], s[channel + BEST], s[channel + DISTANCE] = now, branch, distance


def last_output(s: Row, lane: int) -> int:
    """The output of the last branch of the first packet in a buffer, whichever of them was served."""
    packets = lane + RINGS + 3 * s[BUFFER]
    return s[packets + 2 * (s[BUFFER] + 1) + BRANCH_WORDS * (s[lane + BRANCHES] - 1) + OUT]


def take(s: Row, out: int, now: int) -> None:
    """The input takes the offer of an output or not; who did not get the switch asks again."""
    branch = s[out + OFFERED]
    home, channel = s[branch + HOME], s[branch + INPUT]
    best = s[channel + BEST]
    if s[best + HOME] == home:
        s[s[branch + PLACE]] = 0
        s[out + REQUESTED] -= 1
        s[out + TURN] = s[channel + AFTER_PORT]
        if best == branch:
            served = out if s[home + BRANCHES] == 1 else last_output(s, home)
            s[channel + TAKES] = s[served + AFTER_OUTPUT]
        s[channel + RAISES] = s[home + AFTER_VC]
        depart(s, branch, now)
    if s[out + REQUESTED]:
        s[out + REQUESTED] = 0
        for place in range(out + REQUESTS, out + REQUESTS + s[PORTS]):
            if s[place]:
                soon(s, s[place], now + 1)
                s[place] = 0

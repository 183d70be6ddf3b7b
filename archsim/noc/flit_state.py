"""The empty state of the mesh with virtual channels, and what of a state decides the future."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.noc import flit_words as own
from archsim.noc import layout, words
from archsim.noc.buffers import Buffers
from archsim.noc.channel import CREDIT_CYCLES, INJECTION_CYCLES
from archsim.noc.ideal import Router
from archsim.noc.junctions import Junctions
from archsim.noc.snapshot import Snapshot, State


def empty(junctions: Junctions, router: Router, buffers: Buffers) -> list[int]:
    """The words of a mesh in which nothing is under way, up to its slots."""
    ports, outputs, tiles = junctions.ports, len(junctions.outputs), len(junctions.at)
    stride, lane_words = own.REQUESTS + ports, own.words_of_lane(buffers.flits, ports)
    credit = CREDIT_CYCLES - 1 + router.link_delay + buffers.credit_delay
    s = layout.header(junctions, router, buffers)
    first = len(s)
    s[words.STRIDE], s[own.LANE_WORDS] = stride, lane_words
    s[words.CHANNELS], s[words.INJECTIONS] = first, first + outputs * stride
    s[own.LANES] = first + (outputs + tiles) * stride
    ends = []
    for output in junctions.outputs:
        following = output.following
        ends.append((-1, output.sink) if following is None else (following.router, following.port))
    ends += [(junctions.source(tile).router, junctions.source(tile).port) for tile in range(tiles)]
    for index, (to, port) in enumerate(ends):
        channel = [0] * stride
        channel[own.ROUTER], channel[own.PORT], channel[own.OUTPUT] = to, port, index % ports
        channel[own.AFTER_PORT], channel[own.AFTER_OUTPUT] = (port + 1) % ports, (index + 1) % ports
        channel[own.LANE] = s[own.LANES] + index * buffers.vcs * lane_words
        channel[own.LAST], channel[own.LAST_VC], channel[own.OFFERS_OF] = -1, -1, -1
        s += channel
    for index in range(len(ends)):
        for vc in range(buffers.vcs):
            s += _lane(first + index * stride, vc, len(s), lane_words, buffers.flits, ports)
            s[-lane_words + own.AFTER_VC] = (vc + 1) % buffers.vcs
            s[-lane_words + own.BACK] = credit if index < outputs else CREDIT_CYCLES
    s[words.DAYS] = s[words.HOP] + max(router.routing_delay, router.vc_allocation_delay, credit + INJECTION_CYCLES) + 2
    return layout.with_room(
        s,
        {words.HEAP: tiles, own.ASKED: outputs, own.SWITCHED: outputs, words.CALENDAR: s[words.DAYS]},
    )


def _lane(channel: int, vc: int, place: int, lane_words: int, flits: int, ports: int) -> list[int]:
    lane = [0] * lane_words
    lane[own.CHANNEL], lane[own.VC], lane[own.ROOM] = channel, vc, flits
    for branch in range(lane_words - ports * own.BRANCH_WORDS, lane_words, own.BRANCH_WORDS):
        lane[branch + own.HOME], lane[branch + own.INPUT] = place, channel
    return lane


class FlitSnapshot(Snapshot):
    """The state of the mesh with virtual channels."""

    carried = own.CARRIED

    def parts(self) -> Iterator[State]:
        """The turns and requests of each channel, the sources, and the lanes."""
        s = self.s
        for c in range(s[words.CHANNELS], s[own.LANES], s[words.STRIDE]):
            asking, branch = [], s[c + own.ASKING]
            while branch:
                asking.append(branch)
                branch = s[branch + own.ASKS_NEXT]
            turns = tuple(s[c + at] for at in (own.TURN, own.TAKES, own.RAISES))
            yield turns, tuple(sorted(asking)), self._source(c) if c >= s[words.INJECTIONS] else ()
        for lane in range(s[own.LANES], s[words.HEAP], s[own.LANE_WORDS]):
            yield self._lane(lane)

    def _source(self, c: int) -> State:
        s = self.s
        slot, left = s[c + own.ENTERING], s[c + own.TO_ENTER]
        into = s[c + own.INTO] if slot and left < s[slot + words.FLITS] else 0
        return self.chain(slot), left if slot else 0, into, s[c + own.LAST_VC], self.time(s[c + own.LAST])

    def _lane(self, lane: int) -> State:
        s = self.s
        size, rings = s[words.BUFFER], lane + own.RINGS
        room, first, held = s[lane + own.ROOM], s[lane + own.OUT_AT], s[lane + own.HELD]
        turns = (own.OWNED, own.BLOCKED, own.OFFERS, own.ACCEPTS)
        return (
            held,
            tuple(s[lane + at] for at in turns),
            self.ring(rings, first, size - room),
            self.ring(rings + size, s[lane + own.IN_AT], room),
            self.packets(rings + 3 * size, s[lane + own.FIRST], s[lane + own.QUEUED]),
            self._branches(lane) if held else (),
        )

    def _branches(self, lane: int) -> State:
        """How far the first packet of a lane is on each of its ways."""
        s = self.s
        size, count, first = s[words.BUFFER], s[lane + own.BRANCHES], s[lane + own.OUT_AT]
        rings = lane + own.RINGS
        counts = tuple(s[rings + 2 * size + (first + at) % size] for at in range(size)) if count > 1 else ()
        start = rings + 3 * size + 2 * (size + 1)
        done = (own.OUT, own.OWNS, own.SENT, own.WAITING)
        branches = range(start, start + count * own.BRANCH_WORDS, own.BRANCH_WORDS)
        return s[lane + own.OPEN], counts, tuple(tuple(s[branch + at] for at in done) for branch in branches)

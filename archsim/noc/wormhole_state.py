"""The empty state of the wormhole mesh, and what of a state decides the future."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.noc import layout, words
from archsim.noc import wormhole_words as own
from archsim.noc.buffers import Buffers
from archsim.noc.channel import CREDIT_CYCLES
from archsim.noc.ideal import Router
from archsim.noc.junctions import Junctions
from archsim.noc.snapshot import Snapshot, State

# Cycles to which most of what comes next belongs.
_DAYS = 64


def empty(junctions: Junctions, router: Router, buffers: Buffers) -> list[int]:
    """The words of a mesh in which nothing is under way, up to its slots."""
    ports, outputs, tiles = junctions.ports, len(junctions.outputs), len(junctions.at)
    stride = own.words_of_channel(buffers.flits, ports)
    s = layout.header(junctions, router, buffers)
    s[words.STRIDE], s[words.DAYS] = stride, _DAYS
    inputs = len(s)
    first = inputs + outputs
    s[words.CHANNELS], s[words.INJECTIONS] = first, first + outputs * stride
    feeders = [0] * outputs
    for output in junctions.outputs:
        if output.following is not None:
            feeders[output.following.index] = first + output.index * stride
    for tile in range(tiles):
        feeders[junctions.source(tile).index] = s[words.INJECTIONS] + tile * stride
    s += feeders
    credit = CREDIT_CYCLES - 1 + router.link_delay + buffers.credit_delay
    for output in junctions.outputs:
        following = output.following
        end = (-1, output.sink) if following is None else (following.router, following.port)
        s += _channel(stride, ports, buffers.flits, end, credit)
        s[-stride + own.INPUTS] = inputs + output.index // ports * ports
    for tile in range(tiles):
        source = junctions.source(tile)
        s += _channel(stride, ports, buffers.flits, (source.router, source.port), CREDIT_CYCLES)
    channels = outputs + tiles
    return layout.with_room(
        s, {words.HEAP: 2 * channels, own.SETTLE: channels, own.WANTED: channels, words.CALENDAR: _DAYS}
    )


def _channel(stride: int, ports: int, flits: int, end: tuple[int, int], back: int) -> list[int]:
    channel = [0] * stride
    channel[own.LAST] = -1
    channel[own.ROOM], channel[own.BACK] = flits, back
    channel[own.ROUTER], channel[own.PORT] = end
    channel[own.REQUESTS : own.REQUESTS + ports] = [words.NOBODY] * ports
    return channel


class WormholeSnapshot(Snapshot):
    """The state of the wormhole mesh."""

    carried = own.CARRIED

    def parts(self) -> Iterator[State]:
        """Of each channel its owner, its requests and its buffer."""
        s = self.s
        for c in range(s[words.CHANNELS], s[words.HEAP], s[words.STRIDE]):
            source = c >= s[words.INJECTIONS]
            yield (
                self._owner(c),
                tuple(s[c + own.REQUESTS : c + own.REQUESTS + s[words.PORTS]]),
                s[c + own.TURN],
                self._buffer(c),
                self._waiting(c) if source else self.packets(self._ring(c, 3), s[c + own.FIRST], s[c + own.QUEUED]),
            )

    def _ring(self, c: int, number: int) -> int:
        return c + own.REQUESTS + self.s[words.PORTS] + number * self.s[words.BUFFER]

    def _owner(self, c: int) -> State:
        s = self.s
        last = self.time(s[c + own.LAST])
        if not s[c + own.FEEDER]:
            return (last,)
        return last, s[c + own.FEEDER], s[c + own.LEFT], s[c + own.SENT] if s[c + own.LEFT] else 0

    def _buffer(self, c: int) -> State:
        """Its flits and slots; what its first packet has done, if that has asked."""
        s = self.s
        size = s[words.BUFFER]
        room, first = s[c + own.ROOM], s[c + own.OUT_AT]
        taken = size - room
        fork: State = ()
        if s[c + own.OPEN] and s[c + own.BRANCHES] > 1:
            counts = (s[self._ring(c, 2) + (first + at) % size] for at in range(taken))
            fork = s[c + own.BRANCHES], *counts, *self.ring(self._ring(c, 1), first, taken)
        return (
            s[c + own.HELD],
            s[c + own.ASKED],
            s[c + own.OPEN],
            self.time(s[c + own.FRONT_FROM]),
            self.ring(self._ring(c, 0), first, taken),
            self.ring(self._ring(c, 1), s[c + own.IN_AT], room),
            fork,
        )

    def _waiting(self, c: int) -> State:
        s = self.s
        return self.chain(s[c + own.FRONT]), self.chain(s[c + own.ENTERING]), s[c + own.TO_ENTER]

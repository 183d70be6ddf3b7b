"""A mesh on which packets wait for links, buffers and credits: what the exact models have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from types import ModuleType

from archsim.errors import InputError, Problem
from archsim.noc import fast, layout, words
from archsim.noc.buffers import Buffers
from archsim.noc.forking import load_of_trees
from archsim.noc.ideal import Delivery, Router, zero_load
from archsim.noc.junctions import Junctions
from archsim.noc.mesh import Mesh
from archsim.noc.snapshot import Names, Snapshot
from archsim.noc.statistics import Link, Load, Traffic, Tree
from archsim.noc.ways import Ways

MAX_DELAY = 1_000_000
"""Cycles of a delay that is not refused."""

BASE_BUFFERS = Buffers()
"""Those of the base router of BookSim 2's logs."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How messages of one size get from a tile to others: their way, their flits and packets, and the flits of all
    packets but the last."""

    way: int
    flits: int
    packets: int
    most: int


@dataclass(slots=True)
class _Message:
    """A message under way: the caller's number, the cycle of its creation, the destinations it has not reached, and
    by destination the packets that have not, where they may overtake each other."""

    number: int
    created: int
    copies: int
    packets: dict[int, int] | None = None


class ContendedMesh:
    """Messages cut into packets, each tile with a source and a sink of its own at its router.

    With `multicast` a message to several tiles is sent once and forks along the tree of their ways; its packets are
    not longer than a buffer. So a router can hold a whole one, each branch goes on by itself, and none waits for
    another. Else the message is sent to each tile by itself, in the order of the tiles.

    `compiled` runs the kernel through numba, by default where that is installed. Raises `InputError` for a router that
    the model does not have.
    """

    kernel_module: ModuleType
    empty: Callable[[Junctions, Router, Buffers], list[int]]
    snapshot: type[Snapshot]
    most_vcs = 16

    def __init__(
        self,
        mesh: Mesh,
        router: Router,
        buffers: Buffers = BASE_BUFFERS,
        *,
        multicast: bool = True,
        compiled: bool | None = None,
    ) -> None:
        self._junctions = Junctions(mesh)
        _check(router, buffers, self.most_vcs, self._junctions)
        self.mesh = mesh
        self.router = router
        self.buffers = buffers
        self.traffic = Traffic()
        self._multicast = multicast
        self._kernel = fast.kernel(self.kernel_module, compiled=fast.can_compile() if compiled is None else compiled)
        self._ways = Ways(self._junctions)
        self._plans: dict[Tree, _Plan] = {}
        self._messages: dict[int, _Message] = {}
        self._sent = 0
        self._enter = self._kernel.send_cut
        # with one virtual channel the packets of a message arrive in order, and the last one tells
        self._all_tell = int(buffers.vcs > 1)
        self.not_before = 0
        self._to_next = router.switch_allocation_delay + router.traversal_delay + router.link_delay
        self._row = self._kernel.row(type(self).empty(self._junctions, router, buffers))

    def send(self, time: int, message: int, source: int, destinations: Collection[int], size_bytes: int) -> int | None:
        """A message of `size_bytes` enters at `source` in cycle `time`; `message` is any number of the caller's.

        Raises `ValueError` for a cycle that is over: one before the `until` of `advance` or before `limit` - 2 of
        `run_ahead`. Answers what `next_delivery` does.
        """
        tiles = tuple(sorted(set(destinations)))
        for tree in [tiles] if self._multicast else [(tile,) for tile in tiles]:
            self._send(time, message, (source, tree, size_bytes))
        return self.next_delivery()

    def _send(self, time: int, message: int, tree: Tree) -> None:
        source, tiles, size_bytes = tree
        plan = self._plans.get(tree)
        if plan is None:
            plan = self._plans[tree] = self._plan(tree)
        self._sent += 1
        copies, packets = len(tiles), plan.packets
        overtaking = dict.fromkeys(tiles, packets) if packets > 1 and self.buffers.vcs > 1 else None
        self._messages[self._sent] = _Message(message, time, copies, overtaking)
        left = plan.flits
        while left:
            left = self._enter(self._row, source, time, self._sent, plan.way, left, plan.most, copies, self._all_tell)
            if left > 0:
                self._grow()
            elif left < 0:
                raise ValueError(f"a message of cycle {time}: the network is at cycle {self._row[words.NOW]}")
        traffic = self.traffic
        traffic.trees[tree] = traffic.trees.get(tree, 0) + 1
        for tile in tiles:
            traffic.sent[source, tile, size_bytes] = traffic.sent.get((source, tile, size_bytes), 0) + 1

    def _plan(self, tree: Tree) -> _Plan:
        source, tiles, size_bytes = tree
        way = self._ways.known(source, tiles)
        return _Plan(self._add_way(source, tiles) if way is None else way, *self._cut(size_bytes, len(tiles)))

    def _cut(self, size_bytes: int, copies: int) -> tuple[int, int, int]:
        """The flits and packets of a message, and the flits of all packets but the last."""
        flits, packets = self.router.cut(size_bytes)
        most = self.router.max_packet_flits
        if copies > 1 and self.buffers.flits < most:
            most = self.buffers.flits
            packets = -(-flits // most)
        return flits, packets, most

    def _add_way(self, source: int, tiles: tuple[int, ...]) -> int:
        row = self._row
        added = self._ways.add(source, tiles, int(row[words.USED]))
        while row[words.USED] + len(added) // words.SLOT_WORDS > row[words.SLOT_ROOM]:
            self._grow()
            row = self._row
        place = int(row[words.SLOTS] + row[words.USED] * words.SLOT_WORDS)
        row[place : place + len(added)] = added
        row[words.USED] += len(added) // words.SLOT_WORDS
        way = self._ways.known(source, tiles)
        assert way is not None, "it was added just now"
        return way

    def _grow(self) -> None:
        self._row = self._kernel.row(layout.with_more_room([int(word) for word in self._row]))

    def next_delivery(self) -> int | None:
        """The cycle of the earliest delivery that is decided, None if none is; others may come before it."""
        row = self._row
        return int(row[row[words.DUE]]) if row[words.DUE_N] else None

    def run_ahead(self, limit: int) -> int | None:
        """Goes on before cycle `limit`, or until the next delivery is certain, whatever is sent from `limit` - 2 on;
        answers its cycle, or None if it is not certain by then: `not_before` is then the first in which it can be."""
        row = self._row
        while (cycle := self._kernel.run(row, limit, 1)) >= 0:
            place = row[words.DUE]
            if self._completes(int(row[place + 1]), int(row[place + 2])):
                return cycle
            self._kernel.pop_due(row)
        self.not_before = -1 - cycle
        return None

    def _completes(self, number: int, tile: int) -> bool:
        """Whether a packet of a message is the last one at a destination; if not it is counted."""
        packets = self._messages[number].packets
        if packets is None or packets[tile] == 1:
            return True
        packets[tile] -= 1
        return False

    def advance(self, until: int) -> list[Delivery]:
        """The deliveries up to and including cycle `until`, in order of time, of message number and of tile."""
        row, arrived, taken = self._row, [], words.MOST_TAKEN
        self._kernel.run(row, until + 1 - self._to_next, 0)
        while taken == words.MOST_TAKEN:
            taken = self._kernel.pop_until(row, until)
            found = list(map(int, row[words.TAKEN : words.TAKEN + words.DUE_WORDS * taken]))
            for cycle, number, tile in zip(found[::3], found[1::3], found[2::3], strict=True):
                if self._completes(number, tile):
                    arrived.append((cycle, self._delivered(cycle, number), tile))
        self.traffic.delivered += len(arrived)
        arrived.sort()
        return arrived

    def _delivered(self, cycle: int, number: int) -> int:
        """Counts a delivery; answers the caller's number of the message."""
        message = self._messages[number]
        self.traffic.took(cycle - message.created)
        message.copies -= 1
        if message.copies == 0:
            del self._messages[number]
        return message.number

    def _idle(self, source: int, tile: int, size_bytes: int) -> int:
        """Cycles of a message on an idle mesh with large buffers."""
        flits, packets = self.router.cut(size_bytes)
        return zero_load(self.mesh.hops(source, tile), self.router.hop_cycles, flits + packets - 2)

    def state(self, now: int, name: Callable[[int], Hashable]) -> tuple[Hashable, ...]:
        """All that decides the future, relative to cycle `now`; `name` says what a message is apart from its
        number."""

        def named(number: int) -> Hashable:
            message = self._messages[number]
            packets = None if message.packets is None else tuple(sorted(message.packets.items()))
            return name(message.number), message.created - now, message.copies, packets

        return self.snapshot([int(word) for word in self._row], now, Names(named)).state()

    @property
    def link_flits(self) -> dict[Link, int]:
        """Flits that each link between routers has carried, those that have carried none left out."""
        columns, ports = self._junctions.columns, self._junctions.ports
        found = {}
        for output, carried in zip(self._junctions.outputs, self._carried(), strict=True):
            if output.following is not None and carried:
                (y0, x0), (y1, x1) = divmod(output.index // ports, columns), divmod(output.following.router, columns)
                found[(x0, y0), (x1, y1)] = carried
        return found

    @property
    def busy_cycles(self) -> int:
        """Cycles in which the busiest output of a router, to another or to a tile, has sent a flit."""
        return max(self._carried())

    def _carried(self) -> list[int]:
        row = self._row
        first, end, stride = int(row[words.CHANNELS]), int(row[words.INJECTIONS]), int(row[words.STRIDE])
        return [int(carried) for carried in row[first + self.snapshot.carried : end : stride]]

    def load(self, traffic: Traffic) -> Load:
        """What the messages of `traffic` come to."""
        return load_of_trees(traffic, self.mesh, lambda size, tiles: self._cut(size, tiles)[:2], self._idle)


def _check(router: Router, buffers: Buffers, most_vcs: int, junctions: Junctions) -> None:
    """What the exact models need: stages one after the other, buffers, and as many channels as they have."""
    hop = router.switch_allocation_delay + router.traversal_delay + router.link_delay
    most = layout.most_buffer_flits(junctions.columns * junctions.rows, junctions.ports, max(buffers.vcs, 1))
    problems = [
        Problem(f"noc.{name}", "", str(value), expected)
        for name, value, right, expected in (
            ("vc_allocation_delay", router.vc_allocation_delay, router.vc_allocation_delay >= 1, "1 or more"),
            ("switch_allocation_delay + traversal_delay + link_delay", hop, hop >= 1, "1 or more"),
            (
                "vcs",
                buffers.vcs,
                1 <= buffers.vcs <= most_vcs,
                "1, or noc.model=flit" if most_vcs == 1 else f"1 to {most_vcs}",
            ),
            ("buffer_flits", buffers.flits, 1 <= buffers.flits <= most, f"1 to {most:,} on this mesh"),
            ("credit_delay", buffers.credit_delay, 0 <= buffers.credit_delay <= MAX_DELAY, f"0 to {MAX_DELAY:,}"),
            ("routing_delay", router.routing_delay, router.routing_delay <= MAX_DELAY, f"0 to {MAX_DELAY:,}"),
        )
        if not right
    ]
    if problems:
        raise InputError(*problems)

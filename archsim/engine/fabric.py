"""What carries messages: the mesh of each chip, and the links between chips."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsim.engine.events import ARRIVE, Action, rank
from archsim.engine.link import Link
from archsim.engine.message import Message, Target, message_state
from archsim.engine.network import network_of
from archsim.mapping import GATE
from archsim.noc import ContendedModel, NetworkModel, zero_load

if TYPE_CHECKING:
    from archsim.engine.chip import Chip

# A cycle after the end of any run.
_FOR_EVER = 1 << 50


class Adapter(ABC):
    """Drives a network model of `archsim.noc` from SimPy: one event is armed at the next delivery."""

    def __init__(self, chip: Chip, model: NetworkModel | ContendedModel, number: int) -> None:
        self.model = model
        self._env = chip.env
        self._priority = rank(ARRIVE, number)
        self._period = chip.clock.noc
        self.delivered_bytes = 0
        self._armed: int | None = None
        self.sendings: dict[tuple[int, int, tuple[int, ...], int], int] = {}
        self._sent = 0
        self._under_way: dict[int, tuple[Message, dict[int, list[Target]]]] = {}

    def send(self, message: Message, source: int, by_tile: dict[int, list[Target]]) -> None:
        """`message` enters at tile `source` of this chip, for the targets in each tile."""
        now = -(-self._env.now // self._period)
        self._sent += 1
        self._under_way[self._sent] = (message, dict(by_tile))
        sending = (message.origin.index, source, tuple(by_tile), message.size_bytes)
        self.sendings[sending] = self.sendings.get(sending, 0) + 1
        self._entered(now, self.model.send(now, self._sent, source, by_tile.keys(), message.size_bytes))

    def _arm(self, cycle: int) -> None:
        self._armed = cycle
        Action(self._env, cycle * self._period - self._env.now, self._priority, self._deliver)

    def _deliver(self, action: Action) -> None:  # noqa: ARG002
        now = self._env.now // self._period
        if self._armed != now:
            return
        self._armed = None
        for _, number, destination in self.model.advance(now):
            message, by_tile = self._under_way[number]
            self.delivered_bytes += message.size_bytes
            for target in by_tile.pop(destination):
                target.arrive(message)
            if not by_tile:
                del self._under_way[number]
        self._go_on(now)

    @abstractmethod
    def _entered(self, now: int, earliest: int | None) -> None:
        """A message entered; the model knows of a delivery at `earliest`."""

    @abstractmethod
    def _go_on(self, now: int) -> None:
        """Everything up to now is delivered."""

    @abstractmethod
    def state(self, cycle: int, image: int) -> tuple[Hashable, ...]:
        """What is under way, relative to a cycle and an image."""

    def _name(self, number: int, image: int) -> tuple[Hashable, ...]:
        return message_state(self._under_way[number][0], image)

    @property
    def under_way(self) -> int:
        """Messages not yet delivered everywhere."""
        return len(self._under_way)


class KnownAdapter(Adapter):
    """Every delivery is known when its message is sent."""

    def __init__(self, chip: Chip, model: NetworkModel, number: int) -> None:
        super().__init__(chip, model, number)
        self._known = model

    def _entered(self, now: int, earliest: int | None) -> None:  # noqa: ARG002
        if earliest is not None and (self._armed is None or earliest < self._armed):
            self._arm(earliest)

    def _go_on(self, now: int) -> None:
        self._entered(now, self._known.next_delivery())

    def state(self, cycle: int, image: int) -> tuple[Hashable, ...]:
        """The deliveries to come, relative to a cycle and an image."""
        pending = self._known.pending
        return tuple(sorted((time - cycle, str(self._name(number, image)), tile) for time, number, tile in pending))


class ContendedAdapter(Adapter):
    """Messages make each other wait: the model runs ahead of the engine, to 2 cycles after the engine's next event,
    since a message touches nothing before it has been on its way for so long; but not beyond the next delivery."""

    def __init__(self, chip: Chip, model: ContendedModel, number: int) -> None:
        super().__init__(chip, model, number)
        self._ahead = model
        self._certain = False
        self._soonest = zero_load(0, model.router.hop_cycles - model.router.routing_delay, 0)

    def _entered(self, now: int, earliest: int | None) -> None:  # noqa: ARG002
        """Arms the first delivery that this may cause, unless one is known to come before any other."""
        if not self._certain and (self._armed is None or now + self._soonest < self._armed):
            self._arm(now + self._soonest)

    def _go_on(self, now: int) -> None:  # noqa: ARG002
        """Arms the next delivery, or, if it hangs on what the engine does next, the first cycle that it may come in."""
        following = self._env.peek()
        until = _FOR_EVER if following == math.inf else -(-int(following) // self._period)
        delivery = self._ahead.run_ahead(until + 2)
        self._certain = delivery is not None
        if delivery is not None:
            self._arm(delivery)
        elif self._under_way:
            self._arm(self._ahead.not_before)

    def state(self, cycle: int, image: int) -> tuple[Hashable, ...]:
        """What is under way, relative to a cycle and an image."""
        return self._ahead.state(cycle, lambda number: self._name(number, image))


def _adapter(chip: Chip, model: NetworkModel | ContendedModel, number: int) -> Adapter:
    if isinstance(model, ContendedModel):
        return ContendedAdapter(chip, model, number)
    return KnownAdapter(chip, model, number)


class Fabric:
    """Carries a message from its tile to its targets: within a tile at once, within a chip over the mesh, to
    other chips along the chain of links, which it crosses once for all targets beyond."""

    def __init__(self, chip: Chip, chips: int) -> None:
        self._tiles = tiles = chip.placement.tiles_per_chip
        self._ways: dict[tuple[int, int], _Way] = {}
        self.meshes: list[Adapter] = []
        for number in range(chips):
            model = network_of(chip.design, tiles)
            if model is not None:
                self.meshes.append(_adapter(chip, model, number))
        ticks = chip.limits.offchip_ticks
        self.upward = [Link(chip, f"link {n} to {n + 1}", 2 * n, ticks) for n in range(chips)]
        self.downward = [Link(chip, f"link {n} to {n - 1}", 2 * n + 1, ticks) for n in range(chips)]

    def send(self, message: Message, at: int, targets: Sequence[Target]) -> None:
        """The message is at tile `at`; it goes to the targets on this chip, and on towards the others.

        Tuples of targets are those of the tables and come again and again; lists are made for one message.
        """
        way = self._ways.get((at, id(targets)))
        if way is None:
            way = self._way(at, targets)
            if isinstance(targets, tuple):
                self._ways[at, id(targets)] = way
        for target in way.here:
            target.arrive(message)
        chip, tile = divmod(at, self._tiles)
        if way.local:
            self._within(message, chip, tile, way.local)
        for gate in way.gates:
            if tile == GATE:
                gate.arrive(message)
            else:
                self._within(message, chip, tile, {GATE: [gate]})

    def _within(self, message: Message, chip: int, tile: int, by_tile: dict[int, list[Target]]) -> None:
        """The message goes from a tile to others of its chip; where there is no network it is there."""
        if self.meshes:
            self.meshes[chip].send(message, tile, by_tile)
        else:
            for targets in by_tile.values():
                for target in targets:
                    target.arrive(message)

    def _way(self, at: int, targets: Sequence[Target]) -> _Way:
        number = at // self._tiles
        local: dict[int, list[Target]] = {}
        beyond: dict[int, list[Target]] = {1: [], -1: []}
        for target in targets:
            chip, tile = divmod(target.tile, self._tiles)
            if chip != number:
                beyond[1 if chip > number else -1].append(target)
            elif target.tile != at:
                local.setdefault(tile, []).append(target)
        gates = []
        for step, far in beyond.items():
            if far:
                link = self.upward[number] if step > 0 else self.downward[number]
                gates.append(_Gate(self, link, (number + step) * self._tiles + GATE, tuple(far)))
        return _Way(targets, [target for target in targets if target.tile == at], local, gates)

    def crossed(self, state: tuple[Message, _Gate]) -> None:
        """A message has crossed a link."""
        message, gate = state
        self.send(message, gate.following, gate.beyond)


@dataclass(frozen=True, slots=True)
class _Way:
    """How a message gets from a tile to `targets` (kept, so that no other object takes their identity): those on
    the tile itself, those on its chip by tile, and the gates to other chips."""

    targets: Sequence[Target]
    here: list[Target]
    local: dict[int, list[Target]]
    gates: list[_Gate]


class _Gate:
    """Where a message changes from the mesh to a link; it comes out at tile `following` for `beyond`."""

    def __init__(self, fabric: Fabric, link: Link, following: int, beyond: tuple[Target, ...]) -> None:
        self._fabric = fabric
        self._link = link
        self.following = following
        self.beyond = beyond
        self.tile = GATE

    def arrive(self, message: Message) -> None:
        """The message is at the gate."""
        image, window = message.image, message.window
        self._link.send(message.origin, image, window, message.size_bytes, self._fabric.crossed, (message, self))


class NoFabric:
    """Delivers at once: the fabric of `--ideal`, without meshes or links."""

    def __init__(self) -> None:
        self.meshes: list[Adapter] = []
        self.upward: list[Link] = []
        self.downward: list[Link] = []

    def send(self, message: Message, at: int, targets: Sequence[Target]) -> None:  # noqa: ARG002
        """The message is where it goes."""
        for target in targets:
            target.arrive(message)

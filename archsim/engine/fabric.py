"""What carries messages: the mesh of each chip, the links between chips, and the link to the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from archsim.engine.events import ARRIVE, ENTER, Action, rank
from archsim.engine.message import Message, Target
from archsim.engine.server import Server
from archsim.noc import MODELS, Mesh, Router

if TYPE_CHECKING:
    from archsim.engine.chip import Chip

# The tile of each chip whose router the off-chip links are on.
GATE = 0


class MeshAdapter:
    """Drives a mesh model of `archsim.noc` from SimPy: one event is armed at its earliest delivery."""

    def __init__(self, chip: Chip, number: int, mesh: Mesh) -> None:
        noc = chip.design.noc
        router = Router(
            noc.routing_delay,
            noc.vc_allocation_delay,
            noc.switch_allocation_delay,
            noc.traversal_delay,
            noc.link_delay,
            noc.flit_bytes,
            noc.max_packet_flits,
        )
        self.model = MODELS[noc.model](mesh, router)
        self._chip = chip
        self._priority = rank(ARRIVE, number)
        self._period = chip.clock.noc
        self._armed: int | None = None
        self._sent = 0
        self._under_way: dict[int, tuple[Message, dict[int, list[Target]]]] = {}

    def send(self, message: Message, source: int, by_tile: dict[int, list[Target]]) -> None:
        """`message` enters at tile `source` of this chip, for the targets in each tile."""
        now = -(-self._chip.env.now // self._period)
        self._sent += 1
        self._under_way[self._sent] = (message, by_tile)
        self.model.send(now, self._sent, source, tuple(by_tile), message.size_bytes)
        self._arm()

    def _arm(self) -> None:
        following = self.model.next_delivery()
        if following is not None and (self._armed is None or following < self._armed):
            self._armed = following
            Action(self._chip.env, following * self._period - self._chip.env.now, self._priority, self._deliver)

    def _deliver(self, _: None) -> None:
        now = self._chip.env.now // self._period
        if self._armed != now:
            return
        self._armed = None
        for delivery in self.model.advance(now):
            message, by_tile = self._under_way[delivery.message]
            targets = by_tile.pop(delivery.destination)
            if not by_tile:
                del self._under_way[delivery.message]
            self.model.traffic.delivered_bytes += message.size_bytes
            for target in targets:
                target.arrive(message)
        self._arm()

    @property
    def under_way(self) -> int:
        """Messages not yet delivered everywhere."""
        return len(self._under_way)


class Link:
    """A link between neighbouring chips, or to the host: one message after the other."""

    def __init__(self, chip: Chip, name: str, number: int) -> None:
        self._chip = chip
        self._priority = rank(ENTER, number)
        self.name = name
        self.server = Server()
        self.messages = 0
        self.bytes = 0

    def send(self, message: Message, arrive: Callable[[Any], None], argument: object) -> None:
        """Calls `arrive(argument)` when the message is across."""
        env = self._chip.env
        service = self._chip.limits.offchip_ticks(message.size_bytes)
        end = self.server.serve(env.now, service)
        self.messages += 1
        self.bytes += message.size_bytes
        self._chip.observer.slice(-1, self.name, message.origin.name, message.image, message.window, end - service, end)
        Action(env, end - env.now, self._priority, arrive, argument)


class Fabric:
    """Carries a message from its tile to its targets: within a tile at once, within a chip over the mesh, to
    other chips along the chain of links, which it crosses once for all targets beyond."""

    def __init__(self, chip: Chip, chips: int) -> None:
        size = chip.design.chip
        across, down = chip.cluster
        mesh = Mesh(size.tiles, size.mesh_width, across, down)
        self._tiles = size.tiles
        self.meshes = [MeshAdapter(chip, number, mesh) for number in range(chips)]
        self.upward = [Link(chip, f"link {n} to {n + 1}", 2 * n) for n in range(chips)]
        self.downward = [Link(chip, f"link {n} to {n - 1}", 2 * n + 1) for n in range(chips)]

    def send(self, message: Message, targets: Sequence[Target]) -> None:
        """Sends the message from its source to the targets' tiles."""
        self._spread((message, message.source, targets))

    def _spread(self, state: tuple[Message, int, Sequence[Target]]) -> None:
        """The message is at tile `at`; it goes to the targets on this chip, and on towards the others."""
        message, at, targets = state
        number, here = divmod(at, self._tiles)
        local: dict[int, list[Target]] = {}
        above: list[Target] = []
        below: list[Target] = []
        for target in targets:
            chip, tile = divmod(target.tile, self._tiles)
            if target.tile == at:
                target.arrive(message)
            elif chip == number:
                local.setdefault(tile, []).append(target)
            else:
                (above if chip > number else below).append(target)
        if local:
            self.meshes[number].send(message, here, local)
        for beyond, step in ((above, 1), (below, -1)):
            if beyond:
                self._leave(message, number, here, beyond, step)

    def _leave(self, message: Message, number: int, here: int, beyond: list[Target], step: int) -> None:
        """To the gate of this chip, and over the link to the next."""
        link = self.upward[number] if step > 0 else self.downward[number]
        gate = _Gate(link, self._spread, ((number + step) * self._tiles + GATE, beyond), number * self._tiles + GATE)
        if here == GATE:
            gate.arrive(message)
        else:
            self.meshes[number].send(message, here, {GATE: [gate]})


class _Gate:
    """Where a message changes from the mesh to a link."""

    def __init__(self, link: Link, spread: Callable[[Any], None], beyond: tuple[int, list[Target]], tile: int) -> None:
        self._link = link
        self._spread = spread
        self._beyond = beyond
        self.tile = tile

    def arrive(self, message: Message) -> None:
        """The message is at the gate."""
        self._link.send(message, self._spread, (message, *self._beyond))


class NoFabric:
    """Delivers at once: the fabric of `--ideal`."""

    def send(self, message: Message, targets: Sequence[Target]) -> None:
        """The message is where it goes."""
        for target in targets:
            target.arrive(message)

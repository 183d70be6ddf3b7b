"""Links that carry one thing after the other: between chips, to the host, and to memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from archsim.engine.events import ENTER, Action, rank
from archsim.engine.server import Server

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.engine.message import Origin


class Link:
    """A link between neighbouring chips, to the host or to memory; it has as many lanes as `servers`, and window w
    takes lane w modulo their number. `ticks` tells how long a number of bytes takes on one. `unit` is the kind of
    unit it is, `packet_bytes` the most that go at once."""

    def __init__(
        self,
        chip: Chip,
        name: str,
        number: int,
        ticks: Callable[[int], int],
        servers: Sequence[Server] | None = None,
        unit: str = "link",
        packet_bytes: int = 1,
    ) -> None:
        self._chip = chip
        self._priority = rank(ENTER, number)
        self.name = name
        self.unit = unit
        self.packet_bytes = packet_bytes
        self.ticks = ticks
        self.servers = [Server()] if servers is None else servers
        self.sent_bytes = 0
        self.sent_by: dict[int, int] = {}
        self.crossed_bytes = 0

    def send(
        self,
        origin: Origin,
        image: int,
        window: int,
        size_bytes: int,
        arrive: Callable[[Any], None],
        argument: object,
        lane: int | None = None,
    ) -> None:
        """Calls `arrive` with `argument` when `size_bytes` that `origin` made for a window are across, by default on
        the window's own lane."""
        env, lane = self._chip.env, (window if lane is None else lane) % len(self.servers)
        service = self.ticks(size_bytes)
        end = self.servers[lane].serve(env.now, service)
        self.sent_bytes += size_bytes
        self.sent_by[origin.index] = self.sent_by.get(origin.index, 0) + size_bytes
        name = f"{self.name} {lane}" if lane else self.name
        for observer in self._chip.observers:
            observer.slice(-1, name, origin.name, image, window, end - service, end)
        Action(env, end - env.now, self._priority, self._across, (size_bytes, arrive, argument))

    def _across(self, action: Action) -> None:
        size_bytes, arrive, argument = action.argument
        self.crossed_bytes += size_bytes
        arrive(argument)


def ways_in_and_out(chip: Chip) -> tuple[Link, Link]:
    """Where inputs come from and where results go: the host over the off-chip link, or the memory between layers.

    Reads and writes of a DRAM channel share its port; maps in memory subarrays are interleaved over these by
    position, and each has a port of its own.
    """
    placement, limits = chip.placement, chip.limits
    number, memory = 2 * placement.chips, chip.design.memory
    if not placement.from_memory or memory is None:
        host, offchip = limits.offchip_ticks, chip.design.offchip
        most = offchip.packet_bytes if offchip else 1
        return Link(chip, "host in", number, host, packet_bytes=most), Link(chip, "host out", number + 1, host)
    if memory.subarray_bytes is None:
        lanes_in = lanes_out = [Server()]
    else:
        read, written = _map_bytes(chip)
        lanes_in = [Server() for _ in range(-(-read // memory.subarray_bytes))]
        lanes_out = [Server() for _ in range(-(-written // memory.subarray_bytes))]
    return (
        Link(chip, "memory read", number, limits.read_ticks, lanes_in, "memory", memory.burst_bytes),
        Link(chip, "memory write", number + 1, limits.store_ticks, lanes_out, "memory"),
    )


def _map_bytes(chip: Chip) -> tuple[int, int]:
    """Bytes of the maps that a chip reads and writes for an image."""
    stages, size = chip.placement.stages, chip.design.value_bytes
    read = sum(source.grid.size * source.channels for source in stages.inputs)
    return read * size, sum(item.need.windows * item.channels for item in stages.outputs) * size

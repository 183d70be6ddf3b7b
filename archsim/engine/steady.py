"""Finds out that a run repeats itself: the state when an image begins is the one when the last image began.

Everything that decides the future is in the state: what is queued, busy, buffered and waiting, with times
relative to now and images relative to the one that begins. If two states are equal, so is everything after
them, up to the end of the input; the images between need not be simulated.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from archsim.engine.busiest import unit_uses
from archsim.engine.counters import NOTHING, Counters, count
from archsim.engine.findings import Uses
from archsim.engine.job import Job
from archsim.engine.message import Message, message_state
from archsim.mapping.needs import MISSING

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.engine.copies import CopyUnit
    from archsim.engine.port import Port

State = tuple[Hashable, ...]


class SteadyState:
    """Compares the states of a run at the beginnings of its images, unless somebody watches every one of them, or
    copies run other windows in the next image.

    When two are equal, `period` is the time between, and the run is cut to the images that are under way and one
    more: `skipped` images are left out; `counted` is what each of them would have counted, and `worked` for how long
    each unit would have.
    """

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        rotating = any(plan.assignment.rotation for plan in chip.placement.plans)
        self._possible = not (chip.ideal or rotating or chip.observers or chip.images < 4)
        self._last: tuple[int, State, int, Counters, Uses] | None = None
        self.period: int | None = None
        self.skipped = 0
        self.counted = NOTHING
        self.worked: dict[tuple[str, str], int] = {}

    def image_begins(self, image: int) -> None:
        """The first window of the first layer of an image was issued just now."""
        chip = self._chip
        if self.period is not None or not self._possible or image == 0:
            return
        now, state, counters, uses = chip.env.now, snapshot(chip, image), count(chip), unit_uses(chip)
        if self._last is not None and self._last[:2] == (image - 1, state):
            self.period = now - self._last[2]
            self.counted = counters.plus(self._last[3], -1)
            self.worked = {unit: busy - self._last[4][unit][0] for unit, (busy, _) in uses.items()}
            fed = max((host.image for host in chip.inputs), default=image)
            keep = max(fed, image) + 2
            self.skipped = max(chip.images - keep, 0)
            chip.cut(chip.images - self.skipped)
        self._last = (image, state, now, counters, uses)


def snapshot(chip: Chip, image: int) -> State:
    """The state of a chip, relative to now and to `image`."""
    now = chip.env.now
    copies = (copy for stage in chip.stages for copy in stage.copies)
    period = chip.clock.noc or 1
    return (
        now % period,
        tuple(sorted(_event(entry, now, image, chip.clock.cycle) for entry in chip.env.queued)),
        tuple(s.state(now, image) for tile in chip.tiles.values() for s in tile.servers().values()),
        tuple(max(server.free - now, 0) for link in chip.links() for server in link.servers),
        tuple(_port(port, now, image) for port in chip.ports.values()),
        tuple(_copy(copy, now, image) for copy in copies),
        tuple(tuple(sorted((i - image, s, n) for (i, s), n in stage.emitter.open.items())) for stage in chip.stages),
        tuple(stage.turns - image * stage.plan.stage.windows for stage in chip.stages if stage.in_order),
        tuple(host.sent - image * host.slots for host in chip.inputs),
        tuple(adapter.state(now // period, image) for adapter in chip.fabric.meshes),
        chip.output.state(image),
    )


def _event(entry: tuple[int, int, Any], now: int, image: int, floor: int) -> State:
    time, priority, argument = entry
    return time - now, priority, str(_argument(argument, now, image, floor))


def _argument(argument: object, now: int, image: int, floor: int) -> Hashable:
    if isinstance(argument, Job):
        ready, processed = max(argument.ready - now, 0), max(argument.processed + floor - now, 0)
        return argument.image - image, argument.window, argument.missing, ready, processed
    if isinstance(argument, Message):
        return message_state(argument, image)
    if isinstance(argument, tuple | list):
        return tuple(_argument(item, now, image, floor) for item in argument)
    if isinstance(argument, int):
        return max(argument - now, 0)
    return None


def _port(port: Port, now: int, image: int) -> State:
    """What is there and what is needed, from the first value that is still needed on."""
    port.settle()
    shift = image * port.total
    first = port.base
    there = [
        (number - image, slot, max(time - now, 0))
        for number, times in sorted(port.known.items())
        for slot, time in enumerate(times)
        if time != MISSING and number * port.total + port.held[slot] >= first
    ]
    return (
        first - shift,
        max(port.top, first) - shift,
        tuple(base - shift for base in port.bases),
        tuple(there),
        tuple(sorted((i - image, slot, left, max(t - now, 0)) for (i, slot), (left, t) in port.partly().items())),
        tuple(sorted((order - shift, str(message_state(m, image))) for order, _, m in port.queue)),
        tuple(sorted((i - image, slot) for i, slot in port.waiting)),
        tuple((time - now, reader, base - shift) for time, reader, base, _ in port.releases if time > now),
    )


def _copy(copy: CopyUnit, now: int, image: int) -> State:
    return (
        *copy.state(now, image),
        tuple(None if unit.arrays.first is None else unit.arrays.free - now for unit in copy.units),
    )

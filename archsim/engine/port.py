"""A share of a tile's buffer: accepts values by rank, times their arrival, frees them when they are used."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING

from archsim.engine.events import FETCHED, Action, rank
from archsim.engine.server import Server
from archsim.mapping.needs import MISSING, Need

if TYPE_CHECKING:
    from archsim import mapping
    from archsim.engine.chip import Chip
    from archsim.engine.message import Message

UNLIMITED = 1 << 60

# Releases that a port lets pile up before it looks through them.
_MOST_RELEASES = 64


class Port:
    """Values of one source for one consumer on one tile.

    A value of rank r in image k has the absolute rank k x total + r. It is accepted while that is below
    `base + capacity`; `base`, the absolute rank of the first value that a window still needs, is the least over
    the copies that read the port. `spare` is the capacity beyond the least that works.
    """

    def __init__(self, chip: Chip, plan: mapping.Port, name: str, write: Server) -> None:
        self._env = chip.env
        self._observers = chip.observers
        self._limits = chip.limits
        self.tile = plan.tile
        self.name = name
        self.held = plan.held
        self.ranks: list[int] = plan.ranks.tolist()
        self.total = int(plan.held.max(initial=0)) + 1
        self.capacity = chip.limits.capacity(plan)
        self.spare = self.capacity - plan.minimum
        self.span = plan.span
        self.value_bytes = plan.value_bytes
        self.write = write
        self.written_bytes = 0
        self.write_ticks = chip.limits.write_ticks(plan.value_bytes)
        self.base = 0
        self.top = 0
        self.bases: list[int] = []
        self._images: list[int] = []
        self.known: dict[int, list[int]] = {}
        self.partial: dict[tuple[int, int], tuple[int, int]] = {}
        self.queue: list[tuple[int, int, Message]] = []
        self.waiting: dict[tuple[int, int], list[Callable[[], None]]] = {}
        self.releases: list[tuple[int, int, int, int]] = []
        self._priority = rank(FETCHED, plan.tile)

    def join(self, base: int) -> int:
        """A reader joins whose first window needs the value of absolute rank `base` first; answers its number."""
        self.bases.append(base)
        self._images.append(0)
        self.base = min(self.bases)
        return len(self.bases) - 1

    def times(self, image: int) -> list[int]:
        """When each value held of an image is there, MISSING for those that are not (or are not needed)."""
        times = self.known.get(image)
        if times is None:
            times = self.known[image] = [MISSING] * len(self.held)
        return times

    def wait(self, image: int, slot: int, wake: Callable[[], None]) -> None:
        """Calls `wake` when the slot arrives."""
        self.waiting.setdefault((image, slot), []).append(wake)

    def offer(self, message: Message, order: int) -> bool:
        """Reserves room for the value of absolute rank `order`; if there is none the message waits here."""
        if order >= self.base + self.capacity:
            self.settle()
            if order >= self.base + self.capacity:
                if not self.queue:
                    for release in self.releases:
                        self._announce(release[0])
                heapq.heappush(self.queue, (order, message.window, message))
                return False
        if order >= self.top:
            self.top = order + 1
        return True

    @property
    def blocked(self) -> int:
        """How many values wait for room."""
        return len(self.queue)

    def arrive(self, message: Message) -> None:
        """A value reaches the tile: it is written, and is there one read cycle later or when the port is done."""
        now = self._env.now
        service = self.write_ticks if message.run == 1 else self._limits.write_ticks(message.size_bytes)
        written = self.write.serve(now, service)
        self.written_bytes += message.size_bytes
        ready = now + message.floor
        if written > ready:
            ready = written
        message.origin.ended(message.image, ready)
        for observer in self._observers:
            observer.slice(self.tile, "buffer", self.name, message.image, message.window, written - service, written)
        if message.parts is None:
            for slot in range(message.slot, message.slot + message.run):
                self._arrived(message.image, slot, ready)
            return
        for slot in message.parts:
            if self.ranks[slot] >= 0:
                self._part(message, slot, ready)

    def _part(self, message: Message, slot: int, ready: int) -> None:
        """One of the raw results that a pooled value is made of; the value is there when the last is."""
        key = (message.image, slot)
        left, latest = self.partial.pop(key, (message.origin.parts_of(slot), 0))
        latest = max(latest, ready)
        if left > 1:
            self.partial[key] = (left - 1, latest)
        else:
            self._arrived(message.image, slot, latest)

    def _arrived(self, image: int, slot: int, ready: int) -> None:
        """A slot of the source is there."""
        self._there(image, slot, ready)

    def partly(self) -> dict[tuple[int, int], tuple[int, int]]:
        """The values of which a part has arrived: by image and slot the parts missing, and when the last came."""
        return self.partial

    def _there(self, image: int, slot: int, ready: int) -> None:
        """A value that windows wait for is there."""
        self.times(image)[slot] = ready
        if self._observers:
            self._report()
        if (image, slot) in self.waiting:
            for wake in self.waiting.pop((image, slot)):
                wake()

    def release(self, time: int, reader: int, base: int, image: int) -> None:
        """From `time` on a reader, which is at `image`, needs no value below the absolute rank `base` any more.

        It takes effect when a value asks for room; only while values are blocked is there an event for it.
        """
        self.releases.append((time, reader, base, image))
        if self.queue or self._observers:
            self._announce(time)
        elif len(self.releases) > _MOST_RELEASES:
            self.settle()

    def _announce(self, time: int) -> None:
        """Makes an event of a release."""
        Action(self._env, time - self._env.now, self._priority, self._free)

    def settle(self) -> None:
        """Lets the releases up to now take effect."""
        now, later = self._env.now, []
        for release in self.releases:
            time, reader, base, image = release
            if time > now:
                later.append(release)
                continue
            self.bases[reader] = base
            if image != self._images[reader]:
                self._forget(reader, image)
        self.releases = later
        self.base = min(self.bases)

    def _free(self, action: Action) -> None:  # noqa: ARG002
        """Values that were blocked take the room that there is now."""
        self.settle()
        if self._observers:
            self._report()
        while self.queue and self.queue[0][0] < self.base + self.capacity:
            order, _, message = heapq.heappop(self.queue)
            self.top = max(self.top, order + 1)
            message.unblocked(self)

    def _forget(self, reader: int, image: int) -> None:
        """Drops the times of images that every reader is done with."""
        self._images[reader] = image
        oldest = min(self._images)
        for past in [number for number in self.known if number < oldest]:
            del self.known[past]

    def _report(self) -> None:
        for observer in self._observers:
            filled = max(self.top - self.base, 0) * self.value_bytes
            observer.level(self.tile, self.name, self._env.now, filled)


class PoolingPort(Port):
    """Pools values as they arrive: holds one for each window of `need`, there when the last it is pooled from is."""

    def __init__(self, chip: Chip, plan: mapping.Port, name: str, write: Server, need: Need) -> None:
        super().__init__(chip, plan, name, write)
        self._windows: list[list[int]] = [[] for _ in self.ranks]
        self._counts = (need.table >= 0).sum(axis=1).tolist()
        for window, slots in enumerate(need.table.tolist()):
            for slot in slots if plan.held[window] >= 0 else ():
                if slot >= 0:
                    self._windows[slot].append(window)
        self.pooling: dict[tuple[int, int], tuple[int, int]] = {}

    def times(self, image: int) -> list[int]:
        """When each window's value is there; one that is pooled from nothing always is."""
        if image not in self.known:
            self.known[image] = [MISSING if count else 0 for count in self._counts]
        return self.known[image]

    def _arrived(self, image: int, slot: int, ready: int) -> None:
        for window in self._windows[slot]:
            key = (image, window)
            left, latest = self.pooling.pop(key, (self._counts[window], 0))
            latest = max(latest, ready)
            if left > 1:
                self.pooling[key] = (left - 1, latest)
            else:
                self._there(image, window, latest)

    def partly(self) -> dict[tuple[int, int], tuple[int, int]]:
        """The values of which a part has arrived."""
        return self.partial | {(image, -1 - window): state for (image, window), state in self.pooling.items()}

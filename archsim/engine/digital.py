"""The way of a result through the digital units of its home tile: at once, or in visits to the special functions and
to a multiplier of their own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from archsim.engine.events import OUT, Action, rank
from archsim.engine.job import Job
from archsim.engine.server import Server

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.engine.copies import CopyUnit

# After the parts of the other events of a result on its way out.
_PART = 4


class AtOnce:
    """One unit does everything: it is granted first come first served, which needs no event."""

    def __init__(self, copy: CopyUnit, sfu: Server) -> None:
        stage = copy.stage
        self._copy = copy
        self._serve = sfu.serve
        self._ticks = stage.sfu_ticks
        self._floor = stage.sfu_floor
        self._env = stage.chip.env
        self._observers = stage.chip.observers

    def take_up(self, job: Job) -> None:
        """The sums of a window are there."""
        now = self._env.now
        ticks = self._ticks[job.window]
        served = self._serve(now, ticks)
        done = now + self._floor
        copy = self._copy
        for observer in self._observers:
            begun = served - ticks
            observer.slice(copy.home, "sfu", copy.stage.name, job.image, job.window, begun, served)
        copy.processed(job, served if served > done else done)


class InVisits:
    """Several visits to several units, one after the other: each is asked for when the one before is over."""

    def __init__(self, copy: CopyUnit, units: Mapping[str, DigitalUnit]) -> None:
        self.copy = copy
        self.visits = copy.stage.visits
        self._units = units
        self._env = copy.stage.chip.env

    def take_up(self, job: Job) -> None:
        """The sums of a window are there."""
        job.processed = self._env.now + self.copy.stage.sfu_floor
        self.go_on(job, 0)

    def go_on(self, job: Job, number: int) -> None:
        """Visit `number` is the next."""
        now = self._env.now
        visits = self.visits[job.window]
        if number == len(visits):
            self.copy.processed(job, max(now, job.processed))
        else:
            self._units[visits[number][0]].request(Visit(self, job, number, now))


class Visit:
    """A result at a unit: its visit `number` on its `way`, of which `left` ticks are still to be worked.

    The fewer visits are to come the earlier it is served, then first come first served, then by layer and window.
    """

    __slots__ = ("job", "key", "left", "number", "way")

    def __init__(self, way: InVisits, job: Job, number: int, arrived: int) -> None:
        self.way = way
        self.job = job
        self.number = number
        visits = way.visits[job.window]
        self.left = visits[number][1]
        self.key = (len(visits) - number, arrived, way.copy.stage.index, job.image, job.window)

    def state(self, now: int, image: int) -> Hashable:
        """What decides the visit's future, relative to now and to an image."""
        job, stage = self.job, self.way.copy.stage.index
        return stage, job.image - image, job.window, self.number, self.left, max(job.processed - now, 0)


class DigitalUnit(Server):
    """Lanes that take an element each in a clock: of the result that is nearest to its end, so that a later visit
    interrupts an earlier one between two clocks, and nothing waits behind what has only begun."""

    __slots__ = ("_begun", "_chip", "_name", "_period", "_queue", "_running", "_tile")

    def __init__(self, chip: Chip, tile: int, name: str) -> None:
        super().__init__()
        self._chip = chip
        self._tile = tile
        self._name = name
        self._period = chip.clock.sfu
        self._queue: list[tuple[tuple[int, ...], Visit]] = []
        self._running: Visit | None = None
        self._begun = 0

    def request(self, visit: Visit) -> None:
        """A result is there to be worked on, for a time of whole clocks."""
        heappush(self._queue, (visit.key, visit))
        running, now = self._running, self._chip.env.now
        if running is None:
            self._begin()
        elif visit.key[0] < running.key[0]:
            clock_ends = self._begun + -(-(now - self._begun) // self._period) * self._period
            if clock_ends < self.free:
                self._stop(running, clock_ends)

    def _begin(self) -> None:
        _, visit = heappop(self._queue)
        self._running = visit
        self._begun = now = self._chip.env.now
        self._stop(visit, now + visit.left)

    def _stop(self, visit: Visit, time: int) -> None:
        self.free = time
        priority = rank(OUT, visit.way.copy.stage.index, visit.job.window, _PART)
        Action(self._chip.env, time - self._chip.env.now, priority, self._stopped)

    def _stopped(self, _: Action) -> None:
        visit, now = self._running, self._chip.env.now
        if visit is None or now != self.free:
            return  # Where a visit that was interrupted would have ended.
        self._running = None
        visit.left -= now - self._begun
        self._worked(visit, now)
        if visit.left:
            heappush(self._queue, (visit.key, visit))
        if self._queue:
            self._begin()
        if not visit.left:
            visit.way.go_on(visit.job, visit.number + 1)

    def _worked(self, visit: Visit, now: int) -> None:
        self.busy += now - self._begun
        if now == self._begun:
            return
        job, layer = visit.job, visit.way.copy.stage.name
        for observer in self._chip.observers:
            observer.slice(self._tile, self._name, layer, job.image, job.window, self._begun, now)

    def state(self, now: int, image: int) -> Hashable:
        """What decides the unit's future, relative to now and to an image."""
        running = self._running
        at_work = None if running is None else (now - self._begun, running.state(now, image))
        return max(self.free - now, 0), at_work, tuple(visit.state(now, image) for _, visit in sorted(self._queue))

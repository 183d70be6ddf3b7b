"""The timing recurrence where layers use the same arrays: window by window in the order of time, since what one layer
reads delays another.

A window is fetched, in a cycle, as soon as all it needs is there and its copy's input register has room, and read when
its arrays are free: first come first served, at the same time the earlier layer's, then the earlier window. Nothing
that is still unknown can come before the earliest fetch that is known, so that one is served next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np

from archsim.mapping.needs import Integers
from archsim.mapping.placement import StagePlan

INPUT, JOIN, POOL = range(3)
"""What waits for a value: a window before it starts, one before its result leaves, or a pooled value."""

Result = tuple[int, int, int]
"""An image, a source and one of its results."""


@dataclass(slots=True)
class _Waiting:
    """What each window or pooled value still waits for: how many values, and when the latest of the others came."""

    missing: list[int]
    latest: list[int]

    def came(self, place: int, time: int) -> bool:
        """Whether the value at `time` is the last that `place` waited for."""
        self.missing[place] -= 1
        self.latest[place] = max(self.latest[place], time)
        return not self.missing[place]


@dataclass(slots=True)
class _Copy:
    """A copy of a stage: whether a fetch is under way, since when there is none, and when its register has room."""

    register: deque[int]
    busy: bool = False
    since: int = 0


@dataclass(slots=True)
class _Line:
    """Windows that start in this order, each an image, a window and a copy, from `position` on."""

    entries: list[Result]
    position: int = 0
    last_start: int = 0


@dataclass(slots=True)
class Together:
    """Runs `images` images through the stages of `plans`, of which some use the same arrays; `reads` are the read
    cycles of a window of each, `latency` what it takes beyond."""

    plans: tuple[StagePlan, ...]
    reads: list[int]
    latency: int
    images: int
    input_windows: int
    starts: list[list[Integers]] = field(init=False)
    finished: list[list[Integers]] = field(init=False)
    done: list[list[Integers]] = field(init=False)
    _waiting: dict[tuple[int, int, int], _Waiting] = field(init=False, default_factory=dict)
    _readers: dict[tuple[int, int], list[list[tuple[int, int]]]] = field(init=False, default_factory=dict)
    _lines: list[list[_Line]] = field(init=False)
    _copies: list[list[_Copy]] = field(init=False)
    _free: dict[tuple[int, int], int] = field(init=False, default_factory=dict)
    _shared: set[int | None] = field(init=False)
    _fetches: list[tuple[int, int, int, int, int]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Lays out what waits for what; then nothing has run."""
        windows = [plan.stage.windows for plan in self.plans]
        slots = [plan.stage.slot_grid.size for plan in self.plans]
        self.starts = [[np.zeros(size, np.int64) for size in windows] for _ in range(self.images)]
        self.finished = [[np.full(size, -1, np.int64) for size in windows] for _ in range(self.images)]
        self.done = [[np.zeros(size, np.int64) for size in slots] for _ in range(self.images)]
        self._shared = {plan.owner for plan in self.plans}
        room = max(self.input_windows - 1, 1)
        self._copies = [[_Copy(deque([0] * room, maxlen=room)) for _ in plan.copies] for plan in self.plans]
        self._lines = [list(self._lines_of(plan)) for plan in self.plans]
        for plan in self.plans:
            stage = plan.stage
            self._lay_out(stage.index, INPUT, stage.windows, [(i.source, i.need.table) for i in stage.inputs])
            self._lay_out(stage.index, JOIN, stage.windows, [(i.source, i.need.table) for i in stage.joins])
            if stage.pool_need is not None:
                self._lay_out(stage.index, POOL, stage.slot_grid.size, [(stage.index, stage.pool_need.table)])

    def _lines_of(self, plan: StagePlan) -> Iterator[_Line]:
        """One for all copies where they start in raster order, else one for each."""
        assignment, images = plan.assignment, range(self.images)
        if plan.tiling is None:
            return
        if not assignment.in_order:
            for copy in plan.copies:
                yield _Line([(i, w, copy.index) for i in images for w in assignment.windows(copy.index, i).tolist()])
            return
        yield _Line(
            [
                (image, window, int(copy))
                for image in images
                for window, copy in enumerate((assignment.copy_of + image * assignment.rotation) % assignment.copies)
            ]
        )

    def _lay_out(self, stage: int, kind: int, places: int, items: list[tuple[int, Integers]]) -> None:
        """Notes which results of stages `places` wait for; inputs of the network are there at 0."""
        missing = np.zeros(places, np.int64)
        for source, table in items:
            if source < 0:
                continue
            missing += (table >= 0).sum(axis=1)
            readers = self._readers.setdefault((source, kind == POOL), [[] for _ in range(int(table.max()) + 1)])
            readers += [[] for _ in range(int(table.max()) + 1 - len(readers))]
            for place, slot in zip(*np.nonzero(table >= 0), strict=True):
                readers[table[place, slot]].append((stage * 3 + kind, int(place)))
        for image in range(self.images):
            self._waiting[image, stage, kind] = _Waiting(missing.tolist(), [0] * places)

    def run(self) -> None:
        """Every window of every image."""
        for image in range(self.images):
            for plan in self.plans:
                waiting = self._waiting[image, plan.stage.index, INPUT]
                if plan.tiling is None:
                    for window in [window for window, count in enumerate(waiting.missing) if not count]:
                        self._finish((image, plan.stage.index, window), 0)
        for plan in self.plans:
            self._poll(plan.stage.index)
        while self._fetches:
            self._serve(*heappop(self._fetches))

    def _poll(self, stage: int) -> None:
        """Fetches for the windows that are next in line and have all they need."""
        for line in self._lines[stage]:
            while line.position < len(line.entries):
                image, window, number = line.entries[line.position]
                copy, waiting = self._copies[stage][number], self._waiting[image, stage, INPUT]
                if waiting.missing[window] or copy.busy:
                    break
                start = max(waiting.latest[window], copy.register[0], copy.since)
                if len(self._lines[stage]) == 1:
                    start = line.last_start = max(start, line.last_start)
                copy.busy = True
                line.position += 1
                heappush(self._fetches, (start + 1, stage, window, image, number))

    def _serve(self, fetched: int, stage: int, window: int, image: int, number: int) -> None:
        """Reads the arrays for a window that was fetched."""
        plan, copy, reads = self.plans[stage], self._copies[stage][number], self.reads[stage]
        arrays = (stage if plan.owner is None else plan.owner, number)
        begin = max(fetched, self._free.get(arrays, 0))
        self._free[arrays] = begin + reads
        copy.register.append(begin if self.input_windows > 1 else begin + reads - 1)
        copy.busy, copy.since = False, fetched if arrays[0] in self._shared else fetched - 1
        self.starts[image][stage][window] = begin - 1
        self._finish((image, stage, window), begin - 1 + reads + self.latency)
        self._poll(stage)

    def _finish(self, result: Result, time: int) -> None:
        """A raw result is done, and with it all that waited for nothing else."""
        work = deque([(result, time)])
        polled: set[int] = set()
        while work:
            (image, stage, window), at = work.popleft()
            self.finished[image][stage][window] = at
            joins = self._waiting[image, stage, JOIN]
            if not joins.missing[window]:
                self._leave((image, stage, window), max(at, joins.latest[window]), work, polled)
        for stage in polled:
            self._poll(stage)

    def _leave(self, result: Result, time: int, work: deque[tuple[Result, int]], polled: set[int]) -> None:
        """A result leaves: it is a value, or one of those that are pooled."""
        image, stage, window = result
        if self.plans[stage].stage.pool_need is None:
            self._known(result, time, work, polled)
            return
        pool = self._waiting[image, stage, POOL]
        for _, slot in self._readers[stage, True][window]:
            if pool.came(slot, time):
                self._known((image, stage, slot), pool.latest[slot], work, polled)

    def _known(self, result: Result, time: int, work: deque[tuple[Result, int]], polled: set[int]) -> None:
        """A value is there, for all that wait for it."""
        image, source, slot = result
        self.done[image][source][slot] = time
        readers = self._readers.get((source, False), [])
        for key, place in readers[slot] if slot < len(readers) else ():
            stage, kind = divmod(key, 3)
            waiting = self._waiting[image, stage, kind]
            if not waiting.came(place, time):
                continue
            if kind == JOIN:
                at = int(self.finished[image][stage][place])
                if at >= 0:
                    self._leave((image, stage, place), max(at, waiting.latest[place]), work, polled)
            elif self.plans[stage].tiling is None:
                self.starts[image][stage][place] = waiting.latest[place]
                work.append(((image, stage, place), waiting.latest[place]))
            else:
                polled.add(stage)

"""A copy of a stage: takes its windows in order, one after the other, and hands results on."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from archsim.engine.digital import AtOnce, InVisits
from archsim.engine.events import ISSUE, OUT, WINDOW, Action, rank
from archsim.engine.job import Job
from archsim.engine.part import PartUnit
from archsim.engine.port import Port
from archsim.mapping import Copy
from archsim.mapping.needs import MISSING, Need

if TYPE_CHECKING:
    from archsim.engine.stage import StageUnit
    from archsim.engine.tile import Tile

Source = tuple[Port, Need]


class CopyUnit:
    """Issues a window when it is its turn, a result slot is free, the input register has room and every value
    is there; checked in that order, so that it waits for one thing at a time."""

    def __init__(self, stage: StageUnit, copy: Copy, tiles: Sequence[Tile]) -> None:
        self.stage = stage
        self.index = copy.index
        self.home = copy.home
        self.parts = len(copy.parts)
        self._env = stage.chip.env
        self._issue_rank = rank(ISSUE, stage.index, 0, copy.index)
        self._out_rank = rank(OUT, stage.index, 0, 1)
        self._in_order = stage.in_order
        self._leads = stage.index == 0
        self.images = stage.chip.images
        home = tiles[-1]
        digital = InVisits(self, home.gates) if home.gates else AtOnce(self, home.sfu)
        self._take_up = digital.take_up
        self._bus = home.bus
        self.units: list[PartUnit] = []
        self._sources: list[Source] = []
        self._joins: list[tuple[Port, Need, int]] = []
        self.slots = 0
        self._under_way = 0
        self._image = 0
        self._position = 0
        self._windows: list[int] = []
        self._times: list[list[int]] = []
        self.bases: list[list[list[int]]] = []
        self._joining: dict[int, Job] = {}
        self._left: dict[int, Job] = {}
        self._freed = 0
        self._checked = 0
        self._latest = 0
        self._waiting = False
        self._busy = False
        self._fetching = 0
        self._register = deque([0] * max(stage.input_windows - 1, 1), maxlen=max(stage.input_windows - 1, 1))
        self._room = 0
        self.room_at = 0
        self.jobs = 0
        self.joined_bytes = 0
        self.first_issue: int | None = None

    def connect(self, units: list[PartUnit], sources: list[Source], joins: list[Source], slots: int) -> None:
        """The parts, what each window needs before it starts (over all parts) and before it leaves, and how many
        results may be under way."""
        self.units = units
        self._sources = sources
        first = self.stage.first_base
        self._joins = [(port, need, port.join(first(self, port, 0))) for port, need in joins]
        self.slots = slots

    def begin(self, image: int) -> None:
        """Takes up an image; a copy that has no window in it skips it."""
        while image < self.stage.chip.images:
            self._windows = self.stage.windows_of(self.index, image)
            if self._windows:
                break
            image += 1
        self._image, self._position = image, 0
        if image < self.stage.chip.images:
            self.bases = [[self.stage.bases(self, port, image) for port in unit.ports] for unit in self.units]
            self._times = [port.times(image) for port, _ in self._sources]

    @property
    def done(self) -> bool:
        """Whether all windows of all images were issued."""
        return self._image >= self.images

    @property
    def following(self) -> tuple[int, int]:
        """The image and window that come next."""
        return self._image, self._windows[self._position]

    @property
    def results_waiting(self) -> int:
        """Windows issued whose results have not found room everywhere."""
        return self._under_way

    def poll(self) -> None:
        """Issues the next window, or registers with the one thing that it waits for."""
        if self._waiting or self._busy or self._under_way >= self.slots or self._image >= self.images:
            return
        if self._in_order and not self.stage.turn(self):
            return
        window = self._windows[self._position]
        for index in range(self._checked, len(self._sources)):
            port, need = self._sources[index]
            times = self._times[index]
            latest = need.latest(times, window)
            if latest == MISSING:
                self._checked = index
                self._waiting = True
                port.wait(self._image, need.missing(times, window), self._wake)
                return
            if latest > self._latest:
                self._latest = latest
        now = self._env.now
        start = self._latest if self._latest > now else now
        if self._register[0] > start:
            start = self._register[0]
        self._busy = True
        if self._in_order:
            start = self.stage.taken(start)
        Action(self._env, start - now, self._issue_rank + window * WINDOW, self._issue)

    def _wake(self) -> None:
        self._waiting = False
        self.poll()

    def _issue(self, _: Action) -> None:
        now = self._env.now
        image, position = self._image, self._position
        job = Job(image, self._windows[position], position, self.jobs, self.parts)
        job.issued, job.room = now, self.room_at
        self._under_way += 1
        self._fetching = self.parts
        self._room = 0
        self._checked = self._latest = 0
        if not self.jobs:
            self.first_issue = now
        self.jobs += 1
        self.stage.issued(image, job.window)
        for unit in self.units:
            unit.fetch(job, now)
        if self._leads and job.window == 0:
            self.stage.chip.steady.image_begins(image)

    def base_after(self, port: Port, bases: list[int], job: Job) -> int:
        """The absolute rank of the first value that is needed from a port after a job."""
        following = job.position + 1
        if following < len(bases):
            return job.image * port.total + bases[following]
        return self.stage.first_base(self, port, job.image + 1)

    def fetched(self, start: int, end: int) -> None:
        """A part has its window and reads it from `start` to `end`; when all have, the next one's turn comes.

        The input register holds `input_windows` windows, the one being read among them; with one, the next fetch
        may overlap the last read cycle only.
        """
        room = start if self.stage.input_windows > 1 else end - self.stage.fetch_floor
        if room > self._room:
            self._room = room
        self._fetching -= 1
        if self._fetching:
            return
        self._register.append(self._room)
        self._busy = False
        self._position += 1
        if self._position == len(self._windows):
            self.begin(self._image + 1)
        self.poll()

    def summed(self, action: Action) -> None:
        """The home part's own sums are there."""
        self._collect(action.argument, self._env.now)

    def gathered(self, job: Job) -> None:
        """Another part's sums are there, and are added in a cycle."""
        self._collect(job, self._env.now + self.stage.gather_ticks)

    def _collect(self, job: Job, ready: int) -> None:
        if ready > job.ready:
            job.ready = ready
        job.missing -= 1
        if job.missing:
            return
        now = self._env.now
        if job.ready <= now:
            self._take_up(job)
        else:
            priority = rank(OUT, self.stage.index, job.window, 0)
            Action(self._env, job.ready - now, priority, lambda action: self._take_up(action.argument), job)

    def processed(self, job: Job, done: int) -> None:
        """The tile's digital units are done with a result at `done`."""
        now, stage = self._env.now, self.stage
        job.processed = done
        step = self._leave
        if self._joins:
            self._joining[job.number] = job
            step = self._join
            stage.joined(job.image, done + stage.write_floor)
        Action(self._env, done - now, self._out_rank + job.window * WINDOW, step, job)

    def _join(self, action: Action) -> None:
        """Waits for the operands of joins, and reads them from the buffer."""
        job, now, latest = action.argument, self._env.now, 0
        for port, need, _ in self._joins:
            times = port.times(job.image)
            time = need.latest(times, job.window)
            if time == MISSING:
                port.wait(job.image, need.missing(times, job.window), lambda: self._join(action))
                return
            latest = max(latest, time)
        if latest > now:
            Action(self._env, latest - now, rank(OUT, self.stage.index, job.window, 2), self._join, job)
            return
        size, ticks = self.stage.join_reads[job.window]
        self.joined_bytes += size
        read = self._bus.serve(now, ticks)
        Action(self._env, read - now, rank(OUT, self.stage.index, job.window, 3), self._leave, job)

    def _leave(self, action: Action) -> None:
        job, now, stage = action.argument, self._env.now, self.stage
        if self._joins:
            self._release_joins(job)
        floor = job.processed + stage.write_floor - now
        if floor < 0:
            floor = 0
        stage.ended(job.image, now + floor)
        stage.emitter.emit(self.home, job.image, job.window, floor, self._accepted)

    def _release_joins(self, job: Job) -> None:
        """Results may leave out of order; operands of joins are freed in order."""
        self._left[job.number] = self._joining.pop(job.number)
        while self._freed in self._left:
            last = self._left.pop(self._freed)
            self._freed += 1
            for port, _, reader in self._joins:
                bases = self.stage.bases(self, port, last.image)
                port.release(self._env.now, reader, self.base_after(port, bases, last), last.image)

    def _accepted(self) -> None:
        """A result has room at every destination: its slot is free."""
        self._under_way -= 1
        if self._under_way == self.slots - 1:
            self.room_at = self._env.now
        self.poll()

    def state(self, now: int, image: int) -> tuple[Hashable, ...]:
        """What decides the copy's future, relative to now and to an image."""
        return (
            self._image - image,
            self._position,
            self._checked,
            max(self._latest - now, 0),
            self._waiting,
            self._busy,
            self._fetching,
            tuple(max(time - now, 0) for time in self._register),
            max(self._room - now, 0),
            self._under_way,
            max(self.room_at - self.units[-1].arrays.free, 0),
            tuple(sorted(number - self._freed for number in self._left)),
            tuple((job.window, max(job.processed + self.stage.write_floor - now, 0)) for job in self._joining.values()),
        )

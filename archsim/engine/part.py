"""The arrays of a copy in one tile: fetches a window over the tile's bus, then reads the arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archsim.engine.events import FETCHED, SUMMED, WINDOW, Action, rank
from archsim.engine.job import Job
from archsim.engine.message import Message
from archsim.engine.port import Port
from archsim.mapping import PARTIAL_SUM_BYTES, Part

if TYPE_CHECKING:
    from archsim.engine.copies import CopyUnit
    from archsim.engine.tile import Tile


CAUSES = ("buffer", "data", "bus", "adc")
"""What the arrays of a copy can wait for, in the order in which a window does."""


class PartUnit:
    """One tile job a window: the fetch, S read cycles, and then the sums, or partial sums sent home."""

    def __init__(self, copy: CopyUnit, number: int, part: Part, tile: Tile, ports: Sequence[Port]) -> None:
        stage, chip = copy.stage, copy.stage.chip
        self._copy = copy
        self._stage = stage
        self._chip = chip
        self._env = chip.env
        self._observers = chip.observers
        self._read_observers = chip.observers if stage.reads else ()
        self._fetched_rank = rank(FETCHED, stage.index, 0, number)
        self._summed_rank = rank(SUMMED, stage.index, 0, number)
        self._bus = tile.bus
        self._sets = tile.adc_sets(part)
        self.tile = tile.number
        self.ports = ports
        self.readers = [port.join(stage.first_base(copy, port, 0)) for port in ports]
        self._fetches = stage.fetches(part.inputs)
        self.reads = stage.reads * max((count for _, count in self._sets), default=1)
        self.window_bytes = part.inputs * chip.design.value_bytes
        self.partial_bytes = part.outputs * PARTIAL_SUM_BYTES
        self._home = number == copy.parts - 1
        self._number = number
        self._thread = f"arrays {stage.name} {copy.index}"
        self.free = 0
        self.busy = 0
        self.fetched_bytes = 0
        self.first: int | None = None
        self.stalls: dict[str, int] = {}

    def fetch(self, job: Job, now: int) -> None:
        """Takes the window from the tile's buffer into the input register, and reads the arrays then.

        Nobody else waits for these arrays, so the reads need no event of their own, unless other arrays share
        their ADCs: then they are granted in the order in which fetches end.
        """
        size, ticks = self._fetches[job.window]
        self.fetched_bytes += size
        served = self._bus.serve(now, ticks)
        end = now + self._stage.fetch_floor
        if served > end:
            end = served
        for observer in self._observers:
            begun = served - ticks
            observer.slice(self.tile, "bus", self._stage.name, job.image, job.window, begun, served)
        for port, reader, bases in zip(self.ports, self.readers, self._copy.bases[self._number], strict=True):
            base = self._copy.base_after(port, bases, job)
            port.release(end, reader, base, job.image)
        if self._sets:
            Action(self._env, end - now, self._fetched_rank + job.window * WINDOW, self._fetched, job)
        else:
            self._read(job, now, end, self.free if self.free > end else end)

    def _fetched(self, action: Action) -> None:
        """Waits for the shared ADC sets."""
        now = self._env.now
        start = max(now, self.free, *(server.free for server, _ in self._sets))
        for server, count in self._sets:
            server.serve(start, count * self._stage.reads)
        self._read(action.argument, now, now, start)

    def _read(self, job: Job, now: int, fetched: int, start: int) -> None:
        """The arrays are read from `start` on, for a window that was there at `fetched`."""
        copy, stage = self._copy, self._stage
        if start != self.free:
            self._account(job, fetched, start)
        end = self.free = start + self.reads
        self.busy += self.reads
        for observer in self._read_observers:
            observer.slice(self.tile, self._thread, stage.name, job.image, job.window, start, end)
        ready = end + stage.convert_ticks
        priority = self._summed_rank + job.window * WINDOW
        if self._home:
            Action(self._env, ready - now, priority, copy.summed, job)
        else:
            Action(self._env, ready - stage.gather_ticks - now, priority, self._send_home, job)
        copy.fetched(start, end)

    def _send_home(self, action: Action) -> None:
        """Partial sums go to the home tile, which adds them in its own shift-and-add cycle."""
        copy, job = self._copy, action.argument
        message = Message(self._stage, self.tile, job.image, job.window, 0, None, self.partial_bytes, 0, _nothing)
        self._chip.fabric.send(message, self.tile, [_Gather(copy, job)])

    def _account(self, job: Job, fetched: int, start: int) -> None:
        """Divides the time since the last read among what it waited for; before the first read it was idle."""
        if self.first is None:
            self.first = start
            return
        since = self.free
        times = (job.room, job.issued + self._stage.fetch_floor, fetched, start)
        for cause, until in zip(CAUSES, times, strict=True):
            if until > since:
                self.stalls[cause] = self.stalls.get(cause, 0) + min(until, start) - since
                since = min(until, start)

    def idle(self, end: int) -> int:
        """Ticks before the first read and after the last."""
        return end if self.first is None else self.first + end - self.free


class _Gather:
    """The home tile's shift-and-add, waiting for partial sums of a job."""

    def __init__(self, copy: CopyUnit, job: Job) -> None:
        self._copy = copy
        self._job = job
        self.tile = copy.home

    def arrive(self, message: Message) -> None:  # noqa: ARG002
        """Partial sums are there; adding them takes a cycle."""
        self._copy.gathered(self._job)


def _nothing() -> None:
    """Partial sums always have room: the home tile's copy keeps an output slot for them."""

"""The arrays of a copy in one tile: fetches a window over the tile's bus, then reads the arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archsim.engine.arrays import Arrays
from archsim.engine.events import FETCHED, SUMMED, WINDOW, Action, rank
from archsim.engine.job import Job
from archsim.engine.message import Message
from archsim.engine.port import Port
from archsim.mapping import PARTIAL_SUM_BYTES, Part

if TYPE_CHECKING:
    from archsim.engine.copies import CopyUnit
    from archsim.engine.tile import Tile


class PartUnit:
    """One tile job a window: the fetch, S read cycles, and then the sums, or partial sums sent home."""

    def __init__(
        self,
        copy: CopyUnit,
        number: int,
        part: Part,
        tile: Tile,
        ports: Sequence[Port],
        arrays: Arrays,
        *,
        shared: bool,
    ) -> None:
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
        self._queues = bool(self._sets) or shared
        self.arrays = arrays
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
        self.fetched_bytes = 0

    def fetch(self, job: Job, now: int) -> None:
        """Takes the window from the tile's buffer into the input register, and reads the arrays then.

        Nobody else waits for these arrays, so the reads need no event of their own, unless other layers use them or
        other arrays share their ADCs: then they are granted in the order in which fetches end.
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
        if self._queues:
            Action(self._env, end - now, self._fetched_rank + job.window * WINDOW, self._fetched, job)
        else:
            free = self.arrays.free
            self._read(job, now, end, free if free > end else end)

    def _fetched(self, action: Action) -> None:
        """Waits for the arrays and the shared ADC sets."""
        now = self._env.now
        start = max(now, self.arrays.free, *(server.free for server, _ in self._sets))
        for server, count in self._sets:
            server.serve(start, count * self._stage.reads)
        self._read(action.argument, now, now, start)

    def _read(self, job: Job, now: int, fetched: int, start: int) -> None:
        """The arrays are read from `start` on, for a window that was there at `fetched`."""
        copy, stage = self._copy, self._stage
        end = self.arrays.read(job, job.issued + stage.fetch_floor, fetched, start, self.reads)
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

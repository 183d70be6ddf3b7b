"""A stage at run time: its copies, whose turn it is, and what has been counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archsim.engine.emitter import Emitter
from archsim.engine.port import UNLIMITED, Port
from archsim.mapping import StagePlan
from archsim.mapping.needs import Need, first_needed

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.engine.copies import CopyUnit


class StageUnit:
    """Shared by the copies of a stage.

    The ticks of the pipeline: `fetch_floor`, `sfu_floor` and `write_floor` are the read cycle that a stage of the
    pipeline takes at least; `convert_ticks` lie between the last read and the special functions, the last
    `gather_ticks` of them for the sums of other parts. A vector stage has none of these.
    """

    emitter: Emitter

    def __init__(self, chip: Chip, plan: StagePlan) -> None:
        self.chip = chip
        self.plan = plan
        self.index = plan.stage.index
        self.name = plan.stage.name
        self.input_windows = chip.design.pe.input_windows
        self.in_order = plan.assignment.in_order and not (chip.ideal and plan.tiling is None)
        cycle = chip.clock.cycle if plan.tiling else 0
        converting = chip.design.pipeline.latency_cycles - 3
        self.reads = plan.read_cycles * cycle
        self.fetch_floor = self.sfu_floor = self.write_floor = cycle
        self.convert_ticks = converting * cycle
        self.gather_ticks = min(converting, 1) * cycle
        self.visits = chip.limits.visits(plan.stage.sfu_layers, plan)
        self.sfu_ticks = [sum(ticks for _, ticks in each) for each in self.visits]
        self.join_reads = self._join_reads()
        self.copies: list[CopyUnit] = []
        self._last_start = 0
        self.seen = [[0, 0, 0] for _ in range(chip.images)]
        self.first_image_end = 0
        self.first_image_own_end = 0
        self.turns = 0
        self._turning = False
        self._windows: dict[tuple[int, int], list[int]] = {}
        self._bases: dict[tuple[int, Port, int], list[int]] = {}
        self._needs: dict[Port, Need] = {}
        self._fetches: dict[int, list[tuple[int, int]]] = {}

    def _join_reads(self) -> list[tuple[int, int]]:
        """Bytes of each window's operands of joins, and their time on the bus (not every window need have one)."""
        channels = np.zeros(self.plan.stage.windows, np.int64)
        for item in self.plan.stage.joins:
            channels += item.channels * (item.need.table >= 0).any(axis=1)
        size, ticks = self.chip.design.value_bytes, self.chip.limits.bus_ticks
        by_channels = {number: (number * size, ticks(number * size)) for number in np.unique(channels).tolist()}
        return [by_channels[number] for number in channels.tolist()]

    def fetches(self, inputs: int) -> list[tuple[int, int]]:
        """Bytes and ticks of each window's fetch, of `inputs` values if it has none of them yet."""
        if inputs not in self._fetches:
            size, ticks = self.chip.design.value_bytes, self.chip.limits.bus_ticks
            values = -(-inputs * self.plan.fresh // self.plan.positions)
            by_values = {number: (number * size, ticks(number * size)) for number in np.unique(values).tolist()}
            self._fetches[inputs] = [by_values[number] for number in values.tolist()]
        return self._fetches[inputs]

    def reads_port(self, port: Port, need: Need) -> None:
        """Windows need `need` of what `port` holds."""
        self._needs[port] = need

    def windows_of(self, copy: int, image: int) -> list[int]:
        """The windows of a copy in an image, in the order in which it runs them: raster order, but without limits
        those of a vector stage as they are ready, so that it adds nothing."""
        assignment = self.plan.assignment
        ready = self.chip.ready if self.plan.tiling is None else None
        key = (copy, image if ready is not None else image * assignment.rotation % assignment.copies)
        if key not in self._windows:
            windows = assignment.windows(copy, image)
            if ready is not None:
                windows = windows[np.argsort(ready[image][self.index][windows], kind="stable")]
            self._windows[key] = windows.tolist()
        return self._windows[key]

    def bases(self, copy: CopyUnit, port: Port, image: int) -> list[int]:
        """For each window of a copy in an image, the rank of the first value that it or a later one needs (0 where
        buffers have no limit)."""
        assignment = self.plan.assignment
        if self.chip.ideal:
            return [0] * len(self.windows_of(copy.index, image))
        key = (copy.index, port, image * assignment.rotation % assignment.copies)
        if key not in self._bases:
            windows = np.array(self.windows_of(copy.index, image), np.int64)
            ever = assignment.ever((copy.index,)) if assignment.rotation else windows
            least = first_needed(self._needs[port].table[ever], port.held, port.total)
            self._bases[key] = least[np.searchsorted(ever, windows)].tolist()
        return self._bases[key]

    def first_base(self, copy: CopyUnit, port: Port, image: int) -> int:
        """The absolute rank of the first value that a copy needs from an image on."""
        while image < self.chip.images:
            bases = self.bases(copy, port, image)
            if bases:
                return image * port.total + bases[0]
            image += 1
        return UNLIMITED

    def turn(self, copy: CopyUnit) -> bool:
        """Whether it is a copy's turn, in raster order over all copies."""
        return self.turns % len(self.copies) == copy.index

    def taken(self, start: int) -> int:
        """In raster order over all copies, a window that could start at `start` starts no earlier than the one
        before; then the next one's turn comes. Answers when the window starts."""
        self._last_start = start = max(start, self._last_start)
        self.turns += 1
        self._poll_turns()
        return start

    def _poll_turns(self) -> None:
        """Polls the copies whose turn it is, until one has to wait."""
        if self._turning:
            return
        self._turning = True
        turn = -1
        while turn != self.turns:
            turn = self.turns
            self.copies[turn % len(self.copies)].poll()
        self._turning = False

    def begin(self) -> None:
        """All copies look for their first window."""
        for copy in self.copies:
            copy.begin(0)
        for copy in self.copies:
            copy.poll()

    @property
    def first_issue(self) -> int:
        """When the first window started."""
        return min(copy.first_issue for copy in self.copies if copy.first_issue is not None)

    def issued(self, image: int, window: int) -> None:
        """A window starts: counts it, its number and the square of that."""
        seen = self.seen[image]
        seen[0] += 1
        seen[1] += window
        seen[2] += window * window

    def ended(self, image: int, time: int) -> None:
        """A value of an image is in a buffer at `time`."""
        if image == 0 and time > self.first_image_end:
            self.first_image_end = time

    def joined(self, image: int, own_end: int) -> None:
        """A result that would have been in a buffer at `own_end` goes on to wait for the operands of joins."""
        if image == 0 and own_end > self.first_image_own_end:
            self.first_image_own_end = own_end

    def parts_of(self, slot: int) -> int:
        """How many raw results make a pooled value."""
        return self.emitter.parts_of(slot)

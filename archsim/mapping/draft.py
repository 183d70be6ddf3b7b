"""A network divided, tiled, copied and assigned, before anything has a place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from archsim.graph import Graph, MatrixLayer, Sliding
from archsim.hardware import Design
from archsim.hardware.units import period_ns
from archsim.mapping.assignment import ASSIGNMENTS, Assignment
from archsim.mapping.needs import Integers
from archsim.mapping.reuse import REUSES
from archsim.mapping.sharing import Sharing
from archsim.mapping.spans import WHOLE, Span
from archsim.mapping.stages import Stages
from archsim.mapping.tiling import FILTER_ROWS, Share, Tiling, share
from archsim.mapping.uses import Uses
from archsim.mapping.vector_work import busiest_cycles


@dataclass(frozen=True)
class Draft:
    """What `place` has decided before packing: tilings and copies of the matrix stages, by stage index; which of them
    use the same arrays; how many arrays a tile takes, and which share converters.

    A stage `alone` reads from memory and begins anew with each image. `spread` are the copies at least of stages whose
    part of a map is too large for a tile's buffer.
    """

    graph: Graph
    design: Design
    stages: Stages
    tilings: dict[int, Tiling]
    copies: dict[int, int]
    tile_arrays: int
    sharing: Sharing
    uses: Uses
    alone: bool = False
    spread: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def assignments(self) -> dict[int, Assignment]:
        """The assignment of each stage; a vector stage has as many copies as the stage it reads first."""
        assign = ASSIGNMENTS[self.design.copies.assignment]
        counts = dict(self.copies)
        result = {}
        for stage in self.stages.stages:
            if stage.matrix is None:
                source = stage.inputs[0].source if stage.inputs else -1
                wanted = max(counts.get(source, 1), self.spread.get(stage.index, 1))
                counts[stage.index] = min(wanted, stage.windows)
            made = assign(stage.grid, counts[stage.index])
            result[stage.index] = replace(made, rotation=0) if self.alone else made
        return result

    def users(self, index: int) -> tuple[int, ...]:
        """The stages that use the arrays which stage number `index` was the first to use; a vector stage by itself."""
        return self.uses.get(index, (index,))

    def share(self, index: int, start: int, stop: int) -> Share:
        """What the arrays `start` to `stop` of a copy of a matrix stage read and give."""
        key = (index, start, stop)
        if key not in self._shares:
            matrix = self.stages.stages[index].matrix
            assert matrix is not None
            self._shares[key] = share(matrix, self.tilings[index], self.design, start, stop)
        return self._shares[key]

    def span(self, index: int, start: int, stop: int) -> Span:
        """The channels of the input that arrays of a copy read, first and last (exclusive); all of them for a
        vector stage, and where several tensors make the input."""
        stage = self.stages.stages[index]
        if stage.matrix is None or len(stage.inputs) != 1 or not self._by_channel(stage.matrix):
            return WHOLE
        channels = stage.inputs[0].channels
        rows_per_channel, odd = divmod(stage.matrix.rows * stage.matrix.groups, channels)
        if odd:
            return WHOLE
        read = self.share(index, start, stop)
        return Span(read.first_row // rows_per_channel, -(-read.last_row // rows_per_channel))

    def _by_channel(self, matrix: MatrixLayer) -> bool:
        """Whether neighbouring rows of a matrix belong to one channel."""
        return FILTER_ROWS[self.design.tiling.filter_rows].by_channel or not isinstance(matrix.access, Sliding)

    def fresh(self, index: int) -> tuple[Integers, int]:
        """How many of a kernel's positions each window of a matrix stage fetches from the buffer, by
        `pe.input_reuse`, and how many there are; where they are not those of one map, the kernel counts as one."""
        stage = self.stages.stages[index]
        if not stage.inputs:
            return np.ones(stage.windows, np.int64), 1
        access = stage.matrix.access if stage.matrix else None
        table = stage.inputs[0].need.table
        one_map = all(np.array_equal(item.need.table, table) for item in stage.inputs[1:])
        if isinstance(access, Sliding) and one_map and table.shape[1] == math.prod(access.kernel):
            reuse = REUSES[self.design.pe.input_reuse]
            return reuse(access, stage.grid, table, self.assignments[index].copy_of), int(table.shape[1])
        return np.ones(stage.windows, np.int64), 1

    @cached_property
    def _shares(self) -> dict[tuple[int, int, int], Share]:
        return {}

    @cached_property
    def sfu_loads(self) -> dict[int, float]:
        """The share of the fastest possible interval for which one copy of each matrix stage keeps the special
        functions of its home tile (or its multiplier, if that has more to do) busy."""
        slots = {index: int(np.bincount(self.assignments[index].copy_of).max()) for index in self.copies}
        each = (sum(slots[use] for use in uses) * self.tilings[first].read_cycles for first, uses in self.uses.items())
        cycles = max(each, default=0)
        interval_ns = cycles * self.design.cycle_ns
        loads = {}
        for index in self.copies:
            stage = self.stages.stages[index]
            cycles = busiest_cycles(stage.sfu_layers, stage.windows, self.design)
            loads[index] = float(slots[index] * cycles * period_ns(self.design.sfu.clock_ghz) / interval_ns)
        return loads

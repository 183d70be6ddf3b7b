"""How much of a tile's buffer each consumer needs at least, and what it gets.

A port is the share of a tile's buffer that holds values of one source for one consumer. A value is accepted
while its rank among the port's values is below the rank of the first value still needed plus the capacity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from archsim.hardware import Design
from archsim.mapping.assignment import Assignment
from archsim.mapping.needs import Integers
from archsim.mapping.production import PortKey, Production, items, on_demand
from archsim.mapping.spans import Span
from archsim.mapping.stages import Stage, Stages


@dataclass(frozen=True, slots=True)
class PortNeed:
    """A port before it has a size.

    `ranks` are those of its source's slots (-1 for those it does not need), `held` those of what it holds: the same,
    or, where it pools what arrives, those of the pooled values; the rank of a slot is then that of the last pooled
    value it is part of. `minimum` is the fewest values it must hold.
    """

    key: PortKey
    channels: int
    ranks: Integers
    held: Integers
    minimum: int

    @property
    def total(self) -> int:
        """All the values it ever holds of an image."""
        return int(self.held.max(initial=0)) + 1


class Buffers:
    """Computes port needs for any set of a stage's copies, where values are produced in an `order`; remembers what it
    computed."""

    def __init__(
        self, stages: Stages, assignments: dict[int, Assignment], design: Design, order: Production = on_demand
    ) -> None:
        self._stages = stages
        self._assignments = assignments
        self._design = design
        self._produced = order(stages)
        self.ports = cache(self._ports)
        self._highest = cache(self._highest_slot)
        self._first = cache(self._first_slot)

    def minimum_bytes(self, stage: int, copies: tuple[int, ...], homes: tuple[int, ...], span: Span) -> int:
        """The least share of a tile that fetches `span` of each value for `copies` of a stage and is home to `homes`
        of them."""
        values = sum(
            port.minimum * span.within(port.channels).channels for port in self.ports(stage, copies, joins=False)
        )
        if homes:
            values += sum(port.minimum * port.channels for port in self.ports(stage, homes, joins=True))
        return values * self._design.value_bytes

    def _ports(self, stage_index: int, copies: tuple[int, ...], joins: bool) -> tuple[PortNeed, ...]:
        """The ports of a tile that holds these copies: its inputs, or the joins of those it is home to."""
        stage = self._stages.stages[stage_index]
        windows = self._windows(stage_index, copies)
        chosen = range(len(stage.inputs), len(items(stage))) if joins else range(len(stage.inputs))
        return tuple(
            (self._pooling_port if items(stage)[number].pooled else self._port)(stage, number, windows)
            for number in chosen
        )

    def _windows(self, stage: int, copies: tuple[int, ...]) -> Integers:
        return self._assignments[stage].ever(copies)

    def _port(self, stage: Stage, number: int, windows: Integers) -> PortNeed:
        item = items(stage)[number]
        table = item.need.table[windows]
        needed = np.zeros(item.need.slots + 1, bool)
        needed[table] = True
        needed[-1] = False
        ranks = np.cumsum(needed) - 1
        total = int(needed.sum())
        # ranks rise with the slots
        first = self._first(stage.index, number)[windows]
        bases = np.minimum.accumulate(np.where(first < 0, total, ranks[first])[::-1])[::-1]
        top = self._top(stage, number, ranks)[windows]
        minimum = max(int((top - bases).max(initial=0)) + 1, 1)
        ranks[~needed] = -1
        return PortNeed((stage.index, number), item.channels, ranks[:-1], ranks[:-1], min(minimum, max(total, 1)))

    def _pooling_port(self, stage: Stage, number: int, windows: Integers) -> PortNeed:
        item = items(stage)[number]
        order = np.arange(len(windows))
        ranks = np.full(item.need.slots + 1, -1)
        np.maximum.at(ranks, item.need.table[windows], order[:, None])
        held = np.full(stage.windows, -1)
        held[windows] = order
        top = self._top(stage, number, np.maximum.accumulate(ranks[:-1]))[windows]
        minimum = max(int((top - order).max(initial=0)) + 1, 1)
        return PortNeed((stage.index, number), item.channels, ranks[:-1], held, min(minimum, max(len(windows), 1)))

    def _top(self, stage: Stage, number: int, ranks: Integers) -> Integers:
        """For each window of a stage, the highest of `ranks` (ascending by slot) among what its source has produced
        when the window starts; -1 for nothing."""
        item = items(stage)[number]
        highest = np.append(-1, self._highest(item.source, item.need.slots))[self._produced[stage.index, number]]
        return np.where(highest >= 0, ranks[highest], -1)

    def _first_slot(self, stage: int, number: int) -> Integers:
        """The first slot that each window of a stage needs of an input, -1 for none."""
        table = items(self._stages.stages[stage])[number].need.table
        first = np.where(table < 0, np.iinfo(np.int64).max, table).min(axis=1, initial=np.iinfo(np.int64).max)
        return np.where(first == np.iinfo(np.int64).max, -1, first)

    def _highest_slot(self, source: int, slots: int) -> Integers:
        """The highest slot that any of the first raw results of a source contributes to."""
        stage = self._stages.stages[source] if source >= 0 else None
        if stage is None or stage.pool_need is None:
            return np.arange(slots)
        highest = np.zeros(stage.windows + 1, np.int64)
        table = stage.pool_need.table
        np.maximum.at(highest, table, np.arange(len(table))[:, None])
        return np.maximum.accumulate(highest[:-1])

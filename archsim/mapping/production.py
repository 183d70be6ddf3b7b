"""In which order a frugal chip would produce values, and so how many must wait in a buffer at least.

The order is demand-driven: a window runs only when a later one needs it, all producers in raster order. It is
one that completes; and because waiting for room only ever delays a window, never disables it, a port that
holds what this order holds keeps every other order free of deadlock too (bounded dataflow is confluent).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archsim.mapping.needs import Integers
from archsim.mapping.stages import Stage, StageInput, Stages

PortKey = tuple[int, int]
"""A stage and the index of one of its inputs, the joins counted on after the inputs."""


def items(stage: Stage) -> tuple[StageInput, ...]:
    """The inputs of a stage, then its joins."""
    return (*stage.inputs, *stage.joins)


def last_raw(stages: Stages, source: int, slots: Integers) -> Integers:
    """The last raw result that each of `slots` (-1: none) is made of; without a pool that is the slot."""
    stage = stages.stages[source] if source >= 0 else None
    if stage is None or stage.pool_need is None:
        return slots
    last = stage.pool_need.table.max(axis=1, initial=-1)
    return np.append(last, -1)[slots]


def required(stages: Stages, item: StageInput) -> Integers:
    """How many raw results of the source must be there for each window of `item`, in raster order."""
    last = last_raw(stages, item.source, item.need.table).max(axis=1, initial=-1)
    return np.maximum.accumulate(last) + 1


def produced(stages: Stages) -> dict[PortKey, Integers]:
    """For each input of each stage and each window: the raw results its source has produced when the window
    starts, in the demand-driven order."""
    wanted = {(s.index, i): required(stages, item) for s in stages.stages for i, item in enumerate(items(s))}
    readers: dict[int, int] = {}
    for stage in stages.stages:
        for item in items(stage):
            readers[item.source] = readers.get(item.source, 0) + 1
    chain = all(count == 1 for count in readers.values()) and all(len(items(s)) == 1 for s in stages.stages)
    return wanted if chain else _demand(stages, wanted)


Feed = tuple[int, list[int], list[int]]
"""A source, how much of it each window needs, and where to note how much there was when the window ran."""


def _demand(stages: Stages, wanted: dict[PortKey, Integers]) -> dict[PortKey, Integers]:
    """Runs the demand-driven order, window by window, all that is demanded at a time side by side."""
    seen: dict[PortKey, list[int]] = {key: [] for key in wanted}
    feeds: dict[int, list[Feed]] = {
        s.index: [(item.source, wanted[s.index, i].tolist(), seen[s.index, i]) for i, item in enumerate(items(s))]
        for s in stages.stages
    }
    done = dict.fromkeys([*(source.index for source in stages.inputs), *feeds], 0)

    def work(index: int, count: int) -> Iterator[tuple[int, int]]:
        """Runs a source until it has produced `count`; yields what others must have produced before."""
        mine = feeds.get(index, [])
        while done[index] < count:
            window = done[index]
            missing = [(source, needed[window]) for source, needed, _ in mine if done[source] < needed[window]]
            if len(missing) == 1:
                yield missing[0]
            elif missing:
                yield from _together(done, missing)
            for source, _, noted in mine:
                noted.append(done[source])
            done[index] = window + 1

    ends = sorted({output.source for output in stages.outputs if output.source >= 0})
    all_of = [(index, stages.stages[index].windows) for index in ends]
    rest = [(stage.index, stage.windows) for stage in reversed(stages.stages)]
    stack = [_together(done, [*all_of, *rest])]
    while stack:
        for source, target in stack[-1]:
            if source < 0:
                done[source] = max(done[source], target)
            elif done[source] < target:
                stack.append(work(source, target))
                break
        else:
            stack.pop()
    return {key: np.array(counts, np.int64) for key, counts in seen.items()}


def _together(done: dict[int, int], targets: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Demands of several sources that lead each to its target, side by side, each at the same share of its way."""
    ways = [(source, done[source], target) for source, target in targets if done[source] < target]
    longest = max([target - begin for _, begin, target in ways], default=0)
    for step in range(1, longest + 1):
        for source, begin, target in ways:
            yield source, begin - (begin - target) * step // longest

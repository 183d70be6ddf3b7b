"""In which order a frugal chip would produce values, and so how many must wait in a buffer at least.

By demand, a window runs only when a later one needs it; as inputs come, when they allow it; all producers in raster
order. Either order completes; and because waiting for room only ever delays a window, never disables it, a port that
holds what one of them holds keeps every other order free of deadlock too (bounded dataflow is confluent). Demand holds
values back where they are many, before the layers that make fewer of them; but where some layers wait for much more of
an input than others (as the lowest of several octaves does), it keeps all of the input waiting with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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


Production = Callable[[Stages], dict[PortKey, Integers]]
"""For each input of each stage and each window: the raw results its source has produced when the window starts."""


def _wanted(stages: Stages) -> dict[PortKey, Integers]:
    return {(s.index, i): required(stages, item) for s in stages.stages for i, item in enumerate(items(s))}


def on_demand(stages: Stages) -> dict[PortKey, Integers]:
    """What has been produced where a window runs only when a later one needs it."""
    wanted = _wanted(stages)
    readers: dict[int, int] = {}
    for stage in stages.stages:
        for item in items(stage):
            readers[item.source] = readers.get(item.source, 0) + 1
    chain = all(count == 1 for count in readers.values()) and all(len(items(s)) == 1 for s in stages.stages)
    whole = [(stage.index, stage.windows) for stage in _from_the_end(stages)]
    return wanted if chain else _run(stages, wanted, [whole])


def as_inputs_come(stages: Stages) -> dict[PortKey, Integers]:
    """What has been produced where all windows run that the inputs so far allow, those that one value allows by
    demand. Inputs come side by side, each at the same share of its way."""
    wanted = _wanted(stages)
    longest = max((source.grid.size for source in stages.inputs), default=1)
    times = {source.index: _evenly(source.grid.size, longest) for source in stages.inputs}
    steps: dict[int, list[Target]] = {}
    for index, there in times.items():
        for time in there.tolist():
            steps.setdefault(time, []).append((index, int(np.searchsorted(there, time, side="right"))))
    for stage in stages.stages:
        start = np.zeros(stage.windows, np.int64)
        for number, item in enumerate(items(stage)):
            if item.source != stage.index:
                np.maximum(start, np.append(0, times[item.source])[wanted[stage.index, number]], out=start)
        times[stage.index] = np.maximum.accumulate(start)
    for stage in _from_the_end(stages):
        found, counts = np.unique(times[stage.index], return_counts=True)
        for time, count in zip(found.tolist(), np.cumsum(counts).tolist(), strict=True):
            steps.setdefault(time, []).append((stage.index, count))
    return _run(stages, wanted, [steps[time] for time in sorted(steps)])


def _evenly(values: int, longest: int) -> Integers:
    """When each of the values of an input is there, if those of the longest come one at a time."""
    return -(-np.arange(1, values + 1) * longest // values)


def _from_the_end(stages: Stages) -> list[Stage]:
    """The stages that give outputs, and then all from the last to the first."""
    ends = sorted({output.source for output in stages.outputs if output.source >= 0})
    return [*(stages.stages[index] for index in ends), *reversed(stages.stages)]


Target = tuple[int, int]
"""A source, and how much it is to produce."""

Feed = tuple[int, list[int], list[int]]
"""A source, how much of it each window needs, and where to note how much there was when the window ran."""


def _run(stages: Stages, wanted: dict[PortKey, Integers], targets: list[list[Target]]) -> dict[PortKey, Integers]:
    """Leads all sources to their targets, window by window and by demand, those of one list side by side."""
    seen: dict[PortKey, list[int]] = {key: [] for key in wanted}
    feeds: dict[int, list[Feed]] = {
        s.index: [(item.source, wanted[s.index, i].tolist(), seen[s.index, i]) for i, item in enumerate(items(s))]
        for s in stages.stages
    }
    done = dict.fromkeys([*(source.index for source in stages.inputs), *feeds], 0)

    def work(index: int, count: int) -> Iterator[Target]:
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

    stack = [_in_turn(done, targets)]
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


def _in_turn(done: dict[int, int], targets: list[list[Target]]) -> Iterator[Target]:
    for each in targets:
        yield from _together(done, each)


def _together(done: dict[int, int], targets: list[Target]) -> Iterator[Target]:
    """Demands of several sources that lead each to its target, side by side, each at the same share of its way."""
    ways = [(source, done[source], target) for source, target in targets if done[source] < target]
    longest = max([target - begin for _, begin, target in ways], default=0)
    for step in range(1, longest + 1):
        for source, begin, target in ways:
            yield source, begin - (begin - target) * step // longest


PRODUCTIONS: tuple[Production, ...] = (on_demand, as_inputs_come)
"""The orders to try, one after the other."""

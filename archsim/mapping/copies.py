"""How many copies each matrix layer gets."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

from archsim.errors import input_error
from archsim.graph import Rows, Sliding
from archsim.hardware import Design
from archsim.mapping.registry import Registry
from archsim.mapping.stages import Stage, Stages
from archsim.mapping.tiling import Tiling
from archsim.mapping.uses import Uses


@dataclass(frozen=True, slots=True)
class Demand:
    """A matrix as the policies see it: the arrays of one copy, and the stages that use it."""

    arrays: int
    uses: tuple[Stage, ...]
    room: int

    @property
    def windows(self) -> int:
        """Those of all uses."""
        return sum(stage.windows for stage in self.uses)

    @property
    def most(self) -> int:
        """Copies that can be of use: one a window of the largest use, whose windows alone are divided among copies,
        one where a window waits for the one before, and no more than have room to read at once."""
        useful = max(1 if stage.recurrent else stage.windows for stage in self.uses)
        return min(useful, max(self.room // self.arrays, 1))

    def slots(self, copies: int) -> int:
        """Windows that the busiest of `copies` runs."""
        return -(-self.windows // copies)

    def copies(self, slots: int) -> int:
        """The fewest copies with which none runs more than `slots` windows, as far as copies help."""
        return min(-(-self.windows // slots), self.most)


UNLIMITED = 1 << 60
"""More arrays than any network takes."""

Policy = Callable[[list[Demand], Stages, Design, int], list[int]]
POLICIES: Registry[Policy] = Registry("copies.policy")


def copies_of(
    stages: Stages, tilings: dict[int, Tiling], design: Design, budget: int, uses: Uses, room: int = UNLIMITED
) -> dict[int, int]:
    """The copies of each stage in `tilings` by the design's policy, at most `budget` arrays in all; stages that use
    the same matrix (see `uses`) have the same copies.

    No policy but `explicit` gives a layer more copies than it has windows, more arrays than there is `room` for
    at once, or a recurrent layer more than one copy.
    """
    demands = [
        Demand(tilings[first].arrays, tuple(stages.stages[index] for index in each), room)
        for first, each in uses.items()
        if first in tilings
    ]
    copies = POLICIES[design.copies.policy](demands, stages, design, budget)
    return {stage.index: count for demand, count in zip(demands, copies, strict=True) for stage in demand.uses}


@POLICIES.register("none")
def no_copies(demands: list[Demand], stages: Stages, design: Design, budget: int) -> list[int]:  # noqa: ARG001
    """One copy of every layer."""
    return [1] * len(demands)


@POLICIES.register("explicit")
def explicit(demands: list[Demand], stages: Stages, design: Design, budget: int) -> list[int]:  # noqa: ARG001
    """The list `copies.explicit` in layer order; a shorter list leaves the rest at 1."""
    given = list(design.copies.explicit or ())
    if len(given) > len(demands):
        raise input_error(
            "copies.explicit", value=f"{len(given)} numbers", expected=f"at most {len(demands)}, one a matrix layer"
        )
    return given + [1] * (len(demands) - len(given))


@POLICIES.register("isaac")
def isaac(demands: list[Demand], stages: Stages, design: Design, budget: int) -> list[int]:  # noqa: ARG001
    """The balance rule of ISAAC (ISCA 2016).

    Back from the last convolution, a producer has its consumer's copies times the strides between them, pools
    included (a global pool not); everything is divided by a power of two until it fits.

    Layers that are no convolutions have one copy.
    """
    wanted: dict[int, int] = {}
    for stage in reversed(stages.stages):
        convolution = stage.matrix is not None and isinstance(stage.matrix.access, Sliding)
        after = max((wanted[reader.index] * stride for reader, stride in _readers(stage, stages)), default=0)
        wanted[stage.index] = max(after * _pool_stride(stage), 1 if convolution else 0)
        if stage.matrix is not None and isinstance(stage.matrix.access, Rows):
            wanted[stage.index] = 0
    divisor = 1
    while True:
        copies = [max(1, min(max(wanted[use.index] for use in d.uses) // divisor, d.most)) for d in demands]
        if sum(c * d.arrays for c, d in zip(copies, demands, strict=True)) <= budget or max(copies) == 1:
            return copies
        divisor *= 2


def _readers(stage: Stage, stages: Stages) -> list[tuple[Stage, int]]:
    """The other stages that read a stage's result, each with the stride at which they do."""
    readers = []
    for reader in stages.stages:
        if reader is stage:
            continue
        if any(item.source == stage.index for item in reader.inputs):
            access = reader.layer.access
            readers.append((reader, math.prod(access.strides) if isinstance(access, Sliding) else 1))
        elif any(item.source == stage.index for item in reader.joins):
            readers.append((reader, 1))
    return readers


def _pool_stride(stage: Stage) -> int:
    access = stage.pool.access if stage.pool else None
    return math.prod(access.strides) if isinstance(access, Sliding) else 1


@POLICIES.register("pipelayer")
def granularity(demands: list[Demand], stages: Stages, design: Design, budget: int) -> list[int]:  # noqa: ARG001
    """So many copies of each layer that none runs more than `pipelayer.steps` windows an image (PipeLayer, HPCA 2017:
    the parallelism granularity is proportional to the map)."""
    if design.pipelayer is None:
        raise input_error("copies.policy", value="pipelayer", expected="a number of windows, pipelayer.steps, with it")
    return [demand.copies(design.pipelayer.steps) for demand in demands]


@POLICIES.register("greedy")
def greedy(demands: list[Demand], stages: Stages, design: Design, budget: int) -> list[int]:  # noqa: ARG001
    """One more copy to the layer with the most windows per copy (ties: the earlier), until one does not fit."""
    return _hand_out(demands, [1] * len(demands), budget)


@POLICIES.register("optimal")
def optimal(demands: list[Demand], stages: Stages, design: Design, budget: int) -> list[int]:  # noqa: ARG001
    """The smallest T for which ceil(windows / T) copies of every layer fit; what is left by the greedy rule."""
    low, high = 1, max((d.windows for d in demands), default=1)
    while low < high:
        middle = (low + high) // 2
        if sum(d.copies(middle) * d.arrays for d in demands) <= budget:
            high = middle
        else:
            low = middle + 1
    return _hand_out(demands, [d.copies(low) for d in demands], budget)


def _hand_out(demands: list[Demand], copies: list[int], budget: int) -> list[int]:
    """The greedy rule from a start; layers with all the copies that are of use are passed over."""
    copies = list(copies)
    free = budget - sum(c * d.arrays for c, d in zip(copies, demands, strict=True))
    heap = [(-d.slots(c), i) for i, (c, d) in enumerate(zip(copies, demands, strict=True)) if c < d.most]
    heapq.heapify(heap)
    while heap:
        _, index = heapq.heappop(heap)
        demand = demands[index]
        if demand.arrays > free:
            break
        free -= demand.arrays
        copies[index] += 1
        if copies[index] < demand.most:
            heapq.heappush(heap, (-demand.slots(copies[index]), index))
    return copies

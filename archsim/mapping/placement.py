"""Where everything stands: copies on tiles, ports in buffers; what the engine executes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archsim.graph import Graph
from archsim.hardware import Design
from archsim.mapping.assignment import Assignment
from archsim.mapping.needs import Integers
from archsim.mapping.production import PortKey
from archsim.mapping.sharing import Sharing
from archsim.mapping.spans import Span
from archsim.mapping.stages import Stage, Stages
from archsim.mapping.tiling import Tiling
from archsim.mapping.training import Training


@dataclass(frozen=True, slots=True)
class Part:
    """The arrays of one copy in one tile: `slot` is the first one's place in the tile; `inputs` values are
    fetched for each window, `outputs` sums result (complete, or partial where the copy has several parts)."""

    tile: int
    slot: int
    arrays: int
    inputs: int
    outputs: int


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of a stage. Its results leave from the tile of the last part, its home."""

    index: int
    parts: tuple[Part, ...]
    windows: Integers

    @property
    def home(self) -> int:
        """The tile that gathers the results."""
        return self.parts[-1].tile


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage with its copies; `tiling` is None for a vector stage, whose parts have no arrays.

    Of the `positions` of a kernel each window fetches the number in `fresh` from the tile's buffer; the others are
    in the arrays' registers already. `passes` is how often a copy reads for each window: more than once where it has
    more arrays than can read at once. Where an earlier stage uses the same weights, `owner` is the number of the first
    that does, and the arrays are its own: they read for one window at a time.
    """

    stage: Stage
    tiling: Tiling | None
    assignment: Assignment
    copies: tuple[Copy, ...]
    fresh: Integers
    positions: int
    owner: int | None = None
    passes: int = 1

    @property
    def read_cycles(self) -> int:
        """S, the read cycles of one window; 0 for a vector stage."""
        return self.tiling.read_cycles if self.tiling else 0

    @property
    def slots(self) -> int:
        """Windows that the busiest copy runs for one image, passes counted."""
        return slots_of((self,))

    @property
    def arrays(self) -> int:
        """Arrays of all copies; none of its own where another stage has them."""
        return self.tiling.arrays * len(self.copies) if self.tiling and self.owner is None else 0


def slots_of(users: Sequence[StagePlan]) -> int:
    """Windows that the busiest copy runs for one image, for all that use its arrays; passes counted."""
    copies = zip(*(plan.copies for plan in users), strict=True)
    return users[0].passes * max(sum(len(copy.windows) for copy in each) for each in copies)


@dataclass(frozen=True, slots=True)
class Port:
    """The share of a tile's buffer for one input of one stage: room for `capacity` values, of each the channels
    `span` in `value_bytes`.

    `ranks` gives each slot of the source its rank among the values that this port needs, -1 for the others; `held`
    gives the ranks of what it holds, which are others where values are pooled as they arrive.
    """

    key: PortKey
    tile: int
    span: Span
    value_bytes: int
    minimum: int
    capacity: int
    ranks: Integers
    held: Integers


@dataclass(frozen=True, slots=True)
class Job:
    """Work that runs by itself, from memory to memory: windows of stage number `stage`, whose arrays stand as in
    `placement`, after `loads` of them have been written.

    `kind` is `forward`, or, of a backward pass, `error` or `gradient`; `cycle` is the logical cycle of the forward
    pass that it belongs to, where layers work in lock-step.
    """

    stage: int
    placement: Placement
    loads: int = 0
    kind: str = "forward"
    cycle: int = 0


@dataclass(frozen=True, slots=True)
class Placement:
    """A network on a chip.

    Where layers run by themselves, `jobs` are what does, in the order of a forward pass, each placed by itself, one
    after the other or in `lockstep`;
    `plans` tell of whole layers then, and there are no ports. With `from_memory` inputs come from the memory between
    layers, and results go there. `staging_arrays` are left for weights that are written before they are used. Stages in
    `spread` have more copies than they were to have, since no tile has room for their part of a map otherwise.
    """

    graph: Graph
    design: Design
    stages: Stages
    plans: tuple[StagePlan, ...]
    ports: tuple[Port, ...]
    chips: int
    tiles_per_chip: int
    sharing: Sharing
    jobs: tuple[Job, ...] = ()
    lockstep: bool = False
    training: Training | None = None
    from_memory: bool = False
    staging_arrays: int = 0
    spill_bytes: int = 0
    spread: tuple[str, ...] = ()

    def users(self, index: int) -> tuple[StagePlan, ...]:
        """The plan number `index` and those of the stages that use its arrays, too."""
        return (self.plans[index], *(plan for plan in self.plans if plan.owner == index))

    @property
    def arrays_used(self) -> int:
        """Arrays that hold weights."""
        return sum(plan.arrays for plan in self.plans)

    def arrays_of(self, kind: str) -> int:
        """Arrays of the jobs of a kind."""
        return sum(job.placement.arrays_used for job in self.jobs if job.kind == kind)

    @property
    def logical_places(self) -> int:
        """Logical cycles that an image takes where layers work in lock-step: one for each matrix layer; in training
        another for the error of the output, and as many again for the backward pass."""
        layers = 1 + max(job.cycle for job in self.jobs)
        return 2 * layers + 1 if self.training else layers

    @property
    def arrays_allocated(self) -> int:
        """Arrays in every PE that holds any weights."""
        size = self.design.pe.arrays
        sets = size // self.design.arrays_per_set
        plans = [plan for job in self.jobs if job.kind == "forward" for plan in job.placement.plans] or self.plans
        held = {
            (part.tile, self.sharing.adc_set(slot) // sets)
            for plan in plans
            for copy in plan.copies
            for part in copy.parts
            for slot in range(part.slot, part.slot + part.arrays)
        }
        return len(held) * size

    @property
    def arrays_available(self) -> int | None:
        """Arrays of all chips; None where a chip has as many as a network takes."""
        one = self.design.chip_arrays
        return None if one is None else self.chips * one

    @property
    def tiles_used(self) -> int:
        """Tiles that hold any part."""
        return len({part.tile for plan in self.plans for copy in plan.copies for part in copy.parts})

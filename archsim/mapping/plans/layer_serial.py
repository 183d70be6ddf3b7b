"""One layer at a time over the whole chip (AtomLayer, DAC 2018): feature maps are in memory between layers.

Of the arrays that share their converters one reads at a time, so that a layer has as many arrays reading at once as
there are sets of converters; the others keep the weights of other layers. Weights beyond what is stored are
written before the pass that needs them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from archsim.errors import InputError, input_error
from archsim.graph import Graph
from archsim.hardware import Design
from archsim.mapping.alone import alone, with_outputs
from archsim.mapping.copies import UNLIMITED, copies_of
from archsim.mapping.draft import Draft
from archsim.mapping.placement import Job, Placement, StagePlan
from archsim.mapping.plans.registry import PLANS, no_training
from archsim.mapping.plans.resident import (
    arrays_of,
    check_arrays,
    fewest_chips,
    no_room,
    pack,
    place_all,
)
from archsim.mapping.plans.taken_out import taken_out
from archsim.mapping.sharing import by_tile
from archsim.mapping.stages import Stage, Stages
from archsim.mapping.tiling import Tiling, tile_layer
from archsim.mapping.training import Training
from archsim.mapping.uses import apart


@PLANS.register("layer_serial")
def place_serial(
    graph: Graph, design: Design, stages: Stages, tilings: dict[int, Tiling], training: Training | None
) -> Placement:
    """Each layer by itself over all tiles, in graph order."""
    no_training(design, training)
    if design.chip_arrays is None:
        raise input_error(
            f"design {design.name}", "schedule.kind", value="layer_serial", expected="a chip with a number of tiles"
        )
    chips = fewest_chips(design, stages, tilings, apart(stages))
    store = _Store(graph, design, tilings, chips)
    if store.apart:
        return _each_in_its_place(graph, design, stages, tilings)
    resident = {index: tiling for index, tiling in tilings.items() if index in store.resident}
    copies = copies_of(stages, resident, design, store.for_copies, apart(stages), store.active)
    check_arrays(graph, design, stages, resident, copies, chips, store.for_copies)
    planner = _Planner(graph, design, chips, store)
    plans, jobs = [], []
    for stage in stages.stages:
        mine = list(planner.jobs(stage, copies.get(stage.index, 1)))
        jobs += mine
        plans.append(_whole(stage, tilings.get(stage.index), mine))
    tiles = mine[0].placement.tiles_per_chip
    return Placement(
        graph, design, stages, tuple(plans), (), chips, tiles, by_tile(design, UNLIMITED), tuple(jobs),
        staging_arrays=store.staging,
    )  # fmt: skip


def _each_in_its_place(graph: Graph, design: Design, stages: Stages, tilings: dict[int, Tiling]) -> Placement:
    """Where no converters are shared and everything is stored, all layers have their place on the chip, each with the
    buffers of its tiles to itself while it works."""
    roomy = design.model_copy(update={"tile": design.tile.model_copy(update={"buffer_bytes": None})})
    whole = place_all(graph, roomy, stages, tilings, apart(stages))
    jobs = []
    for plan in whole.plans:
        job = Job(plan.stage.index, taken_out(whole, plan, design))
        needed = Counter[int]()
        for port in job.placement.ports:
            needed[port.tile] += port.minimum * port.value_bytes
        most, room = max(needed.values(), default=0), design.tile.buffer_bytes
        if room is not None and most > room:
            raise no_room(graph, design, stages, whole.chips, (plan.stage.index, most))
        jobs.append(job)
    return replace(whole, design=design, ports=(), jobs=tuple(jobs))


class _Store:
    """Which layers keep their arrays, and what room there is to write those of the others.

    `active` arrays read at once. If not all layers fit, `staging` arrays are left to the others, enough to write one
    pass while another is read, where the hardware can; the layers that fit beside them are `resident`, in graph
    order.
    """

    def __init__(self, graph: Graph, design: Design, tilings: dict[int, Tiling], chips: int) -> None:
        every = arrays_of(design, chips)
        self.active = every // design.arrays_per_set
        stored = design.rotation.stored_arrays
        self.stored = UNLIMITED if stored == "unlimited" else stored or every
        self.rotates = design.arrays_per_set > 1
        self._all_stored = sum(tiling.arrays for tiling in tilings.values()) <= self.stored <= every
        self.staging = 0
        self.resident = set(tilings)
        if sum(tiling.arrays for tiling in tilings.values()) > self.stored:
            self.staging = min(2 * self.active, self.stored // 2)
            left = self.stored - self.staging
            self.resident = set()
            for index, tiling in tilings.items():
                if tiling.arrays <= left:
                    left -= tiling.arrays
                    self.resident.add(index)
            if design.array.write_ns is None:
                raise _needs_writing(graph, design, sum(tiling.arrays for tiling in tilings.values()), self.stored)
        left = self.stored - self.staging
        self.for_copies = min(design.copies.budget_arrays or left, left)

    @property
    def apart(self) -> bool:
        """Whether every copy has arrays and converters of its own."""
        return not self.rotates and self._all_stored

    @property
    def pass_arrays(self) -> int:
        """Arrays that are written for a pass: half of those there are where others are read meanwhile."""
        return min(self.active, self.staging // 2 if self.rotates else self.staging)


def _needs_writing(graph: Graph, design: Design, needed: int, stored: int) -> InputError:
    fewest = -(-needed // arrays_of(design, 1))
    return input_error(
        graph.name,
        f"design {design.name}",
        value=f"{needed} arrays with one copy of each layer",
        expected=f"at most {stored}, or array.write_ns, the time to write a row, so that weights can be written"
        f" before their pass; what would make it fit: chips={fewest}, fewer weight bits",
    )


class _Planner:
    """Places layers one after the other: each begins on the tile after the one where the arrays before it end, so
    that all tiles store as much."""

    def __init__(self, graph: Graph, design: Design, chips: int, store: _Store) -> None:
        self.graph = graph
        self.design = design
        self.chips = chips
        self.store = store
        self._stored = 0

    @property
    def _first_tile(self) -> int:
        at_once = self.design.tile_arrays // self.design.arrays_per_set
        return -(-self._stored // at_once) % (self.store.active // at_once)

    def jobs(self, stage: Stage, copies: int) -> Iterator[Job]:
        """The jobs of a stage: one, or one for each pass where weights are written before it; passes of equal size
        are placed alike."""
        if stage.matrix is None or stage.index in self.store.resident:
            yield Job(stage.index, self._placed(stage, copies))
            return
        alike: dict[int, Placement] = {}
        for part in self._passes(stage):
            if part.channels not in alike:
                alike[part.channels] = self._placed(part, 1)
            placement = alike[part.channels]
            yield Job(stage.index, placement, placement.arrays_used)

    def _passes(self, stage: Stage) -> Iterator[Stage]:
        """The stage divided by outputs into what is written at a time; one with groups stays whole."""
        matrix = stage.matrix
        assert matrix is not None
        tiling = tile_layer(matrix, self.design)
        if tiling.blocks > 1 and tiling.arrays <= self.store.staging:
            yield stage
            return
        column = tiling.row_blocks * tiling.arrays_per_block
        blocks = self.store.pass_arrays // column or min(self.store.staging // column, 1)
        if tiling.blocks > 1 or not blocks:
            raise input_error(
                self.graph.name,
                f"design {self.design.name}, layer {matrix.name!r}",
                value=f"{tiling.arrays} arrays, which are written before each pass",
                expected=f"a layer that finds room in the {self.store.staging} arrays left for writing, one without"
                f" groups at least with a column of {column}; more chips, or a larger rotation.stored_arrays",
            )
        width = max(blocks * self.design.array.columns // self.design.cells_per_weight, 1)
        for first in range(0, matrix.outputs, width):
            yield with_outputs(stage, first, min(first + width, matrix.outputs))

    def _placed(self, stage: Stage, copies: int) -> Placement:
        stages = alone(stage)
        tilings = {0: tile_layer(stage.matrix, self.design)} if stage.matrix else {}
        arrays = copies * tilings[0].arrays if tilings else 0
        sharing = by_tile(self.design, max(-(-arrays // self.store.active), 1))
        counts = dict.fromkeys(tilings, copies)
        uses = apart(stages)
        draft = Draft(self.graph, self.design, stages, tilings, counts, sharing.group, sharing, uses, alone=True)
        placement, too_large = pack(draft, self.chips, self._first_tile)
        self._stored += arrays
        if placement is None:
            raise no_room(self.graph, self.design, stages, self.chips, too_large)
        return placement


def _whole(stage: Stage, tiling: Tiling | None, jobs: list[Job]) -> StagePlan:
    """What the jobs of a stage are together."""
    first = jobs[0].placement.plans[0]
    return replace(first, stage=stage, tiling=tiling, passes=sum(_turns(job.placement) for job in jobs))


def _turns(placement: Placement) -> int:
    """How often a copy reads for a window, because more of its arrays stand behind a set of converters than one."""
    (plan,) = placement.plans
    return max(placement.sharing.turns(part.slot, part.arrays) for copy in plan.copies for part in copy.parts)

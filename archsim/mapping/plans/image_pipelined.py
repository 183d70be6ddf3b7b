"""One image a layer: in each logical cycle every layer works on a whole image, all in lock-step (PipeLayer, HPCA
2017). Feature maps and errors are in memory between layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

from archsim.errors import input_error
from archsim.graph import Graph
from archsim.hardware import Design
from archsim.mapping.alone import alone
from archsim.mapping.backward import error_stages, gradient_stage
from archsim.mapping.copies import UNLIMITED, copies_of
from archsim.mapping.draft import Draft
from archsim.mapping.placement import Job, Placement, StagePlan
from archsim.mapping.plans.registry import PLANS
from archsim.mapping.plans.resident import no_room, pack, place_all
from archsim.mapping.plans.taken_out import taken_out
from archsim.mapping.sharing import by_pe
from archsim.mapping.stages import Stages
from archsim.mapping.tiling import Tiling, tile_layer
from archsim.mapping.training import Training
from archsim.mapping.uses import apart


@PLANS.register("image_pipelined")
def place_lockstep(
    graph: Graph, design: Design, stages: Stages, tilings: dict[int, Tiling], training: Training | None
) -> Placement:
    """All layers have their place, and each works by itself, from memory to memory; a vector layer that no matrix
    layer takes along does so in the logical cycle of the matrix layer before it. The arrays of the backward pass are
    others, which stand apart."""
    if training is not None and design.array.write_ns is None:
        raise input_error(
            "--training", f"design {design.name}", expected="array.write_ns, the time to write a row in an update"
        )
    whole = place_all(graph, design, stages, tilings, apart(stages))
    cycles = [max(cycle - 1, 0) for cycle in accumulate(plan.tiling is not None for plan in whole.plans)]
    jobs, works = [], []
    for plan, cycle in zip(whole.plans, cycles, strict=True):
        jobs.append(Job(plan.stage.index, taken_out(whole, plan, design), cycle=cycle))
        if training is not None:
            works += [(plan.stage.index, cycle, work) for work in _backward(whole, plan)]
    _check_room(whole, [work for _, _, work in works])
    jobs += [Job(stage, _placed(whole, work), cycle=cycle, kind=work.kind) for stage, cycle, work in works]
    return replace(whole, ports=(), jobs=tuple(jobs), lockstep=True, training=training)


@dataclass(frozen=True, slots=True)
class _Work:
    """Work of the backward pass, on `copies` of arrays of its own."""

    kind: str
    stages: Stages
    tiling: Tiling
    copies: int

    @property
    def arrays(self) -> int:
        """Arrays of all copies."""
        return self.copies * self.tiling.arrays


def _backward(whole: Placement, plan: StagePlan) -> Iterator[_Work]:
    """The backward pass through a stage: with copies by the granularity of PipeLayer where that is the policy, else
    with as many as the forward pass has."""
    stage, design = plan.stage, whole.design
    if stage.recurrent is not None:
        raise input_error(
            whole.graph.name,
            f"layer {stage.name!r}",
            value=stage.layer.op,
            expected="layers without recurrence: how a design trains them was not published",
        )
    gradient = gradient_stage(stage)
    made = [("error", work) for work in error_stages(stage)] + ([("gradient", gradient)] if gradient else [])
    for kind, work in made:
        assert work.matrix is not None
        single, tiling = alone(work), tile_layer(work.matrix, design)
        copies = min(len(plan.copies), work.windows)
        if design.copies.policy == "pipelayer":
            copies = copies_of(single, {0: tiling}, design, UNLIMITED, apart(single))[0]
        yield _Work(kind, single, tiling, copies)


def _check_room(whole: Placement, works: list[_Work]) -> None:
    """The arrays of the backward pass find room beside those of the forward pass."""
    by_kind = {kind: sum(work.arrays for work in works if work.kind == kind) for kind in ("error", "gradient")}
    available, needed = whole.arrays_available, whole.arrays_used + sum(by_kind.values())
    if available is None or needed <= available:
        return
    fewest = -(-needed // (available // whole.chips))
    raise input_error(
        whole.graph.name,
        f"design {whole.design.name}",
        value=f"{needed} arrays: {whole.arrays_used} of the forward pass, {by_kind['error']} for transposed copies,"
        f" {by_kind['gradient']} for activations",
        expected=f"at most {available} in training; chips={fewest}, or fewer copies",
    )


def _placed(whole: Placement, work: _Work) -> Placement:
    design = whole.design
    sharing, tilings, copies = by_pe(design), {0: work.tiling}, {0: work.copies}
    uses = apart(work.stages)
    draft = Draft(whole.graph, design, work.stages, tilings, copies, design.tile_arrays, sharing, uses, alone=True)
    placement, too_large = pack(draft, whole.chips)
    if placement is None:
        raise no_room(whole.graph, design, work.stages, whole.chips, too_large)
    return placement

"""One image a layer: in each logical cycle every layer works on a whole image, all in lock-step (PipeLayer, HPCA
2017). Feature maps and errors are in memory between layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archsim.errors import input_error
from archsim.graph import Graph
from archsim.hardware import Design
from archsim.mapping.alone import alone
from archsim.mapping.backward import error_stages, gradient_stage
from archsim.mapping.copies import copies_of
from archsim.mapping.draft import Draft
from archsim.mapping.placement import Job, Placement, StagePlan
from archsim.mapping.plans.registry import PLANS
from archsim.mapping.plans.resident import UNLIMITED, fewest_chips, no_room, pack, place_resident
from archsim.mapping.plans.taken_out import taken_out
from archsim.mapping.sharing import by_pe
from archsim.mapping.stages import Stage, Stages
from archsim.mapping.tiling import Tiling, tile_layer
from archsim.mapping.training import Training


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
    whole = place_resident(graph, design, stages, tilings, None)
    cycle, jobs = -1, []
    for plan in whole.plans:
        cycle += plan.tiling is not None
        jobs.append(Job(plan.stage.index, taken_out(whole, plan, design), cycle=max(cycle, 0)))
        if training is not None:
            jobs += _backward(whole, plan, max(cycle, 0))
    placement = replace(whole, ports=(), jobs=tuple(jobs), training=training)
    _check_backward(placement)
    return placement


def _check_backward(placement: Placement) -> None:
    """The arrays of the backward pass find room beside those of the forward pass."""
    available = placement.arrays_available
    forward, error, gradient = placement.arrays_used, placement.arrays_of("error"), placement.arrays_of("gradient")
    needed = forward + error + gradient
    if available is None or needed <= available:
        return
    one = available // placement.chips
    raise input_error(
        placement.graph.name,
        f"design {placement.design.name}",
        value=f"{needed} arrays: {forward} of the forward pass, {error} for transposed copies, {gradient} for"
        " activations",
        expected=f"at most {available} in training; chips={-(-needed // one)}, or fewer copies",
    )


def _backward(whole: Placement, plan: StagePlan, cycle: int) -> Iterator[Job]:
    """The jobs of a backward pass through a stage: with copies by the granularity of PipeLayer where that is the
    policy, else with as many as the forward pass has."""
    graph, stage = whole.graph, plan.stage
    if stage.recurrent is not None:
        raise input_error(
            graph.name,
            f"layer {stage.name!r}",
            value=stage.layer.op,
            expected="layers without recurrence: how a design trains them was not published",
        )
    for work in error_stages(stage):
        yield Job(stage.index, _placed(whole, work, len(plan.copies)), cycle=cycle, kind="error")
    gradient = gradient_stage(stage)
    if gradient is not None:
        yield Job(stage.index, _placed(whole, gradient, len(plan.copies)), cycle=cycle, kind="gradient")


def _placed(whole: Placement, stage: Stage, forward: int) -> Placement:
    """Work of the backward pass on arrays of its own."""
    assert stage.matrix is not None
    design, stages = whole.design, alone(stage)
    tilings = {0: tile_layer(stage.matrix, design)}
    copies = {0: min(forward, stage.windows)}
    if design.copies.policy == "pipelayer":
        copies = copies_of(stages, tilings, design, UNLIMITED)
    draft = Draft(whole.graph, design, stages, tilings, copies, design.tile_arrays, by_pe(design), alone=True)
    placement, too_large = pack(draft, max(whole.chips, fewest_chips(design, stages, tilings)))
    if placement is None:
        raise no_room(whole.graph, design, stages, whole.chips, too_large)
    return placement

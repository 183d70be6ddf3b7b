"""A stage taken out of a placed network, where it stands."""

from __future__ import annotations

from dataclasses import replace

from archsim.hardware import Design
from archsim.mapping.alone import alone
from archsim.mapping.assemble import make_ports
from archsim.mapping.buffers import Buffers
from archsim.mapping.draft import Draft
from archsim.mapping.placement import Placement, StagePlan
from archsim.mapping.spans import Span
from archsim.mapping.uses import apart


def taken_out(whole: Placement, plan: StagePlan, design: Design) -> Placement:
    """A stage where it stands, with the buffers of its tiles to itself."""
    stage = plan.stage
    stages, copies = alone(stage), len(plan.copies)
    tilings = {0: plan.tiling} if plan.tiling else {}
    counts, uses = dict.fromkeys(tilings, copies), apart(stages)
    draft = Draft(whole.graph, design, stages, tilings, counts, design.tile_arrays, whole.sharing, uses)
    assignment = replace(plan.assignment, rotation=0)
    buffers = Buffers(stages, {0: assignment}, design)
    spans: dict[tuple[int, int], Span] = {}
    for port in whole.ports:
        if port.key[0] == stage.index:
            spans[port.tile, 0] = port.span.union(spans.get((port.tile, 0)))
    plans = (replace(plan, stage=stages.stages[0], assignment=assignment),)
    ports = make_ports(draft, plans, spans, buffers)
    return replace(whole, design=design, stages=stages, plans=plans, ports=ports, from_memory=True)

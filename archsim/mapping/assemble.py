"""From packed copies to plans and ports: what the engine executes."""

from __future__ import annotations

import numpy as np

from archsim.hardware import Design
from archsim.mapping.assignment import Assignment
from archsim.mapping.buffers import Buffers, PortNeed
from archsim.mapping.draft import Draft
from archsim.mapping.packing import Placed
from archsim.mapping.placement import Copy, Part, Port, StagePlan
from archsim.mapping.spans import WHOLE, Span
from archsim.mapping.stages import Stage


def make_plans(draft: Draft, placed: list[Placed]) -> tuple[StagePlan, ...]:
    """The stages with their copies where the packer put them."""
    pieces: dict[tuple[int, int], list[Placed]] = {}
    for piece in placed:
        pieces.setdefault((piece.stage, piece.copy), []).append(piece)
    owners = {user: first for first, users in draft.uses.items() for user in users if user != first}
    plans: list[StagePlan] = []
    for stage in draft.stages.stages:
        if stage.matrix is None:
            plans.append(_vector_plan(stage, draft.assignments[stage.index], pieces))
        else:
            plans.append(_matrix_plan(draft, stage, pieces, owners.get(stage.index)))
    return tuple(plans)


def _matrix_plan(
    draft: Draft, stage: Stage, pieces: dict[tuple[int, int], list[Placed]], owner: int | None
) -> StagePlan:
    tiling, assignment = draft.tilings[stage.index], draft.assignments[stage.index]
    copies = []
    for copy in range(draft.copies[stage.index]):
        parts = []
        for piece in sorted(pieces[stage.index, copy], key=lambda p: p.start):
            share = draft.share(stage.index, piece.start, piece.start + piece.arrays)
            parts.append(Part(piece.tile, piece.slot, piece.arrays, share.inputs, share.outputs))
        copies.append(Copy(copy, tuple(parts), assignment.windows(copy)))
    fresh, positions = draft.fresh(stage.index)
    return StagePlan(stage, tiling, assignment, tuple(copies), fresh, positions, owner)


def _vector_plan(stage: Stage, assignment: Assignment, pieces: dict[tuple[int, int], list[Placed]]) -> StagePlan:
    needed = sum(item.held.table.shape[1] * item.channels for item in stage.inputs)
    # an operation has two operands at most
    operands = 2 * max(stage.vector_layers[0].operations, stage.windows * stage.channels)
    values = min(needed, -(-operands // stage.windows))
    copies = []
    for copy in range(assignment.copies):
        (piece,) = pieces[stage.index, copy]
        part = Part(piece.tile, piece.slot, 0, values, stage.channels)
        copies.append(Copy(copy, (part,), assignment.windows(copy)))
    return StagePlan(stage, None, assignment, tuple(copies), np.ones(stage.windows, np.int64), 1)


def make_ports(
    draft: Draft, plans: tuple[StagePlan, ...], spans: dict[tuple[int, int], Span], buffers: Buffers
) -> tuple[Port, ...]:
    """The ports of all tiles; each tile's buffer is divided in proportion to what its ports need at least."""
    by_tile: dict[int, list[tuple[PortNeed, Span]]] = {}
    for plan in plans:
        index = plan.stage.index
        fetching: dict[int, list[int]] = {}
        homes: dict[int, list[int]] = {}
        for copy in plan.copies:
            homes.setdefault(copy.home, []).append(copy.index)
            for tile in dict.fromkeys(part.tile for part in copy.parts):
                fetching.setdefault(tile, []).append(copy.index)
        for tile, copies in fetching.items():
            for need in buffers.ports(index, tuple(copies), joins=False):
                by_tile.setdefault(tile, []).append((need, spans[tile, index].within(need.channels)))
        for tile, copies in homes.items():
            for need in buffers.ports(index, tuple(copies), joins=True):
                by_tile.setdefault(tile, []).append((need, WHOLE.within(need.channels)))
    return tuple(port for tile in sorted(by_tile) for port in _divide(draft.design, tile, by_tile[tile]))


def _divide(design: Design, tile: int, needs: list[tuple[PortNeed, Span]]) -> list[Port]:
    """The ports of a tile, from what each needs and the channels of its values."""
    total = sum(need.minimum * span.channels * design.value_bytes for need, span in needs)
    ports = []
    for need, span in needs:
        room = design.tile.buffer_bytes
        capacity = need.total if room is None else max(need.minimum * room // total, need.minimum)
        size = span.channels * design.value_bytes
        ports.append(Port(need.key, tile, span, size, need.minimum, capacity, need.ranks, need.held))
    return ports

"""From packed copies to plans and ports: what the engine executes."""

from __future__ import annotations

from archsim.hardware import Design
from archsim.mapping.assignment import Assignment
from archsim.mapping.buffers import Buffers, PortNeed
from archsim.mapping.draft import Draft
from archsim.mapping.packing import Placed
from archsim.mapping.placement import Copy, Part, Port, StagePlan
from archsim.mapping.stages import Stage
from archsim.mapping.tiling import Share, share


def make_plans(draft: Draft, placed: list[Placed]) -> tuple[StagePlan, ...]:
    """The stages with their copies where the packer put them."""
    pieces: dict[tuple[int, int], list[Placed]] = {}
    for piece in placed:
        pieces.setdefault((piece.stage, piece.copy), []).append(piece)
    plans: list[StagePlan] = []
    for stage in draft.stages.stages:
        if stage.matrix is None:
            plans.append(_vector_plan(stage, draft.assignments[stage.index], pieces))
        else:
            plans.append(_matrix_plan(draft, stage, pieces))
    return tuple(plans)


def _matrix_plan(draft: Draft, stage: Stage, pieces: dict[tuple[int, int], list[Placed]]) -> StagePlan:
    tiling, assignment, matrix = draft.tilings[stage.index], draft.assignments[stage.index], stage.matrix
    assert matrix is not None
    shares: dict[tuple[int, int], Share] = {}
    copies = []
    for copy in range(draft.copies[stage.index]):
        parts = []
        for piece in sorted(pieces[stage.index, copy], key=lambda p: p.start):
            key = (piece.start, piece.start + piece.arrays)
            if key not in shares:
                shares[key] = share(matrix, tiling, draft.design, *key)
            parts.append(Part(piece.tile, piece.slot, piece.arrays, shares[key].inputs, shares[key].outputs))
        copies.append(Copy(copy, tuple(parts), assignment.windows(copy)))
    return StagePlan(stage, tiling, assignment, tuple(copies))


def _vector_plan(stage: Stage, assignment: Assignment, pieces: dict[tuple[int, int], list[Placed]]) -> StagePlan:
    values = sum(item.held.table.shape[1] * item.channels for item in stage.inputs)
    copies = []
    for copy in range(assignment.copies):
        (piece,) = pieces[stage.index, copy]
        part = Part(piece.tile, piece.slot, 0, values, stage.channels)
        copies.append(Copy(copy, (part,), assignment.windows(copy)))
    return StagePlan(stage, None, assignment, tuple(copies))


def make_ports(plans: tuple[StagePlan, ...], buffers: Buffers, design: Design) -> tuple[Port, ...]:
    """The ports of all tiles; each tile's buffer is divided in proportion to what its ports need at least."""
    by_tile: dict[int, list[PortNeed]] = {}
    for plan in plans:
        fetching: dict[int, list[int]] = {}
        homes: dict[int, list[int]] = {}
        for copy in plan.copies:
            homes.setdefault(copy.home, []).append(copy.index)
            for tile in dict.fromkeys(part.tile for part in copy.parts):
                fetching.setdefault(tile, []).append(copy.index)
        for tile, copies in fetching.items():
            by_tile.setdefault(tile, []).extend(buffers.ports(plan.stage.index, tuple(copies), joins=False))
        for tile, copies in homes.items():
            by_tile.setdefault(tile, []).extend(buffers.ports(plan.stage.index, tuple(copies), joins=True))
    ports = []
    for tile, needs in sorted(by_tile.items()):
        available = design.tile.buffer_bytes
        total = sum(need.minimum_bytes for need in needs)
        for need in needs:
            capacity = max(need.minimum * available // total, need.minimum)
            ports.append(Port(need.key, tile, need.value_bytes, need.minimum, capacity, need.ranks, need.held))
    return tuple(ports)

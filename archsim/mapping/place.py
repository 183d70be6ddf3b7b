"""Graph x Design -> Placement: tiling, copies, assignment, packing, buffer shares."""

from __future__ import annotations

import numpy as np

from archsim.errors import InputError, Problem, input_error
from archsim.graph import Graph
from archsim.hardware import Design
from archsim.mapping.assignment import ASSIGNMENTS, Assignment
from archsim.mapping.buffers import Buffers, PortNeed
from archsim.mapping.copies import POLICIES, copies_of
from archsim.mapping.packing import Packer, Placed, Unit
from archsim.mapping.placement import Copy, Part, Placement, Port, StagePlan
from archsim.mapping.stages import Stage, Stages, build_stages
from archsim.mapping.tiling import SPLITS, Tiling, share, tile_layer

# Chips beyond the fewest that hold the arrays which `chips: auto` may take to find room in the buffers.
_MORE_CHIPS = 8


def check(design: Design) -> list[Problem]:
    """What is wrong with the names of policies in a design."""
    return [
        *POLICIES.check(design.copies.policy),
        *ASSIGNMENTS.check(design.copies.assignment),
        *SPLITS.check(design.tiling.split),
    ]


def place(graph: Graph, design: Design) -> Placement:
    """Places `graph` on the chip or chips of `design` (pure; equal input gives an equal placement).

    Raises `InputError` for an unknown policy, a network without a matrix layer, or one that does not fit: then
    it says how many arrays or bytes are needed, how many there are, and what would make it fit.
    """
    problems = check(design)
    if problems:
        raise InputError(*problems)
    stages = build_stages(graph)
    tilings = {s.index: tile_layer(s.matrix, design) for s in stages.stages if s.matrix}
    if not tilings:
        raise input_error(graph.name, expected="a network with at least one Conv, Gemm or MatMul")
    fewest = _fewest_chips(design, stages, tilings)
    last = fewest if design.chips != "auto" else fewest + _MORE_CHIPS
    for chips in range(fewest, last + 1):
        budget = design.copies.budget_arrays or chips * design.chip_arrays
        copies = copies_of(stages, tilings, design, budget)
        _check_arrays(graph, design, tilings, copies, chips, budget)
        placement, too_large = _try(graph, design, stages, tilings, copies, chips)
        if placement is not None:
            return placement
        if too_large is not None:
            break
    raise _no_room(graph, design, stages, chips, too_large)


def _fewest_chips(design: Design, stages: Stages, tilings: dict[int, Tiling]) -> int:
    if design.chips != "auto":
        return design.chips
    counts = dict.fromkeys(tilings, 1)
    if design.copies.policy == "explicit":
        counts = copies_of(stages, tilings, design, 0)
    total = sum(tilings[index].arrays * count for index, count in counts.items())
    return -(-total // design.chip_arrays)


def _check_arrays(
    graph: Graph, design: Design, tilings: dict[int, Tiling], copies: dict[int, int], chips: int, budget: int
) -> None:
    needed = sum(tilings[index].arrays * count for index, count in copies.items())
    available = chips * design.chip_arrays
    limit = min(budget, available)
    if needed <= limit:
        return
    single = sum(tiling.arrays for tiling in tilings.values())
    fewest = -(-needed // design.chip_arrays)
    given = design.copies.budget_arrays
    options = [f"copies.budget_arrays={needed}"] if given and needed > given else []
    if needed > available:
        options.append(f"chips={fewest} or chips=auto")
    if needed > single:
        options.append("fewer copies (copies.policy=none)")
    if design.precision.weight_bits > 8:
        options.append("precision.weight_bits=8")
    place_of = "copies.budget_arrays" if budget < available else f"{chips} chip{'s' if chips > 1 else ''}"
    raise input_error(
        graph.name,
        f"design {design.name}",
        value=f"{needed} arrays ({single} with one copy of each layer)",
        expected=f"at most {limit}, the arrays of {place_of}; what would make it fit: {', '.join(options)}",
    )


def _no_room(graph: Graph, design: Design, stages: Stages, chips: int, too_large: tuple[int, int] | None) -> InputError:
    if too_large is not None:
        stage, needed = too_large
        return input_error(
            graph.name,
            f"design {design.name}, layer {stages.stages[stage].name!r}",
            value=f"a tile's share of the layer needs {needed} bytes of buffer at least",
            expected=f"at most {design.tile.buffer_bytes} (tile.buffer_bytes); a larger buffer, or tiling.split=rows",
        )
    return input_error(
        graph.name,
        f"design {design.name}",
        value=f"the copies asked for do not find room in the buffers of {chips * design.chip.tiles} tiles",
        expected="more chips, fewer copies (copies.budget_arrays) or a larger tile.buffer_bytes",
    )


def _try(
    graph: Graph, design: Design, stages: Stages, tilings: dict[int, Tiling], copies: dict[int, int], chips: int
) -> tuple[Placement | None, tuple[int, int] | None]:
    """A placement with these copies, or the stage (and bytes) that no empty tile can take."""
    assignments = _assignments(stages, copies, design)
    buffers = Buffers(stages, assignments, design)
    units = _units(stages, tilings, copies, assignments, design)
    for near in (True, False):
        packer = Packer(design, buffers, chips * design.chip.tiles)
        if packer.pack(units, near=near):
            plans = _plans(stages, tilings, copies, assignments, packer.placed, design)
            return Placement(graph, design, stages, plans, _ports(plans, buffers, design), chips), None
        if packer.too_large is not None:
            return None, packer.too_large
    return None, None


def _assignments(stages: Stages, copies: dict[int, int], design: Design) -> dict[int, Assignment]:
    """The assignment of each stage; a vector stage has as many copies as the stage it reads first."""
    assign = ASSIGNMENTS[design.copies.assignment]
    counts = dict(copies)
    result = {}
    for stage in stages.stages:
        if stage.matrix is None:
            source = stage.inputs[0].source if stage.inputs else -1
            counts[stage.index] = min(counts.get(source, 1), stage.windows)
        result[stage.index] = assign(stage.grid, counts[stage.index])
    return result


def _units(
    stages: Stages,
    tilings: dict[int, Tiling],
    copies: dict[int, int],
    assignments: dict[int, Assignment],
    design: Design,
) -> list[Unit]:
    """Copies in the order of their place along the mesh: replicated layers interleaved, then the others."""
    units = []
    for stage in stages.stages:
        if stage.index not in tilings:
            continue
        count, arrays = copies[stage.index], tilings[stage.index].arrays
        together = _together(stage, assignments[stage.index], count, arrays, design.tile_arrays)
        for first in range(0, count, together):
            group = tuple(range(first, min(first + together, count)))
            position = (group[0] + group[-1] + 1) / (2 * count) if count > 1 else 1.0
            units.append(Unit(position, stage.index, group, arrays))
    return sorted(units, key=lambda unit: (unit.position, unit.stage))


def _together(stage: Stage, assignment: Assignment, count: int, arrays: int, tile_arrays: int) -> int:
    """The fewest neighbouring copies that must share a tile so that each pool window is local; 1 if none do."""
    if stage.pool_need is None or count == 1:
        return 1
    table = stage.pool_need.table
    of = np.append(assignment.copy_of, -1)[table]
    least = np.where(table < 0, count, of).min(axis=1)
    most = of.max(axis=1)
    for together in range(1, min(tile_arrays // arrays, count) + 1):
        if bool((least // together == most // together).all()):
            return together
    return 1


def _plans(
    stages: Stages,
    tilings: dict[int, Tiling],
    copies: dict[int, int],
    assignments: dict[int, Assignment],
    placed: list[Placed],
    design: Design,
) -> tuple[StagePlan, ...]:
    pieces: dict[tuple[int, int], list[Placed]] = {}
    for piece in placed:
        pieces.setdefault((piece.stage, piece.copy), []).append(piece)
    plans: list[StagePlan] = []
    for stage in stages.stages:
        assignment = assignments[stage.index]
        if stage.matrix is None:
            plans.append(_vector_plan(stage, assignment, plans))
            continue
        tiling = tilings[stage.index]
        shares = {}
        made = []
        for copy in range(copies[stage.index]):
            parts = []
            for piece in sorted(pieces[stage.index, copy], key=lambda p: p.start):
                key = (piece.start, piece.start + piece.arrays)
                if key not in shares:
                    shares[key] = share(stage.matrix, tiling, design, *key)
                parts.append(Part(piece.tile, piece.slot, piece.arrays, shares[key].inputs, shares[key].outputs))
            made.append(Copy(copy, tuple(parts), assignment.windows(copy)))
        plans.append(StagePlan(stage, tiling, assignment, tuple(made)))
    return tuple(plans)


def _vector_plan(stage: Stage, assignment: Assignment, plans: list[StagePlan]) -> StagePlan:
    """A vector stage runs on the tiles from which its first input comes."""
    source = stage.inputs[0].source if stage.inputs else -1
    count = assignment.copies
    homes = [copy.home for copy in plans[source].copies] if source >= 0 else [0]
    values = sum(item.need.table.shape[1] * item.channels for item in stage.inputs)
    copies = tuple(
        Copy(copy, (Part(homes[copy % len(homes)], 0, 0, values, stage.channels),), assignment.windows(copy))
        for copy in range(count)
    )
    return StagePlan(stage, None, assignment, copies)


def _ports(plans: tuple[StagePlan, ...], buffers: Buffers, design: Design) -> tuple[Port, ...]:
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
        if total > available:
            raise input_error(
                f"design {design.name}",
                f"tile {tile}",
                value=f"needs {total} bytes of buffer at least for {len(needs)} inputs of layers",
                expected=f"at most {available} (tile.buffer_bytes); a larger buffer or fewer copies",
            )
        for need in needs:
            capacity = max(need.minimum * available // total, need.minimum)
            ports.append(Port(need.key, tile, need.value_bytes, need.minimum, capacity, need.ranks))
    return tuple(ports)

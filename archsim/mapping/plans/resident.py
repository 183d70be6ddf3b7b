"""All layers at once on the chips: as many copies as the policy gives them, next to each other along the mesh."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from archsim.errors import InputError, input_error
from archsim.graph import Graph
from archsim.hardware import Design
from archsim.mapping.assemble import make_plans, make_ports
from archsim.mapping.buffers import Buffers
from archsim.mapping.copies import UNLIMITED, copies_of
from archsim.mapping.draft import Draft
from archsim.mapping.neighbours import units_along_the_mesh
from archsim.mapping.orders import ORDERS
from archsim.mapping.packing import Packer
from archsim.mapping.placement import Placement
from archsim.mapping.plans.registry import PLANS, no_training
from archsim.mapping.production import PRODUCTIONS, Production, on_demand
from archsim.mapping.sharing import by_pe
from archsim.mapping.stages import Stages
from archsim.mapping.tiling import Tiling, tile_layer
from archsim.mapping.training import Training
from archsim.mapping.uses import Uses, uses_of

# Chips beyond the fewest that hold the arrays which `chips: auto` may take to find room in the buffers.
_MORE_CHIPS = 8

# The most that is tried: beyond, tables no longer fit the memory of a usual machine.
_MOST_CHIPS = 1000
_MOST_COPIES = 50_000
_MOST_SPREAD = 64

_Packed = tuple[Placement | None, tuple[int, int] | None]


@PLANS.register("pipelined")
def place_resident(
    graph: Graph, design: Design, stages: Stages, tilings: dict[int, Tiling], training: Training | None
) -> Placement:
    """Every matrix has its place (ISAAC, ISCA 2016)."""
    no_training(design, training)
    return place_all(graph, design, stages, tilings, uses_of(stages))


def place_all(graph: Graph, design: Design, stages: Stages, tilings: dict[int, Tiling], uses: Uses) -> Placement:
    """A place for each matrix, on as many chips as that takes."""
    fewest = fewest_chips(design, stages, tilings, uses)
    if fewest > _MOST_CHIPS:
        raise input_error(
            graph.name, f"design {design.name}", value=f"{fewest} chips", expected=f"at most {_MOST_CHIPS}"
        )
    last = fewest if design.chips != "auto" else fewest + _MORE_CHIPS
    for chips in range(fewest, last + 1):
        budget = design.copies.budget_arrays or arrays_of(design, chips)
        copies = copies_of(stages, tilings, design, budget, uses)
        check_arrays(graph, design, stages, {first: tilings[first] for first in uses}, copies, chips, budget)
        draft = Draft(graph, design, stages, tilings, copies, design.tile_arrays, by_pe(design), uses)
        placement, too_large = _with_room(draft, chips, budget)
        if placement is not None:
            return ORDERS[design.placement.order].improved(placement)
        if too_large is not None:
            break
    raise no_room(graph, design, stages, chips, too_large)


def _with_room(draft: Draft, chips: int, budget: int) -> _Packed:
    """A placement, by the first order of production with which the tiles have room for it; else, with the order that
    gets by with least, stages whose part of the maps no tile's buffer holds are divided over more of them."""
    refused: dict[Production, tuple[int, int]] = {}
    for order in PRODUCTIONS:
        placement, too_large = pack(draft, chips, order=order)
        if placement is not None or too_large is None:
            return placement, too_large
        refused[order] = too_large
    frugal = min(refused, key=lambda order: refused[order][1])
    placement, too_large = _divided(draft, chips, budget, frugal)
    return placement, too_large and refused[PRODUCTIONS[0]]


def _divided(draft: Draft, chips: int, budget: int, order: Production) -> _Packed:
    """A placement with twice the copies of each stage that no tile has room for, until it has."""
    limit = min(budget, arrays_of(draft.design, chips))
    while True:
        placement, too_large = pack(draft, chips, order=order)
        if placement is not None:
            return replace(placement, spread=tuple(draft.stages.stages[index].name for index in draft.spread)), None
        more = None if too_large is None else _with_more_copies(draft, too_large[0], limit)
        if more is None:
            return None, too_large
        draft = more


def _with_more_copies(draft: Draft, index: int, most_arrays: int) -> Draft | None:
    """The draft with twice the copies of a stage; None where that is not allowed, or beyond all reason."""
    stage, copies = draft.stages.stages[index], draft.assignments[index].copies
    wanted = min(2 * copies, stage.windows)
    if wanted == copies or wanted > _MOST_SPREAD or stage.recurrent or len(draft.users(index)) > 1:
        return None
    if stage.matrix is None:
        return replace(draft, spread={**draft.spread, index: wanted})
    more = {**draft.copies, index: wanted}
    fits = _total({first: draft.tilings[first] for first in draft.uses}, more) <= most_arrays
    if draft.design.copies.policy in {"explicit", "none"} or not fits:
        return None
    return replace(draft, copies=more, spread={**draft.spread, index: wanted})


def fewest_chips(design: Design, stages: Stages, tilings: dict[int, Tiling], uses: Uses) -> int:
    """The chips asked for, or the fewest that hold one copy of every layer, or the copies asked for."""
    if design.chips != "auto":
        return design.chips
    if design.chip_arrays is None:
        return 1
    counts = dict.fromkeys(tilings, 1)
    if design.copies.policy == "explicit":
        counts = copies_of(stages, tilings, design, 0, uses)
    return -(-_total({first: tilings[first] for first in uses}, counts) // design.chip_arrays)


def check_arrays(
    graph: Graph,
    design: Design,
    stages: Stages,
    tilings: dict[int, Tiling],
    copies: dict[int, int],
    chips: int,
    budget: int,
) -> None:
    """Refuses copies that take more arrays than there are, and says what would make them fit."""
    needed = _total(tilings, copies)
    _check_number(graph, design, tilings, copies)
    available = arrays_of(design, chips)
    limit = min(budget, available) if design.rotation.stored_arrays != "unlimited" else budget
    if needed <= limit:
        return
    single = sum(tiling.arrays for tiling in tilings.values())
    larger = [f"copies.budget_arrays={needed}"] if needed > budget and budget < available else []
    if needed > available:
        larger.append(f"chips={-(-needed // arrays_of(design, 1))} or chips=auto")
    options = [" with ".join(larger)]
    if single <= limit:
        options.append("fewer copies (copies.policy=none)")
    if design.precision.weight_bits > 8 and _total(_at_8_bits(design, stages, tilings), copies) <= limit:
        options.append("precision.weight_bits=8")
    place_of = "copies.budget_arrays" if budget < available else f"{chips} chip{'s' if chips > 1 else ''}"
    raise input_error(
        graph.name,
        f"design {design.name}",
        value=f"{needed} arrays ({single} with one copy of each layer)",
        expected=f"at most {limit}, the arrays of {place_of}; what would make it fit: {', '.join(options)}",
    )


def _check_number(graph: Graph, design: Design, tilings: dict[int, Tiling], copies: dict[int, int]) -> None:
    total = sum(copies[index] for index in tilings)
    if total > _MOST_COPIES:
        raise input_error(
            graph.name, f"design {design.name}", value=f"{total} copies of layers", expected=f"at most {_MOST_COPIES}"
        )


def _total(tilings: dict[int, Tiling], copies: dict[int, int]) -> int:
    return sum(tiling.arrays * copies[index] for index, tiling in tilings.items())


def _at_8_bits(design: Design, stages: Stages, tilings: dict[int, Tiling]) -> dict[int, Tiling]:
    precision = design.precision.model_copy(update={"weight_bits": 8})
    smaller = design.model_copy(update={"precision": precision})
    chosen = (stages.stages[index] for index in tilings)
    return {stage.index: tile_layer(stage.matrix, smaller) for stage in chosen if stage.matrix}


def no_room(graph: Graph, design: Design, stages: Stages, chips: int, too_large: tuple[int, int] | None) -> InputError:
    """What keeps the copies from finding room: the stage `too_large` for any tile with its bytes, or all of them."""
    if too_large is not None:
        stage, needed = too_large
        rows_help = stages.stages[stage].matrix is not None and design.tiling.split != "rows"
        return input_error(
            graph.name,
            f"design {design.name}, layer {stages.stages[stage].name!r}",
            value=f"a tile's share of the layer needs {needed} bytes of buffer at least",
            expected=f"at most {design.tile.buffer_bytes} (tile.buffer_bytes); a larger buffer"
            + (", or tiling.split=rows" if rows_help else ""),
        )
    return input_error(
        graph.name,
        f"design {design.name}",
        value=f"the copies asked for do not find room in the buffers of {chips} x {design.chip.tiles} tiles",
        expected="more chips, fewer copies (copies.budget_arrays) or a larger tile.buffer_bytes",
    )


def pack(draft: Draft, chips: int, first_tile: int = 0, order: Production = on_demand) -> _Packed:
    """A placement on that many chips, or the stage (and bytes) that no empty tile can take. Busy special functions
    are spread where there are tiles for it; where there are not they share a tile and take longer."""
    design = draft.design
    buffers = Buffers(draft.stages, draft.assignments, design, order)
    units = units_along_the_mesh(draft)
    tiles = design.chip.tiles if design.chip.tiles != "unlimited" else _enough(draft)
    no_loads = dict.fromkeys(draft.sfu_loads, 0.0)
    for loads, near in product((draft.sfu_loads, no_loads), (True, False)):
        packer = Packer(draft, buffers, chips * tiles, loads, first_tile)
        if packer.pack(units, near=near) and _place_vectors(draft, packer):
            plans = make_plans(draft, packer.placed)
            ports = make_ports(draft, plans, packer.spans, buffers)
            placement = Placement(
                draft.graph, design, draft.stages, plans, ports, chips, tiles, draft.sharing, from_memory=draft.alone
            )
            return placement, None
        if packer.too_large is not None:
            return None, packer.too_large
    return None, None


def _enough(draft: Draft) -> int:
    """Tiles that hold every copy by itself."""
    size = draft.tile_arrays
    matrices = sum(draft.copies[index] * -(-draft.tilings[index].arrays // size) for index in draft.uses)
    return matrices + sum(draft.assignments[s.index].copies for s in draft.stages.stages if s.matrix is None)


def arrays_of(design: Design, chips: int) -> int:
    """Arrays of so many chips; no limit where a chip has as many as a network takes."""
    return UNLIMITED if design.chip_arrays is None else chips * design.chip_arrays


def _place_vectors(draft: Draft, packer: Packer) -> bool:
    """Puts each copy of a vector stage on the tile from which its first input comes, or near it."""
    homes = {(piece.stage, piece.copy): piece.tile for piece in packer.placed}
    for stage in draft.stages.stages:
        if stage.matrix is not None:
            continue
        source = stage.inputs[0].source if stage.inputs else -1
        for copy in range(draft.assignments[stage.index].copies):
            if not packer.place_vector(stage.index, copy, homes.get((source, copy), 0)):
                return False
            homes[stage.index, copy] = packer.placed[-1].tile
    return True

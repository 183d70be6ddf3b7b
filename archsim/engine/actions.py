"""How often the components of a chip did what takes energy: whole numbers by layer, most of them in closed form from
the windows that ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

from archsim.actions import ACTIONS, Actions
from archsim.graph import RecurrentLayer, VectorLayer
from archsim.mapping.vector_work import work
from archsim.noc import Traffic

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.engine.findings import Findings
    from archsim.engine.stage import StageUnit
    from archsim.hardware import Design
    from archsim.mapping import StagePlan

Row = Hashable
"""What counts belong to: a layer by its name, or by the number of its stage (of a backward pass, that and its kind)."""

HOST: Row = None
"""The row of what belongs to no layer: inputs of the network on their way."""

Key = tuple[Hashable, ...]


def of_stage(stage: StageUnit, row: Row, written_bytes: int) -> Counter[Key]:
    """What the windows of a stage that ran come to, under `row`, with `written_bytes` to its share of buffers; digital
    work under the names of its layers."""
    plan, windows = stage.plan, sum(seen[0] for seen in stage.seen)
    size = stage.chip.design.value_bytes
    fetched = sum(unit.fetched_bytes for copy in stage.copies for unit in copy.units)
    brought = fetched + sum(copy.joined_bytes for copy in stage.copies)
    found: Counter[str] = Counter(bus_bytes=brought, buffer_bytes=brought + written_bytes)
    found["result_bytes"] = windows * size * (plan.stage.matrix.outputs if plan.stage.matrix else plan.stage.channels)
    if plan.tiling is not None:
        found["register_bytes"] = fetched
        found.update({name: windows * number for name, number in _of_window(plan, stage.chip.design).items()})
    of: Counter[Key] = Counter({("action", row, name): number for name, number in found.items()})
    of.update(_digital(stage, row, windows))
    return of


def _of_window(plan: StagePlan, design: Design) -> dict[str, int]:
    """What the arrays do in each window."""
    tiling, matrix = plan.tiling, plan.stage.matrix
    if tiling is None or matrix is None:
        return {}
    groups = 1 if design.adc is None else -(-tiling.rows // design.adc.rows_per_read)
    driven = matrix.rows * matrix.groups * tiling.column_blocks * tiling.arrays_per_block
    conversions = tiling.converted * (design.conversions(tiling.rows) or 0)
    return {
        "array_reads": tiling.arrays * tiling.read_cycles,
        "row_drives": driven * (tiling.read_cycles // groups),
        "conversions": conversions,
        "shift_adds": conversions,
        "tile_adds": matrix.outputs * (tiling.row_blocks - 1),
    }


def _digital(stage: StageUnit, row: Row, windows: int) -> Counter[Key]:
    """Operations of the digital units, rounded up in each window as their time is."""
    of: Counter[Key] = Counter()
    plan, design = stage.plan, stage.chip.design
    for layer in plan.stage.sfu_layers:
        rounds = len(layer.rounds) if isinstance(layer, RecurrentLayer) else 1
        where = layer.name if isinstance(layer, VectorLayer) else row
        for number in range(rounds):
            for unit, operations in work([layer], plan.stage.windows, design, number):
                name = "pool_elements" if unit == "pool" else "sfu_operations"
                of["action", where, name] += windows // rounds * operations
    return of


def of_traffic(chip: Chip, rows: Mapping[int, Row]) -> Counter[Key]:
    """What each stage (its row by its number; inputs of the network have negative ones) has sent over the meshes and
    links of a chip."""
    of: Counter[Key] = Counter()
    for mesh, adapter in enumerate(chip.fabric.meshes):
        for (origin, source, tiles, size), number in adapter.sendings.items():
            of["sending", mesh, rows.get(origin, HOST), source, tiles, size] += number
    for link in chip.links():
        name = "memory_bytes" if link.unit == "memory" else "offchip_bytes"
        for origin, size in link.sent_by.items():
            of["action", rows.get(origin, HOST), name] += size
    return of


def rows_of_actions(found: Findings) -> dict[Row, Actions]:
    """The counts of each layer, by its name, and of the host; what the run did not count is None."""
    counts: dict[Row, Counter[str]] = {HOST: Counter()}
    for key, number in found.counters.of.items():
        if key[0] == "action":
            counts.setdefault(_name(found, key[1]), Counter())[str(key[2])] += number
    for row, mesh in _carried(found).items():
        counts.setdefault(_name(found, row), Counter()).update(mesh)
    counted = _counted(found)
    return {row: Actions(**{name: of[name] for name in counted}) for row, of in counts.items()}


def _name(found: Findings, row: Row) -> Row:
    """The layer that a row is about: the first that uses its arrays, where it is the number of a stage, or, of a
    backward pass, begins with it."""
    number = row[0] if isinstance(row, tuple) else row
    if not isinstance(number, int):
        return row
    plan = found.placement.plans[number]
    return found.placement.plans[number if plan.owner is None else plan.owner].stage.layer.name


def _carried(found: Findings) -> dict[Row, Counter[str]]:
    """Flits in routers and on links, by the row that sent them."""
    noc, meshes = found.placement.design.noc, found.mesh
    if noc is None or meshes is None:
        return {}
    loads: dict[tuple[Row, Hashable], Traffic] = {}
    for key, number in found.counters.of.items():
        if key[0] != "sending":
            continue
        _, mesh, row, source, tiles, size = key
        assert isinstance(source, int)
        assert isinstance(tiles, tuple)
        assert isinstance(size, int)
        traffic = loads.setdefault((row, mesh), Traffic())
        for tree in [tiles] if noc.multicast else [(tile,) for tile in tiles]:
            traffic.trees[source, tree, size] = traffic.trees.get((source, tree, size), 0) + number
        traffic.broadcasts[size] = traffic.broadcasts.get(size, 0) + number
        for tile in tiles:
            traffic.sent[source, tile, size] = traffic.sent.get((source, tile, size), 0) + number
    found_by: dict[Row, Counter[str]] = {}
    for (row, _), traffic in loads.items():
        load = meshes.load(traffic)
        flits = {"router_flits": load.router_flits, "link_flits": sum(load.links.values())}
        found_by.setdefault(row, Counter()).update(flits)
    return found_by


def _counted(found: Findings) -> list[str]:
    """The names of what this run counted."""
    design, levels = found.placement.design, found.levels
    routers = found.mesh is not None and found.mesh.mesh is not None
    missing = {
        "conversions": design.adc is not None,
        "shift_adds": design.adc is not None,
        "buffer_bytes": "buffer_writes" in levels,
        "router_flits": routers,
        "link_flits": found.mesh is not None,
        "offchip_bytes": "offchip" in levels,
        "memory_bytes": "memory_reads" in levels,
        "row_writes": "weights" in levels,
    }
    return [name for name in ACTIONS if missing.get(name, True)]

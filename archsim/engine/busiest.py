"""Which units were busiest: what a faster chip would have to have more of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.engine.findings import Uses
from archsim.result import UnitUse

if TYPE_CHECKING:
    from archsim.engine.chip import Chip


def unit_uses(chip: Chip) -> Uses:
    """For how long each unit of a finished machine worked."""
    elapsed = chip.elapsed
    uses: Uses = {}
    for stage in chip.stages:
        if stage.plan.owner is not None:
            continue
        for copy in stage.copies:
            for unit in copy.units:
                where = ("arrays", f"{stage.name}, tile {unit.tile}")
                uses[where] = max((unit.arrays.busy, elapsed), uses.get(where, (0, 0)))
    for tile in chip.tiles.values():
        for name, server in tile.servers().items():
            kind, *number = name.split()
            place = f"tile {tile.number}" + (f", set {number[0]}" if number else "")
            uses[kind, place] = (server.busy, elapsed)
    for mesh, adapter in enumerate(chip.fabric.meshes):
        uses["noc", f"chip {mesh}"] = (adapter.model.busy_cycles * chip.clock.noc, elapsed)
    for link in chip.links():
        for server in link.servers:
            uses[link.unit, link.name] = max((server.busy, elapsed), uses.get((link.unit, link.name), (0, 0)))
    return uses


def busiest_units(uses: Uses) -> tuple[UnitUse, ...]:
    """The busiest unit of each kind, the most utilised first; utilisation is the share of the time for which it
    worked."""
    busiest: dict[str, UnitUse] = {}
    for (unit, where), (busy, time) in uses.items():
        share = busy / time if time else 0.0
        if share > 0 and (unit not in busiest or share > busiest[unit].utilisation):
            busiest[unit] = UnitUse(unit, where, share)
    return tuple(sorted(busiest.values(), key=lambda use: (-use.utilisation, use.unit)))

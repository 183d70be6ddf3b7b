"""Which units were busiest: what a faster chip would have to have more of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.result import UnitUse

if TYPE_CHECKING:
    from archsim.engine.chip import Chip


def busiest_units(chip: Chip) -> tuple[UnitUse, ...]:
    """The busiest unit of each kind, the most utilised first; utilisation is the share of the time from its first
    use, or of the whole run for units that others wait for, for which it worked."""
    elapsed = chip.elapsed
    uses: dict[str, UnitUse] = {}

    def note(unit: str, where: str, busy: int, time: int) -> None:
        share = busy / time if time else 0.0
        if share > 0 and (unit not in uses or share > uses[unit].utilisation):
            uses[unit] = UnitUse(unit, where, share)

    for stage in chip.stages:
        for copy in stage.copies:
            for unit in copy.units:
                note("arrays", f"{stage.name}, tile {unit.tile}", unit.busy, elapsed)
    for tile in chip.tiles.values():
        for name, server in tile.servers().items():
            note(name.split()[0], f"tile {tile.number}", server.busy, elapsed)
    for link in chip.links():
        for server in link.servers:
            note(link.unit, link.name, server.busy, elapsed)
    return tuple(sorted(uses.values(), key=lambda use: (-use.utilisation, use.unit)))

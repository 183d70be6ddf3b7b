"""Which copies stand next to each other: by position along the mesh, and together where they share pools."""

from __future__ import annotations

import numpy as np

from archsim.mapping.assignment import Assignment
from archsim.mapping.draft import Draft
from archsim.mapping.orders import ORDERS
from archsim.mapping.packing import Unit
from archsim.mapping.stages import Stage


def units_along_the_mesh(draft: Draft) -> list[Unit]:
    """Copies in the order of `placement.order`; the position of copy r of R is (r + 0.5) / R, so that by position
    the copies of replicated layers are interleaved and a strip's producer and consumer are neighbours; then the
    others."""
    units = []
    for index in draft.uses:
        count = draft.copies[index]
        arrays = draft.tilings[index].arrays
        fitting = min(draft.tile_arrays // arrays, count)
        if draft.sfu_loads[index]:
            fitting = min(fitting, int(1 / draft.sfu_loads[index]))
        together = _together(draft.stages.stages[index], draft.assignments[index], count, max(fitting, 1))
        for first in range(0, count, together):
            group = tuple(range(first, min(first + together, count)))
            position = (group[0] + group[-1] + 1) / (2 * count) if count > 1 else 1.0
            units.append(Unit(position, index, group, arrays))
    return sorted(units, key=ORDERS[draft.design.placement.order].first)


def _together(stage: Stage, assignment: Assignment, count: int, fitting: int) -> int:
    """How many neighbouring copies share a tile: the fewest that make every pool window local, or, where none do,
    the `fitting` that a tile can take, so that the fewest raw results leave it; 1 without a pool."""
    if stage.pool_need is None or count == 1:
        return 1
    table = stage.pool_need.table
    of = np.append(assignment.copy_of, -1)[table]
    least = np.where(table < 0, count, of).min(axis=1)
    most = of.max(axis=1)
    for together in range(1, fitting):
        if bool((least // together == most // together).all()):
            return together
    return fitting

"""Which copy of a layer takes which window."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archsim.mapping.grids import Grid
from archsim.mapping.needs import Integers
from archsim.mapping.registry import Registry


@dataclass(frozen=True, slots=True)
class Assignment:
    """The copy of each window; `in_order` says that windows start in raster order over all copies, instead of
    in raster order on each copy."""

    copy_of: Integers
    in_order: bool

    def windows(self, copy: int) -> Integers:
        """The windows of a copy, in raster order."""
        return np.flatnonzero(self.copy_of == copy)


Assign = Callable[[Grid, int], Assignment]
ASSIGNMENTS: Registry[Assign] = Registry("copies.assignment")


@ASSIGNMENTS.register("round_robin")
def round_robin(grid: Grid, copies: int) -> Assignment:
    """Window w goes to copy w mod R, in raster order (Figure 15 of the tutorial)."""
    return Assignment(np.arange(grid.size) % copies, in_order=True)


@ASSIGNMENTS.register("strips")
def strips(grid: Grid, copies: int) -> Assignment:
    """Each copy takes a column strip, as wide as any other over q rows; a map of height 1 uses round robin."""
    if grid.rows == 1:
        return round_robin(grid, copies)
    q = copies // math.gcd(copies, grid.columns)
    y, x = np.divmod(np.arange(grid.size), grid.columns)
    return Assignment(((x * q + y % q) * copies) // (q * grid.columns), in_order=False)


@ASSIGNMENTS.register("bands")
def bands(grid: Grid, copies: int) -> Assignment:
    """Each copy takes a contiguous band of windows in raster order."""
    return Assignment(np.arange(grid.size) * copies // grid.size, in_order=False)

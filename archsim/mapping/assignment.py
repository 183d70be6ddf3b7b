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
    """The copy of each window of the first image; in each further image it is `rotation` copies on.

    `in_order` says that windows start in raster order over all copies, instead of in raster order on each copy.
    """

    copy_of: Integers
    copies: int
    in_order: bool
    rotation: int = 0

    def windows(self, copy: int, image: int = 0) -> Integers:
        """The windows of a copy in one image, in raster order."""
        return np.flatnonzero(self.copy_of == (copy - image * self.rotation) % self.copies)

    def ever(self, copies: tuple[int, ...]) -> Integers:
        """The windows that any of `copies` runs in some image, in raster order."""
        if not self.rotation:
            return np.flatnonzero(np.isin(self.copy_of, copies))
        common = math.gcd(self.rotation, self.copies)
        return np.flatnonzero(np.isin(self.copy_of % common, [copy % common for copy in copies]))


Assign = Callable[[Grid, int], Assignment]
ASSIGNMENTS: Registry[Assign] = Registry("copies.assignment")


@ASSIGNMENTS.register("round_robin")
def round_robin(grid: Grid, copies: int) -> Assignment:
    """Window w goes to copy w mod R, in raster order, w counting on through the images (Figure 15 of the tutorial)."""
    return Assignment(np.arange(grid.size) % copies, copies, in_order=True, rotation=grid.size % copies)


@ASSIGNMENTS.register("strips")
def strips(grid: Grid, copies: int) -> Assignment:
    """Each copy takes a column strip, as wide as any other over q rows; a map of height 1 uses round robin."""
    if grid.rows == 1:
        return round_robin(grid, copies)
    q = copies // math.gcd(copies, grid.columns)
    y, x = np.divmod(np.arange(grid.size), grid.columns)
    return Assignment(((x * q + y % q) * copies) // (q * grid.columns), copies, in_order=False)


@ASSIGNMENTS.register("bands")
def bands(grid: Grid, copies: int) -> Assignment:
    """Each copy takes a contiguous band of windows in raster order."""
    return Assignment(np.arange(grid.size) * copies // grid.size, copies, in_order=False)

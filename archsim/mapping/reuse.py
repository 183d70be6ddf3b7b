"""Which values of a window a copy has already, because a window before needed them, too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archsim.graph import Sliding
from archsim.mapping.grids import Grid
from archsim.mapping.needs import Integers
from archsim.mapping.registry import Registry

Reuse = Callable[[Sliding, Grid, Integers, Integers], Integers]
"""Kernel, windows, the positions that each window needs (-1 for padding) and the copy that runs it, to how many of a
kernel's positions each window fetches from the tile's buffer."""

REUSES: Registry[Reuse] = Registry("pe.input_reuse")


@REUSES.register("none")
def every_value(access: Sliding, grid: Grid, table: Integers, copy_of: Integers) -> Integers:  # noqa: ARG001
    """Every window fetches all positions of its kernel (ISAAC, ISCA 2016)."""
    return np.full(grid.size, table.shape[1])


@REUSES.register("ladder")
def register_ladder(access: Sliding, grid: Grid, table: Integers, copy_of: Integers) -> Integers:  # noqa: ARG001
    """A ladder of registers shifts each row of the kernel along the map, past all copies: a window fetches the columns
    that the one before it in its row of the map did not have (AtomLayer, DAC 2018)."""
    rows, columns = table.shape[1] // access.kernel[-1], access.kernel[-1]
    step = access.strides[-1] if access.dilations[-1] == 1 else columns
    fresh = np.full(grid.size, rows * min(step, columns))
    fresh[:: grid.columns] = table.shape[1]
    return fresh


@REUSES.register("handover")
def handed_over(access: Sliding, grid: Grid, table: Integers, copy_of: Integers) -> Integers:  # noqa: ARG001
    """A position is handed on from window to window along rows and columns: each copy fetches it once, for the first
    window that needs it (Peng, Liu and Yu, ISCAS 2019)."""
    by_copy = np.where(table < 0, -1, table + copy_of[:, None] * (int(table.max()) + 1))
    positions, first = np.unique(by_copy, return_index=True)
    return np.bincount(first[positions >= 0] // table.shape[1], minlength=grid.size)

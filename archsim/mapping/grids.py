"""Positions of a tensor: all axes but the channels, numbered in raster order on a grid of rows and columns."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grid:
    """`rows` x `columns` positions; the columns are the last axis that is not the channels."""

    rows: int
    columns: int

    @property
    def size(self) -> int:
        """How many positions there are."""
        return self.rows * self.columns


def grid_of(shape: tuple[int, ...], channel_axis: int) -> Grid:
    """The grid of a tensor's positions; a tensor of channels alone has one position."""
    axes = [size for axis, size in enumerate(shape) if axis != channel_axis % max(len(shape), 1)]
    if not axes:
        return Grid(1, 1)
    return Grid(math.prod(axes[:-1]), axes[-1])

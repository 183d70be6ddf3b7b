"""What training adds to a matrix layer: the error before it, through transposed weights, and its gradient.

Both are matrix layers of their own, whose inputs and results are in memory (PipeLayer, HPCA 2017).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archsim.graph import MatrixLayer, Rows
from archsim.mapping.grids import Grid
from archsim.mapping.needs import Integers, ListNeed, Need, identity
from archsim.mapping.stages import Stage, StageInput


def error_stage(stage: Stage) -> Stage | None:
    """The error of a stage's input: a window for each of its positions, which reads the errors of all results that
    the position is part of, through the transposed kernel; None if several tensors make the input."""
    matrix = stage.matrix
    if matrix is None or len(stage.inputs) != 1:
        return None
    (item,) = stage.inputs
    positions = max(matrix.rows * matrix.groups // item.channels, 1)
    layer = replace(
        matrix, name=f"{matrix.name} error", rows=positions * (matrix.outputs // matrix.groups),
        outputs=item.channels, windows=item.need.slots, bias=None, access=Rows(),
    )  # fmt: skip
    read = StageInput(-1, matrix.outputs, inverse(item.need))
    return _stage(layer, read, Grid(1, item.need.slots))


def gradient_stage(stage: Stage) -> Stage | None:
    """The gradient of a stage's weights: the input's values stand in arrays, a row for each window of the forward
    pass, and the errors of one output of each group after the other are applied to them."""
    matrix = stage.matrix
    if matrix is None:
        return None
    windows = matrix.outputs // matrix.groups
    layer = replace(
        matrix, name=f"{matrix.name} gradient", rows=matrix.windows, outputs=matrix.rows * matrix.groups,
        windows=windows, bias=None, access=Rows(),
    )  # fmt: skip
    grid = Grid(1, windows)
    return _stage(layer, StageInput(-1, matrix.windows * matrix.groups, identity(grid)), grid)


def _stage(layer: MatrixLayer, read: StageInput, grid: Grid) -> Stage:
    return Stage(0, layer, (), None, grid, grid, None, (read,), (), layer.name, layer.outputs)


def inverse(need: Need) -> ListNeed:
    """For each slot the windows that need it."""
    windows, columns = np.nonzero(need.table >= 0)
    slots = need.table[windows, columns]
    order = np.argsort(slots, kind="stable")
    slots, windows = slots[order], windows[order]
    counts = np.bincount(slots, minlength=need.slots)
    place = np.arange(len(slots)) - np.repeat(np.cumsum(counts) - counts, counts)
    table: Integers = np.full((need.slots, max(int(counts.max(initial=0)), 1)), -1, np.int64)
    table[slots, place] = windows
    return ListNeed(table, need.windows)

"""What training adds to a matrix layer: the error before it, through transposed weights, and its gradient.

Both are matrix layers of their own, whose inputs and results are in memory (PipeLayer, HPCA 2017).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from archsim.errors import input_error
from archsim.graph import MatrixLayer, Rows, Sliding
from archsim.mapping.grids import Grid
from archsim.mapping.needs import Integers, ListNeed, Need, identity
from archsim.mapping.stages import Stage, StageInput


def error_stages(stage: Stage) -> tuple[Stage, ...]:
    """The error of each result of another stage that a stage reads: a window for each of its positions, which reads
    the errors of all results that the position is part of, through the transposed kernel. That of the network's own
    inputs is not needed."""
    matrix = stage.matrix
    if matrix is None:
        return ()
    read = [item for item in stage.inputs if item.source >= 0]
    names = [f"{matrix.name} error {number}" if read[1:] else f"{matrix.name} error" for number in range(len(read))]
    return tuple(_error_stage(matrix, item, name) for item, name in zip(read, names, strict=True))


def _error_stage(matrix: MatrixLayer, item: StageInput, name: str) -> Stage:
    access = matrix.access
    positions = math.prod(access.kernel) if isinstance(access, Sliding) else item.need.table.shape[1]
    groups, odd = divmod(item.channels * positions, matrix.rows) if matrix.groups > 1 else (1, 0)
    if odd:
        raise input_error(
            matrix.name,
            value=f"{matrix.groups} groups, one of which reads channels of several tensors",
            expected="groups that each read one tensor, in training",
        )
    layer = replace(
        matrix, name=name, rows=positions * (matrix.outputs // matrix.groups), outputs=item.channels, groups=groups,
        windows=item.need.slots, bias=None, access=Rows(),
    )  # fmt: skip
    return _stage(layer, StageInput(-1, matrix.outputs, inverse(item.need)), Grid(1, item.need.slots))


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

"""Cuts a layer's matrix into arrays, and a copy larger than a tile into parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archsim.graph import MatrixLayer, Sliding
from archsim.hardware import Design
from archsim.mapping.registry import Registry


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a layer's matrix stands in arrays.

    `row_blocks` x `column_blocks` arrays hold one group (or `groups_per_array` groups stand on the diagonal
    of one array); `blocks` such rectangles hold the layer, in `arrays_per_block` arrays for each block of cells.
    `rows` are those of the fullest row block, `read_cycles` is S.
    """

    row_blocks: int
    column_blocks: int
    blocks: int
    groups_per_array: int
    arrays_per_block: int
    rows: int
    read_cycles: int

    @property
    def arrays(self) -> int:
        """Arrays of one copy."""
        return self.blocks * self.row_blocks * self.column_blocks * self.arrays_per_block


@dataclass(frozen=True, slots=True)
class Share:
    """What `arrays` consecutive arrays of a copy read and give: input values fetched for a window, the first and
    last (exclusive) rows they are among, counted on through the groups, and outputs, complete or partial."""

    arrays: int
    inputs: int
    first_row: int
    last_row: int
    outputs: int


def tile_layer(layer: MatrixLayer, design: Design) -> Tiling:
    """ceil(rows / array rows) x ceil(outputs x cells / array columns) arrays a group; groups share an array on
    its diagonal where more than one fits (ISAAC, ISCA 2016; the diagonal rule is archsim's contract)."""
    array, cells = design.array, design.cells_per_weight
    outputs = layer.outputs // layer.groups
    fitting = min(array.rows // layer.rows, array.columns // (outputs * cells))
    if layer.groups > 1 and fitting > 1 and len(_row_parts(layer, design)) == 1:
        fitting = min(fitting, layer.groups)
        rows = fitting * layer.rows
        blocks = math.ceil(layer.groups / fitting)
        return Tiling(1, 1, blocks, fitting, design.arrays_per_block, rows, design.read_cycles(rows))
    row_blocks = len(_row_starts(layer, design)) - 1
    column_blocks = math.ceil(outputs * cells / array.columns)
    fullest = min(max(_row_parts(layer, design)), array.rows)
    return Tiling(
        row_blocks, column_blocks, layer.groups, 1, design.arrays_per_block, fullest, design.read_cycles(fullest)
    )


RowParts = Callable[[MatrixLayer], tuple[int, ...]]
FILTER_ROWS: Registry[RowParts] = Registry("tiling.filter_rows")
"""How the rows of a matrix are divided into parts that begin an array each."""


@FILTER_ROWS.register("channels")
def rows_by_channel(layer: MatrixLayer) -> tuple[int, ...]:
    """Rows are ordered by channel, then by position in the kernel, and cut where an array is full (ISAAC)."""
    return layer.row_parts


@FILTER_ROWS.register("packed")
def rows_by_kernel_row(layer: MatrixLayer) -> tuple[int, ...]:
    """Rows are ordered by kernel row, and cut where an array is full (AtomLayer, DAC 2018)."""
    return layer.row_parts


@FILTER_ROWS.register("split")
def kernel_rows_apart(layer: MatrixLayer) -> tuple[int, ...]:
    """Each row of the kernel stands in arrays of its own."""
    access = layer.access
    return _equal_parts(layer, access.kernel[0]) if isinstance(access, Sliding) else layer.row_parts


@FILTER_ROWS.register("positions")
def kernel_positions_apart(layer: MatrixLayer) -> tuple[int, ...]:
    """Each position of the kernel stands in arrays of its own (Peng, Liu and Yu, ISCAS 2019)."""
    access = layer.access
    return _equal_parts(layer, math.prod(access.kernel)) if isinstance(access, Sliding) else layer.row_parts


def _equal_parts(layer: MatrixLayer, count: int) -> tuple[int, ...]:
    return (layer.rows // count,) * count


def _row_parts(layer: MatrixLayer, design: Design) -> tuple[int, ...]:
    return FILTER_ROWS[design.tiling.filter_rows](layer)


def _row_starts(layer: MatrixLayer, design: Design) -> np.ndarray:
    """The first row of each row block of a group, and the number of rows; parts of the rows begin a block each."""
    parts = _row_parts(layer, design)
    ends = np.cumsum(parts)
    starts = [np.arange(end - part, end, design.array.rows) for end, part in zip(ends, parts, strict=True)]
    return np.concatenate([*starts, ends[-1:]])


Order = Callable[[np.ndarray, Tiling], tuple[np.ndarray, np.ndarray]]
SPLITS: Registry[Order] = Registry("tiling.split")
"""In which order a copy's arrays fill tiles: index within a block -> (row block, column block)."""


@SPLITS.register("columns")
def columns_first(index: np.ndarray, tiling: Tiling) -> tuple[np.ndarray, np.ndarray]:
    """All row blocks of a column block stand together: a tile needs most inputs and owns few outputs."""
    return index % tiling.row_blocks, index // tiling.row_blocks


@SPLITS.register("rows")
def rows_first(index: np.ndarray, tiling: Tiling) -> tuple[np.ndarray, np.ndarray]:
    """All column blocks of a row block stand together: a tile needs few inputs and sums many outputs partly."""
    return index // tiling.column_blocks, index % tiling.column_blocks


def share(layer: MatrixLayer, tiling: Tiling, design: Design, start: int, stop: int) -> Share:
    """What the arrays `start` to `stop` (exclusive, in the order of `tiling.split`) of a copy read and give."""
    each = tiling.arrays_per_block
    index = np.unique(np.arange(start, stop) // each)
    block, inner = np.divmod(index, tiling.row_blocks * tiling.column_blocks)
    if tiling.groups_per_array > 1:
        begin = start // each * tiling.groups_per_array
        end = min(-(-stop // each) * tiling.groups_per_array, layer.groups)
        outputs = (end - begin) * (layer.outputs // layer.groups)
        return Share(stop - start, (end - begin) * layer.rows, begin * layer.rows, end * layer.rows, outputs)
    row_block, column_block = SPLITS[design.tiling.split](inner, tiling)
    groups, rows = np.divmod(np.unique(block * tiling.row_blocks + row_block), tiling.row_blocks)
    columns = np.unique(block * tiling.column_blocks + column_block) % tiling.column_blocks
    width, cells = design.array.columns, design.cells_per_weight
    outputs, starts = layer.outputs // layer.groups, _row_starts(layer, design)
    begins = groups * layer.rows + starts[rows]
    ends = groups * layer.rows + starts[rows + 1]
    first = columns * width // cells
    last = np.minimum(-(-(columns + 1) * width // cells), outputs)
    inputs, outputs = int((ends - begins).sum()), int((last - first).sum())
    return Share(stop - start, inputs, int(begins.min()), int(ends.max()), outputs)

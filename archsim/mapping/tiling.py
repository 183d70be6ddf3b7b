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

    `row_blocks` x `column_blocks` blocks of cells hold one group, or `groups_per_array` groups, which stand on the
    diagonal of each; `blocks` such rectangles hold the layer. A block of cells takes `arrays_per_block` arrays, which
    share their converters. `rows` are those of the fullest row block, `read_cycles` is S.
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
        return self.converted * self.arrays_per_block

    @property
    def converted(self) -> int:
        """Blocks of cells of one copy: arrays, or sets of arrays that are subtracted before they are converted."""
        return self.blocks * self.row_blocks * self.column_blocks


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
    """ceil(rows / array rows) x ceil(outputs x cells / array columns) blocks a group, for each part of its rows; groups
    share an array on its diagonal where more than one fits (ISAAC, ISCA 2016; the diagonal rule is archsim's
    contract)."""
    array, cells = design.array, design.cells_per_weight
    outputs, most = layer.outputs // layer.groups, max(_row_parts(layer, design))
    fitting = min(array.rows // most, array.columns // (outputs * cells), layer.groups)
    together = max(fitting, 1)
    return Tiling(
        row_blocks=len(_row_starts(layer, design)) - 1,
        column_blocks=math.ceil(outputs * cells / array.columns),
        blocks=math.ceil(layer.groups / together),
        groups_per_array=together,
        arrays_per_block=design.arrays_per_block,
        rows=min(together * most, array.rows),
        read_cycles=design.read_cycles(min(together * most, array.rows)),
    )


@dataclass(frozen=True, slots=True)
class FilterRows:
    """How the rows of a convolution's matrix are ordered, and into which `parts` they are divided, each of which begins
    an array. `by_channel`: neighbouring rows are those of a channel."""

    parts: Callable[[MatrixLayer], tuple[int, ...]]
    by_channel: bool = False


FILTER_ROWS: Registry[FilterRows] = Registry("tiling.filter_rows")


def rows_in_one(layer: MatrixLayer) -> tuple[int, ...]:
    """Rows are cut where an array is full."""
    return layer.row_parts


def kernel_rows_apart(layer: MatrixLayer) -> tuple[int, ...]:
    """Each row of the kernel stands in arrays of its own."""
    access = layer.access
    return _equal_parts(layer, access.kernel[0]) if isinstance(access, Sliding) else layer.row_parts


def kernel_positions_apart(layer: MatrixLayer) -> tuple[int, ...]:
    """Each position of the kernel stands in arrays of its own (Peng, Liu and Yu, ISCAS 2019)."""
    access = layer.access
    return _equal_parts(layer, math.prod(access.kernel)) if isinstance(access, Sliding) else layer.row_parts


FILTER_ROWS.register("channels")(FilterRows(rows_in_one, by_channel=True))  # ISAAC, ISCA 2016
FILTER_ROWS.register("packed")(FilterRows(rows_in_one))  # by kernel row: AtomLayer, DAC 2018
FILTER_ROWS.register("split")(FilterRows(kernel_rows_apart))
FILTER_ROWS.register("positions")(FilterRows(kernel_positions_apart))


def _equal_parts(layer: MatrixLayer, count: int) -> tuple[int, ...]:
    return (layer.rows // count,) * count


def _row_parts(layer: MatrixLayer, design: Design) -> tuple[int, ...]:
    return FILTER_ROWS[design.tiling.filter_rows].parts(layer)


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
    row_block, column_block = SPLITS[design.tiling.split](inner, tiling)
    first_group = np.arange(tiling.blocks) * tiling.groups_per_array
    groups = np.minimum(tiling.groups_per_array, layer.groups - first_group)
    held, rows = np.divmod(np.unique(block * tiling.row_blocks + row_block), tiling.row_blocks)
    starts = _row_starts(layer, design)
    inputs = groups[held] * (starts[rows + 1] - starts[rows])
    begins = first_group[held] * layer.rows + starts[rows]
    ends = (first_group[held] + groups[held] - 1) * layer.rows + starts[rows + 1]
    held, columns = np.divmod(np.unique(block * tiling.column_blocks + column_block), tiling.column_blocks)
    width, cells = design.array.columns, design.cells_per_weight
    first = columns * width // cells
    last = np.minimum(-(-(columns + 1) * width // cells), layer.outputs // layer.groups)
    # an output whose cells stand in two of these blocks is one output
    first[1:] = np.where(held[1:] == held[:-1], np.maximum(first[1:], last[:-1]), first[1:])
    outputs = groups[held] * (last - first)
    return Share(stop - start, int(inputs.sum()), int(begins.min()), int(ends.max()), int(outputs.sum()))

"""What cells seem to conduct because wires have a resistance.

    source ==== o ==== o ==== o        ==  a segment of a row
                |      |      |         |  a cell, from its row to its column
                .      .      .         .  a node of a column, a segment above the next (the last: above 0 V)

Cells are ohmic, so that the network is linear: the currents of the columns are the voltages of the rows times a matrix,
whatever the voltages are. That is not so where cells are not ohmic, or where a row that is not driven is cut off from
its cells instead of being held at 0 V.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.errors import InputError, Problem

Floats = npt.NDArray[np.float64]

MOST_KEPT = 2**25
"""Cells whose effective conductances are kept for the next array that is the same."""


def effective_conductances(conductances: npt.NDArray[Any], wire_ratio: float) -> Floats:
    """The conductances (rows, columns) of an array without wires whose columns carry the same currents: those of
    voltages (vectors, rows) are `voltages @ result`.

    `conductances` (rows, columns), from 0, are in units of that of a cell that is fully on, `wire_ratio` is the
    resistance of a segment of wire in units of that cell's resistance; 0 gives the conductances back as they are.

    A row is driven by an ideal source at its left end, a column is held at 0 V at its bottom end, both ends being open
    on the other side. A row has as many segments as columns: one from the source to the first cell, and one between
    any two neighbours. A column has as many as rows: one between any two neighbours, and one from the last cell to
    0 V. So the cell at the bottom left sees the fewest, two.

    Kirchhoff's equations are solved line by line: the nodes of a row's wire are eliminated, which leaves a block
    tridiagonal system of the nodes of the columns' wires, and of that the inverse of each block. No iteration, no
    tolerance. The last bits depend on the machine's LAPACK; rounded to a grid the results are equal, but for those
    within 1e-12 of a tie. Another shape, and numbers that are negative or not finite, raise `InputError`.
    """
    given = np.asarray(conductances, dtype=np.float64)
    _check(given, ("rows", "columns"), wire_ratio)
    if not wire_ratio:
        return given
    rows, columns = given.shape
    if columns <= rows:
        return _solved(given * wire_ratio) / wire_ratio
    # Seen from the columns' ends it is the same network, and what a row gives a column the column gives the row.
    return _solved(given[::-1, ::-1].T * wire_ratio).T[::-1, ::-1] / wire_ratio


def with_ir_drop(cells: npt.NDArray[Any], columns: int, wire_ratio: float) -> Floats:
    """What `cells` (slices, rows, outputs) conduct as `effective_conductances` says, in arrays of `columns` columns.

    The slices of an output are neighbouring columns, outputs stand side by side, and arrays are filled one after the
    other. What a matrix leaves free of an array is not there: the rows farthest from the converters and the columns
    farthest from the drivers, through which no current would flow. Bad cells raise `InputError`.
    """
    given = np.asarray(cells, dtype=np.float64)
    _check(given, ("slices", "rows", "outputs"), wire_ratio)
    if not wire_ratio:
        return given
    slices, rows, outputs = given.shape
    side_by_side = given.transpose(1, 2, 0).reshape(rows, outputs * slices)
    starts = range(0, outputs * slices, columns)
    found = [_KEPT.solved(side_by_side[:, start : start + columns], wire_ratio) for start in starts]
    return np.concatenate(found, axis=1).reshape(rows, outputs, slices).transpose(2, 0, 1)


def _solved(cells: Floats) -> Floats:
    """As `effective_conductances`, conductances being in units of that of a segment of wire.

    With `g` the cells of row `i`, `v` and `u` the voltages along its wire and where the columns' wires meet its cells,
    and `T` the row's own equations, `v = T^-1 (g u + e V)`, `e` being 1 at the driven end. The columns' wires then say
    `(2 + g - g T^-1 g) u_i - u_(i-1) - u_(i+1) = g T^-1 e V_i`: eliminated from the top, `S_i = 2 + g - g T^-1 g -
    S_(i-1)^-1`, until the bottom row answers the current into 0 V, which is `u`.
    """
    rows, columns = cells.shape
    above, driven = np.zeros((columns, columns)), np.empty((columns, rows))
    for index, cell in enumerate(cells):
        wire = _row_inverse(cell)
        block = -cell[:, None] * wire * cell
        # The top row has no wire above it.
        block.flat[:: columns + 1] += cell + (2 if index else 1)
        driven[:, :index] = above @ driven[:, :index]
        driven[:, index] = cell * wire[:, 0]
        above = np.linalg.inv(block - above)
    return (above @ driven).T


def _row_inverse(cells: Floats) -> Floats:
    """The inverse (columns, columns) of the equations of a driven row whose cells (columns,) lead to 0 V.

    Of a tridiagonal matrix with -1 beside its diagonal: with pivots `p` from the left and `q` from the right an element
    of the diagonal is `1 / (p + q - d)`, and to the left of it, or above, each is that of the next over `p`.
    """
    columns = len(cells)
    diagonal = cells + 2
    diagonal[-1] -= 1
    left, right = _pivots(diagonal), _pivots(diagonal[::-1])[::-1]
    shares = np.ones((columns, columns))
    shares[:, 1:] /= left[:-1]
    upper = np.triu(np.where(_above_diagonal(columns), shares, 1).cumprod(axis=1)) / (left + right - diagonal)
    return upper + np.triu(upper, 1).T


def _above_diagonal(size: int) -> npt.NDArray[np.bool_]:
    return np.less.outer(np.arange(size), np.arange(size))


def _pivots(diagonal: Floats) -> Floats:
    pivots, pivot = [], np.inf
    for element in diagonal.tolist():
        pivot = element - 1 / pivot
        pivots.append(pivot)
    return np.array(pivots)


class _Kept:
    """Solved arrays, the last ones asked for, up to `most` cells in all: runs over seeds and sweeps write the same
    ideal cells over and over."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._cells = 0
        self._solved: OrderedDict[tuple[tuple[int, ...], float, bytes], Floats] = OrderedDict()

    def solved(self, conductances: Floats, wire_ratio: float) -> Floats:
        """`effective_conductances`, which cannot be written to."""
        digest = hashlib.sha256(np.ascontiguousarray(conductances).data).digest()
        key = (conductances.shape, wire_ratio, digest)
        if key in self._solved:
            self._solved.move_to_end(key)
            return self._solved[key]
        found = self._solved[key] = effective_conductances(conductances, wire_ratio)
        found.flags.writeable = False
        self._cells += found.size
        while self._cells > self._most:
            _, oldest = self._solved.popitem(last=False)
            self._cells -= oldest.size
        return found


_KEPT = _Kept(MOST_KEPT)


def _check(cells: Floats, axes: tuple[str, ...], wire_ratio: float) -> None:
    problems = []
    if cells.ndim != len(axes) or not cells.size:
        shape = f"({', '.join(axes)}), none of them 0"
        problems.append(Problem("crossbar conductances", "shape", str(cells.shape), shape))
    elif not (np.isfinite(cells).all() and cells.min() >= 0):
        wrong = cells[~(np.isfinite(cells) & (cells >= 0))][0]
        problems.append(Problem("crossbar conductances", value=str(wrong), expected="finite numbers from 0"))
    if not (math.isfinite(wire_ratio) and wire_ratio >= 0):
        problems.append(Problem("crossbar", "device.wire_ratio", str(wire_ratio), "a finite number from 0"))
    if problems:
        raise InputError(*problems)

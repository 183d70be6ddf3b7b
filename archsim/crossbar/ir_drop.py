"""What cells seem to conduct behind wires that have a resistance.

Each cell joins the wire of its row to the wire of its column. A row is driven at its left end by an ideal source, a
column is held at 0 V at its bottom end. Every wire has one segment for each of its cells, all of one resistance: those
of a row lie between the driver and the first cell and between neighbouring cells, with nothing beyond the last cell;
those of a column between neighbouring cells and between the last cell and the ground, with nothing above the first.

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

Doubles = npt.NDArray[np.float64]

_BYTES_KEPT = 2**29
"""What solved arrays may take before the one is forgotten that was asked for longest ago."""


def effective_conductances(conductances: npt.NDArray[Any], wire_ratio: float) -> Doubles:
    """The conductances (rows, columns) with which an array would have the same currents if its wires had no resistance.

    `conductances` (rows, columns), from 0, are in units of that of a cell that is fully on, and so is the answer;
    `wire_ratio` is the resistance of a segment of wire over that of such a cell. Currents of columns are then voltages
    (vectors, rows) @ the answer.

    Kirchhoff's equations are solved exactly, column by column from the right, with dense inverses (block-tridiagonal
    elimination): of the nodes along a column there remain those on the rows, which load the rows of the column before.
    With `wire_ratio` 0 the answer is `conductances`. The last bits depend on the machine's linear algebra: rounded to a
    grid, answers are the same on all machines unless a value lies within 1e-12 of the middle of two grid points.

    Raises `InputError` for another shape, and for numbers that are negative or not finite.
    """
    cells = np.asarray(conductances, dtype=np.float64)
    _check(cells, ("rows", "columns"), wire_ratio)
    if not wire_ratio:
        return cells
    rows, columns = cells.shape
    row_wires = 2 * np.eye(rows)
    column_wire = row_wires - np.eye(rows, k=1) - np.eye(rows, k=-1)
    column_wire[0, 0] -= 1
    answer = np.zeros((columns, rows))
    # Voltages of a column's rows are `carried` times those of the column before; beyond the last they are its own.
    carried: npt.NDArray[Any] = np.eye(rows)
    for column in reversed(range(columns)):
        ratios = wire_ratio * cells[:, column]
        response = np.linalg.inv(column_wire + np.diag(ratios))
        load = np.diag(ratios) - ratios[:, None] * response * ratios
        carried = np.linalg.inv(row_wires + load - carried)
        answer[column] = response[-1] * cells[:, column]
        answer[column:] = answer[column:] @ carried
    return np.ascontiguousarray(answer.T)


def with_ir_drop(cells: npt.NDArray[Any], columns: int, wire_ratio: float) -> Doubles:
    """Effective conductances of cells (slices, rows, outputs) that are placed in arrays of `columns` columns.

    The slices of an output are neighbouring columns, lowest slice first, and outputs stand side by side; an array is
    full before the next begins, so that an output may be split. Columns of the last array that hold nothing, and rows
    that are not given, are not there. Units, exactness and errors are those of `effective_conductances`. An array that
    was solved before in this process is not solved again.
    """
    conductances = np.asarray(cells, dtype=np.float64)
    _check(conductances, ("slices", "rows", "outputs"), wire_ratio)
    if columns < 1:
        raise InputError(Problem("crossbar", "array.columns", str(columns), "an integer from 1"))
    if not wire_ratio:
        return conductances
    slices, rows, outputs = conductances.shape
    side_by_side = conductances.transpose(1, 2, 0).reshape(rows, outputs * slices)
    solved = [
        _SOLVED.solve(side_by_side[:, start : start + columns], wire_ratio)
        for start in range(0, outputs * slices, columns)
    ]
    return np.ascontiguousarray(np.concatenate(solved, axis=1).reshape(rows, outputs, slices).transpose(2, 0, 1))


class Solved:
    """Arrays that are solved already, told by a hash of what their cells conduct; runs over seeds and settings have the
    same ideal cells again and again."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._answers: OrderedDict[bytes, Doubles] = OrderedDict()

    def solve(self, conductances: Doubles, wire_ratio: float) -> Doubles:
        """As `effective_conductances`; the answer cannot be written to."""
        described = repr((conductances.shape, wire_ratio)).encode()
        key = hashlib.blake2b(conductances.tobytes(), key=hashlib.sha256(described).digest()).digest()
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        answer = effective_conductances(conductances, wire_ratio)
        answer.flags.writeable = False
        self._answers[key] = answer
        self._bytes += answer.nbytes
        while self._bytes > self._most_bytes:
            _, forgotten = self._answers.popitem(last=False)
            self._bytes -= forgotten.nbytes
        return answer


_SOLVED = Solved(_BYTES_KEPT)


def _check(cells: Doubles, axes: tuple[str, ...], wire_ratio: float) -> None:
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

"""Which values each window needs: the relation between a consumer's windows and its source's slots.

A slot is a position of the source's result, in raster order. A `GridNeed` is a product of rows and a range of
columns (convolutions, pools, identity, everything); a `ListNeed` spells any other relation out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from archsim.graph import Sliding
from archsim.mapping.grids import Grid

Integers = npt.NDArray[np.int64]

MISSING = 1 << 1000
"""The time of a value that has not arrived: later than any time, however short the tick."""


class Need(Protocol):
    """What each of `windows` windows needs of a source with `slots` slots."""

    @property
    def windows(self) -> int:
        """How many windows need something."""

    @property
    def slots(self) -> int:
        """How many slots the source has."""

    @property
    def table(self) -> Integers:
        """The slots of each window in ascending order, as (windows, most slots); -1 where there are fewer."""

    def latest(self, times: list[int], window: int) -> int:
        """The largest of `times` among the window's slots, 0 if it needs none."""

    def missing(self, times: list[int], window: int) -> int:
        """The last slot of the window whose time is MISSING."""

    def latest_all(self, times: Integers) -> Integers:
        """`latest` for all windows at once."""


@dataclass(frozen=True)
class GridNeed:
    """Window (r, c) of `grid` needs the slots in rows `rows[r]` and columns `starts[c]:stops[c]:step`."""

    grid: Grid
    source: Grid
    rows: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    step: int = 1

    @property
    def windows(self) -> int:
        """How many windows the grid has."""
        return self.grid.size

    @property
    def slots(self) -> int:
        """How many slots the source has."""
        return self.source.size

    def latest(self, times: list[int], window: int) -> int:
        """The largest of `times` among the window's slots, 0 if it needs none."""
        row, column = divmod(window, self._columns)
        start, stop, step = self.starts[column], self.stops[column], self.step
        if start >= stop:
            return 0
        latest = 0
        for offset in self._offsets[row]:
            time = max(times[offset + start : offset + stop : step])
            if time > latest:
                latest = time
                if time == MISSING:
                    break
        return latest

    def missing(self, times: list[int], window: int) -> int:
        """The last slot of the window whose time is MISSING."""
        row, column = divmod(window, self.grid.columns)
        for source_row in reversed(self.rows[row]):
            offset = source_row * self.source.columns
            for slot in reversed(range(offset + self.starts[column], offset + self.stops[column], self.step)):
                if times[slot] == MISSING:
                    return slot
        raise LookupError(f"window {window} has all it needs")

    @cached_property
    def _columns(self) -> int:
        return self.grid.columns

    @cached_property
    def _offsets(self) -> tuple[tuple[int, ...], ...]:
        """The first slots of the rows that each row of windows needs, the last row first."""
        return tuple(tuple(row * self.source.columns for row in reversed(rows)) for rows in self.rows)

    @cached_property
    def _row_table(self) -> Integers:
        return _padded(self.rows)

    @cached_property
    def _column_table(self) -> Integers:
        columns = [range(a, b, self.step) for a, b in zip(self.starts, self.stops, strict=True)]
        return _padded(columns)

    @cached_property
    def table(self) -> Integers:
        """The slots of each window, ascending, -1 where there are fewer."""
        rows, columns = self._row_table[:, None, :, None], self._column_table[None, :, None, :]
        slots = np.where((rows < 0) | (columns < 0), -1, rows * self.source.columns + columns)
        return slots.reshape(self.windows, -1)

    def latest_all(self, times: Integers) -> Integers:
        """`latest` for all windows at once, rows first and then columns."""
        padded = np.zeros((self.source.rows + 1, self.source.columns + 1), np.int64)
        padded[:-1, :-1] = times.reshape(self.source.rows, self.source.columns)
        by_row = _maximum(padded, self._row_table)
        return _maximum(by_row.T, self._column_table).T.reshape(-1)


@dataclass(frozen=True)
class ListNeed:
    """Window w needs the slots `table[w]` that are not -1."""

    table: Integers
    slots: int

    @property
    def windows(self) -> int:
        """How many windows there are."""
        return len(self.table)

    @cached_property
    def _lists(self) -> list[list[int]]:
        return [[slot for slot in row if slot >= 0] for row in self.table.tolist()]

    def latest(self, times: list[int], window: int) -> int:
        """The largest of `times` among the window's slots, 0 if it needs none."""
        return max([times[slot] for slot in self._lists[window]], default=0)

    def missing(self, times: list[int], window: int) -> int:
        """The last slot of the window whose time is MISSING."""
        return max(slot for slot in self._lists[window] if times[slot] == MISSING)

    def latest_all(self, times: Integers) -> Integers:
        """`latest` for all windows at once."""
        latest: Integers = np.append(times, 0)[self.table].max(axis=1, initial=0)
        return latest


def first_needed(table: Integers, ranks: Integers, total: int) -> Integers:
    """For each row of a table of slots the lowest rank that it or a later row needs, `total` if they need none."""
    first = np.where(table < 0, total, ranks[table]).min(axis=1, initial=total)
    return np.minimum.accumulate(first[::-1])[::-1]


def _padded(lists: tuple[tuple[int, ...], ...] | list[range]) -> Integers:
    most = max((len(row) for row in lists), default=0)
    table = np.full((len(lists), most), -1, np.int64)
    for index, row in enumerate(lists):
        table[index, : len(row)] = row
    return table


def _maximum(values: Integers, table: Integers) -> Integers:
    """Row i of the answer is the maximum of the rows table[i] of `values` (its last row stands for none)."""
    result = np.zeros((len(table), values.shape[1]), np.int64)
    for column in table.T:
        np.maximum(result, values[column], out=result)
    return result


def identity(grid: Grid) -> GridNeed:
    """Each window needs the slot at its own place."""
    columns = range(grid.columns)
    rows = tuple((row,) for row in range(grid.rows))
    return GridNeed(grid, grid, rows, tuple(columns), tuple(column + 1 for column in columns))


def previous(grid: Grid, distance: int) -> ListNeed:
    """Each window needs the result of the one `distance` before it; the first ones need none."""
    before = np.arange(grid.size)[:, None] - distance
    return ListNeed(np.maximum(before, -1), grid.size)


def of_first(need: Need, windows: int) -> ListNeed:
    """The same need for the first windows of `windows`; the others need nothing."""
    table = np.full((windows, need.table.shape[1]), -1, np.int64)
    table[: need.windows] = need.table
    return ListNeed(table, need.slots)


def everything(windows: int, source: Grid) -> GridNeed:
    """Each window needs all slots."""
    return GridNeed(Grid(1, windows), source, (tuple(range(source.rows)),), (0,) * windows, (source.columns,) * windows)


def sliding(access: Sliding, batch: int, spatial_in: tuple[int, ...], spatial_out: tuple[int, ...]) -> GridNeed:
    """What a kernel that slides over `spatial_in` (without batch and channels) needs at each output position."""
    *outer, last = (_axis(access, axis, spatial_in[axis], spatial_out[axis]) for axis in range(len(spatial_in)))
    rows: list[tuple[int, ...]] = [()] if not batch else [(sample,) for sample in range(batch)]
    for axis, positions in enumerate(outer):
        size = spatial_in[axis]
        rows = [tuple(a * size + b for a in row for b in position) for row in rows for position in positions]
    width = spatial_in[-1]
    starts = tuple(position.start for position in last)
    stops = tuple(position.stop for position in last)
    source = Grid(batch * int(np.prod(spatial_in[:-1])), width)
    return GridNeed(Grid(len(rows), len(last)), source, tuple(rows), starts, stops, access.dilations[-1])


def _axis(access: Sliding, axis: int, size_in: int, size_out: int) -> list[range]:
    """The inputs on one axis that each output reads, those in the padding left out."""
    step, span = access.dilations[axis], access.dilations[axis] * (access.kernel[axis] - 1)
    result = []
    for output in range(size_out):
        first = output * access.strides[axis] - access.pads_begin[axis]
        start = first if first >= 0 else first + -(first // step) * step
        stop = min(first + span + 1, size_in)
        result.append(range(start, max(start, stop), step))
    return result

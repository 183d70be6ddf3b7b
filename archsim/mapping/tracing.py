"""Finds, through layers that only move elements, which positions of which producers a tensor holds.

The layout layers are run on an array of slot numbers, so that any chain of Reshape, Transpose, Concat,
Slice or Pad is followed exactly, by the same function that moves the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archsim.graph import FreeLayer, Graph, LayoutLayer, RecurrentLayer
from archsim.graph.tensors import Array
from archsim.mapping.grids import Grid
from archsim.mapping.needs import Integers

FIRST = 1 << 40
"""Numbers of elements start here while they are traced, so that no number that a layer inserts looks like one."""


@dataclass(frozen=True, slots=True)
class Source:
    """A tensor that somebody writes position by position: a stage's result or an input of the graph."""

    index: int
    tensor: str
    shape: tuple[int, ...]
    channel_axis: int
    grid: Grid

    @property
    def channels(self) -> int:
        """Values in each position."""
        return self.shape[self.channel_axis] if self.shape else 1


class Tracer:
    """Traces tensors back to sources; sources are added as the stages are built."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.sources: dict[str, Source] = {}

    def slots(self, tensor: str) -> Array:
        """For each element of the tensor the slot it comes from, counted on through the sources; -1 for none."""
        traced = self._trace(tensor)
        return np.where(traced >= FIRST, traced - FIRST, -1)

    def offsets(self) -> Mapping[int, int]:
        """The first slot number of each source."""
        offsets, total = {}, 0
        for source in self.sources.values():
            offsets[source.index] = total
            total += source.grid.size
        return offsets

    def divide(self, table: Integers) -> list[tuple[Source, Integers]]:
        """Divides a (windows, any) table of traced slots into one table of its own slots for each source it touches.

        Each row comes back ascending and without repeats, -1 where a row has fewer slots than the longest.
        """
        result, offsets = [], self.offsets()
        for source in self.sources.values():
            first = offsets[source.index]
            mine = (table >= first) & (table < first + source.grid.size)
            if mine.any():
                result.append((source, compact(np.where(mine, table - first, -1))))
        return result

    def _trace(self, tensor: str) -> Array:
        source = self.sources.get(tensor)
        if source is not None:
            return self._positions(source)
        layer = self._graph.producers[tensor]
        if isinstance(layer, LayoutLayer):
            moved = carried(layer, {name: self._trace(name) for name in layer.inputs})
            return moved[layer.results.index(tensor)]
        if isinstance(layer, RecurrentLayer) and tensor != layer.results[0]:
            return _last_steps(layer, self._trace(layer.results[0]))
        if isinstance(layer, FreeLayer):
            latest = max((int(self._trace(x).max(initial=0)) for x in layer.inputs), default=0)
            return np.full(self._graph.tensors[tensor].shape, latest, np.int64)
        raise LookupError(f"{tensor!r} is written by {layer.name!r}, which is no stage yet")

    def _positions(self, source: Source) -> Array:
        first = FIRST + self.offsets()[source.index]
        axis = source.channel_axis
        shape = list(source.shape)
        if shape:
            shape[axis] = 1
        return np.broadcast_to(first + np.arange(source.grid.size).reshape(shape), source.shape)


def carried(layer: LayoutLayer, numbered: Mapping[str, Array]) -> tuple[Array, ...]:
    """The results of `layer` for operands whose elements are numbers from `FIRST` on; constants have none."""
    operands = (numbered[x] if isinstance(x, str) else np.zeros(x.shape, np.int64) for x in layer.operands)
    return layer.compute(*operands)


def _last_steps(layer: RecurrentLayer, every: Array) -> Array:
    """What the last states hold, (1, batch, hidden): they are there with the result of each sequence's last step."""
    windows = layer.windows // layer.batch
    steps = (windows // len(layer.rounds),) * layer.batch if layer.lengths is None else layer.lengths
    last = np.array(steps) * len(layer.rounds) - 1
    found: Array = every[last, 0, np.arange(layer.batch)][None]
    return found


def compact(table: Integers) -> Integers:
    """The same rows ascending, without repeats, -1 at the end, with no more columns than the longest row needs."""
    high = np.iinfo(np.int64).max
    ordered = np.sort(np.where(table < 0, high, table), axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = high
    ordered = np.sort(ordered, axis=1)
    width = int((ordered < high).sum(axis=1).max(initial=0))
    ordered = ordered[:, :width]
    return np.where(ordered == high, -1, ordered)

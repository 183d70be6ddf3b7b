"""What the windows of a layer need of the sources of its operands: stages, and inputs of the network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from archsim.errors import input_error
from archsim.graph import Graph, MatrixLayer, Pointwise, Product, Reduced, Sliding, VectorLayer
from archsim.graph.tensors import Array
from archsim.mapping.grids import Grid, grid_of
from archsim.mapping.input_axes import channel_axis
from archsim.mapping.needs import Integers, ListNeed, Need, everything, identity, sliding
from archsim.mapping.stages import StageInput
from archsim.mapping.tracing import Source, Tracer, compact

# Tables of what each position needs have to fit the memory of a usual machine.
_MOST_PAIRS = 1 << 26


class Operands:
    """The sources of a graph so far, and what layers need of them, followed through the layers that move elements."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.tracer = Tracer(graph)
        for index, tensor in enumerate(graph.inputs):
            self.add_source(-1 - index, tensor.name, channel_axis(graph, tensor))

    def add_source(self, index: int, tensor: str, axis: int) -> Source:
        """A tensor whose positions, each with all values along an axis, come from stage or input `index`."""
        shape = self.graph.tensors[tensor].shape
        source = Source(index, tensor, shape, axis, grid_of(shape, axis))
        self.tracer.sources[tensor] = source
        return source

    def of_matrix(self, layer: MatrixLayer, tensor: str) -> list[StageInput]:
        """What the windows of a matrix layer need of the tensor that they read."""
        shape = self.graph.tensors[tensor].shape
        shape_out = self.graph.tensors[layer.results[0]].shape
        source = self.tracer.sources.get(tensor)
        if isinstance(layer.access, Sliding):
            need = sliding(layer.access, shape[0], shape[2:], shape_out[2:])
            if source is not None and source.channel_axis == 1:
                return [StageInput(source.index, source.channels, need)]
            return self.through(need, self.by_position(tensor, 1))
        if source is not None and source.channel_axis == len(shape) - 1:
            return [StageInput(source.index, source.channels, identity(source.grid))]
        return self.through(None, self.by_position(tensor, len(shape) - 1))

    def by_position(self, tensor: str, channel_axis: int) -> Array:
        """The traced slots of each position of a tensor, as (positions, distinct slots along the channels)."""
        traced = np.moveaxis(self.tracer.slots(tensor), channel_axis, -1)
        table = traced.reshape(-1, traced.shape[-1])
        changes = np.ones(table.shape[1], bool)
        changes[1:] = (table[:, 1:] != table[:, :-1]).any(axis=0)
        return compact(table[:, changes])

    def through(self, need: Need | None, positions: Array) -> list[StageInput]:
        """The inputs of windows that need `need` of the positions (None: each its own)."""
        table = positions
        if need is not None:
            padded = np.concatenate([positions, np.full((1, positions.shape[1]), -1)])
            table = padded[need.table].reshape(need.windows, -1)
        return [
            StageInput(source.index, source.channels, _simplest(slots, source.grid))
            for source, slots in self.tracer.divide(table)
        ]

    def whole(self, tensor: str) -> list[StageInput]:
        """An input whose window w is the w-th position of those of each source that the tensor holds."""
        source = self.tracer.sources.get(tensor)
        if source is not None:
            return [StageInput(source.index, source.channels, identity(source.grid))]
        return [
            StageInput(source.index, source.channels, _simplest(slots.reshape(-1, 1), source.grid))
            for source, slots in self._touched(tensor)
        ]

    def _touched(self, tensor: str) -> list[tuple[Source, Integers]]:
        """The sources that a tensor holds positions of, and which."""
        return self.tracer.divide(self.tracer.slots(tensor).reshape(1, -1))

    def kept_axis(self, layer: VectorLayer, shape_out: tuple[int, ...], axis: int) -> int:
        """The axis of an operand, moved about by layouts, that still holds the values of positions, the longest such;
        else `axis`."""
        for tensor in layer.inputs:
            if self.graph.tensors[tensor].shape == shape_out:
                slots = self.tracer.slots(tensor)
                kept = [n for n, size in enumerate(shape_out) if size > 1 and (slots == slots.take([0], n)).all()]
                if kept:
                    return max(kept, key=lambda number: shape_out[number])
        return axis

    def of_reduction(self, layer: VectorLayer, access: Reduced, axis: int) -> tuple[int, tuple[StageInput, ...]]:
        """The axis of a reduction's result that holds the values of a position (that of its operand, if it is still
        there), and what each position needs. Values of whole positions are taken up as they come."""
        tensor = layer.inputs[0]
        shape, source = self.graph.tensors[tensor].shape, self.tracer.sources.get(tensor)
        kept = [number for number in range(len(shape)) if access.keepdims or number not in access.axes]
        if source is not None and source.channel_axis in kept:
            axis = kept.index(source.channel_axis)
        row = [kept[axis]] if kept and kept[axis] not in access.axes else []
        places = [number for number in kept if number not in row and number not in access.axes]
        columns = self.tracer.slots(tensor).transpose([*places, *access.axes, *row])
        windows = math.prod(shape[number] for number in places)
        inputs = self.through(None, compact(columns.reshape(windows, -1)))
        if not row or shape[row[0]] == 1:
            # all that is read of a position goes into one result
            return axis, tuple(replace(item, pooled=_once(item.need.table)) for item in inputs)
        length = shape[row[0]]
        parts = self.tracer.divide(columns.reshape(-1, max(length, 1)))
        whole = {found.index for found, slots in parts if slots.shape[1] == 1 and found.channels <= length}
        return axis, tuple(replace(item, pooled=item.source in whole) for item in inputs)

    def of_position(self, tensor: str, layer: VectorLayer, axis: int) -> list[StageInput]:
        """What each position of the layer's result needs of one operand."""
        shape_in, shape_out = self.graph.tensors[tensor].shape, self.graph.tensors[layer.results[0]].shape
        source = self.tracer.sources.get(tensor)
        direct = source is not None and source.channel_axis == axis
        if isinstance(layer.access, Sliding):
            need = sliding(layer.access, shape_in[0], shape_in[2:], shape_out[2:])
            return self.through(need, self.by_position(tensor, 1))
        if isinstance(layer.access, Pointwise) and _local(layer.access, shape_in, shape_out, axis):
            if direct and source is not None and source.shape == shape_out:
                return [StageInput(source.index, source.channels, identity(source.grid))]
            traced = np.broadcast_to(self.tracer.slots(tensor), shape_out)
            table = np.moveaxis(traced, axis, -1)
            return self.through(None, compact(table.reshape(-1, table.shape[-1])))
        if isinstance(layer.access, Product) and tensor == layer.inputs[0] != layer.inputs[-1]:
            rows = np.broadcast_to(self.tracer.slots(tensor), (*shape_out[:-1], shape_in[-1]))
            return self.through(None, compact(rows.reshape(-1, shape_in[-1])))
        windows = grid_of(shape_out, axis).size
        needed = sum(source.grid.size for source, _ in self._touched(tensor))
        if windows * needed > _MOST_PAIRS:
            raise input_error(
                self.graph.name,
                f"layer {layer.name!r}",
                value=f"{windows} positions that each wait for all {needed} of {tensor!r}",
                expected=f"at most {_MOST_PAIRS} of positions x what they wait for",
            )
        return [
            StageInput(source.index, source.channels, everything(windows, source.grid))
            for source, _ in self._touched(tensor)
        ]


def _once(table: Integers) -> bool:
    """Whether each slot is needed by one window."""
    slots = table[table >= 0]
    return np.unique(slots).size == slots.size


def _local(access: Pointwise, operand: Sequence[int], shape: Sequence[int], channel_axis: int) -> bool:
    """Whether each position needs only its own position of the operand: one that does not broadcast to the result
    (scales along another axis than the last) is needed whole."""
    aligned = zip(reversed(operand), reversed(shape), strict=False)
    fits = len(operand) <= len(shape) and all(size in (1, whole) for size, whole in aligned)
    return fits and {axis % len(shape) for axis in access.mixes} <= {channel_axis}


def _simplest(slots: Array, grid: Grid) -> Need:
    """A relation as a grid where it is one (identity, everything), as a list where not."""
    if slots.shape == (grid.size, 1) and bool((slots[:, 0] == np.arange(grid.size)).all()):
        return identity(grid)
    if slots.shape[1] == grid.size and bool((slots == np.arange(grid.size)).all()):
        return everything(len(slots), grid)
    return ListNeed(slots, grid.size)

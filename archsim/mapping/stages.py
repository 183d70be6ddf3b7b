"""Divides the graph into stages: units of work that run window by window on one set of tiles.

A stage is a matrix layer (or a vector layer that nothing can take along) with the vector layers that its
tiles' special functions do on each result before it leaves: position by position, then at most one pool.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from archsim.errors import input_error
from archsim.graph import Constant, Graph, MatrixLayer, Pointwise, RecurrentLayer, Reduced, Sliding, VectorLayer, Whole
from archsim.graph.layers import Operand
from archsim.graph.tensors import Array
from archsim.mapping.grids import Grid, grid_of
from archsim.mapping.input_axes import channel_axis
from archsim.mapping.needs import Integers, ListNeed, Need, everything, identity, of_first, previous, sliding
from archsim.mapping.tracing import Source, Tracer, compact

# Tables of what each position needs have to fit the memory of a usual machine.
_MOST_PAIRS = 1 << 26


@dataclass(frozen=True, slots=True)
class StageInput:
    """What a stage's windows need of one source: stage `source`, or input -1 - `source` of the graph. A recurrent
    stage is a source of its own: its windows need results of earlier ones.

    `pooled`: each window takes one value, which is pooled from those it needs as they arrive.
    """

    source: int
    channels: int
    need: Need
    pooled: bool = False

    @property
    def held(self) -> Need:
        """What a window needs of what the buffer holds: the values of the source, or those pooled from them."""
        return identity(Grid(1, self.need.windows)) if self.pooled else self.need


@dataclass(frozen=True, slots=True)
class Stage:
    """A unit of work.

    `grid` holds its windows, `slot_grid` the positions of its result, which is smaller where `pool` (whose
    window s needs the raw results `pool_need`) comes last. `inputs` are needed before a window starts,
    `joins` before its result leaves. `channels` is the number of values in a position of the result.
    """

    index: int
    layer: MatrixLayer | VectorLayer
    fused: tuple[VectorLayer, ...]
    pool: VectorLayer | None
    grid: Grid
    slot_grid: Grid
    pool_need: Need | None
    inputs: tuple[StageInput, ...]
    joins: tuple[StageInput, ...]
    result: str
    channels: int

    @property
    def name(self) -> str:
        """The name of the stage's first layer."""
        return self.layer.name

    @property
    def windows(self) -> int:
        """Windows of one image."""
        return self.grid.size

    @property
    def matrix(self) -> MatrixLayer | None:
        """The stage's matrix layer, if it has one."""
        return self.layer if isinstance(self.layer, MatrixLayer) else None

    @property
    def recurrent(self) -> RecurrentLayer | None:
        """The stage's matrix layer, if its windows need results of earlier ones."""
        return self.layer if isinstance(self.layer, RecurrentLayer) else None

    @property
    def sfu_layers(self) -> tuple[VectorLayer | RecurrentLayer, ...]:
        """The layers that keep the special functions busy."""
        return (*((self.recurrent,) if self.recurrent else ()), *self.vector_layers)

    @property
    def vector_layers(self) -> tuple[VectorLayer, ...]:
        """The vector layers that the stage runs, in order."""
        first = (self.layer,) if isinstance(self.layer, VectorLayer) else ()
        return (*first, *self.fused, *((self.pool,) if self.pool else ()))


@dataclass(frozen=True, slots=True)
class Stages:
    """All stages in topological order, the graph's inputs as sources, and what the outputs need."""

    stages: tuple[Stage, ...]
    inputs: tuple[Source, ...]
    outputs: tuple[StageInput, ...]


def build_stages(graph: Graph) -> Stages:
    """Divides `graph` into stages (pure; the same graph gives the same stages)."""
    builder = _Builder(graph)
    for layer in graph.layers:
        if isinstance(layer, RecurrentLayer):
            builder.add_recurrent(layer)
        elif isinstance(layer, MatrixLayer):
            builder.add_matrix(layer)
        elif isinstance(layer, VectorLayer):
            builder.add_vector(layer)
    inputs = tuple(source for source in builder.tracer.sources.values() if source.index < 0)
    outputs = tuple(item for tensor in graph.outputs for item in builder.whole(tensor))
    return Stages(tuple(builder.stages), inputs, outputs)


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.stages: list[Stage] = []
        self.tracer = Tracer(graph)
        for index, tensor in enumerate(graph.inputs):
            self._add_source(-1 - index, tensor.name, channel_axis(graph, tensor))

    def _add_source(self, index: int, tensor: str, channel_axis: int) -> Source:
        shape = self.graph.tensors[tensor].shape
        source = Source(index, tensor, shape, channel_axis, grid_of(shape, channel_axis))
        self.tracer.sources[tensor] = source
        return source

    def add_matrix(self, layer: MatrixLayer) -> None:
        result = layer.results[0]
        tensor = layer.inputs[0]
        self._add(layer, layer.channel_axis, tuple(self._matrix_inputs(layer, tensor)), result)

    def add_recurrent(self, layer: RecurrentLayer) -> None:
        """A step needs its input and the result of the step before; the first of a sequence the first hidden state,
        and, before its result leaves, the first cell state."""
        index, result = len(self.stages), layer.results[0]
        inputs = self._matrix_inputs(layer, layer.inputs[0])
        firsts = [self._first_state(layer, operand) for operand in layer.operands[1:]]
        if layer.windows > layer.batch:
            grid = grid_of(self.graph.tensors[result].shape, layer.channel_axis)
            inputs.append(StageInput(index, layer.hidden, previous(grid, layer.batch)))
        self._add(layer, layer.channel_axis, (*inputs, *firsts[0]), result)
        joins = tuple(item for first in firsts[1:] for item in first)
        self.stages[index] = replace(self.stages[index], joins=joins)

    def _first_state(self, layer: RecurrentLayer, operand: Operand) -> list[StageInput]:
        """What the first steps need of a state that is computed at run time."""
        if isinstance(operand, Constant):
            return []
        items = self._through(None, self._by_position(operand, 2))
        return [replace(item, need=of_first(item.need, layer.windows)) for item in items]

    def _add(
        self, layer: MatrixLayer | VectorLayer, channel_axis: int, inputs: tuple[StageInput, ...], result: str
    ) -> None:
        index = len(self.stages)
        source = self._add_source(index, result, channel_axis)
        self.stages.append(
            Stage(index, layer, (), None, source.grid, source.grid, None, inputs, (), result, source.channels)
        )

    def _matrix_inputs(self, layer: MatrixLayer, tensor: str) -> list[StageInput]:
        shape = self.graph.tensors[tensor].shape
        shape_out = self.graph.tensors[layer.results[0]].shape
        source = self.tracer.sources.get(tensor)
        if isinstance(layer.access, Sliding):
            need = sliding(layer.access, shape[0], shape[2:], shape_out[2:])
            if source is not None and source.channel_axis == 1:
                return [StageInput(source.index, source.channels, need)]
            return self._through(need, self._by_position(tensor, 1))
        if source is not None and source.channel_axis == len(shape) - 1:
            return [StageInput(source.index, source.channels, identity(source.grid))]
        return self._through(None, self._by_position(tensor, len(shape) - 1))

    def _by_position(self, tensor: str, channel_axis: int) -> Array:
        """The traced slots of each position of a tensor, as (positions, distinct slots along the channels)."""
        traced = np.moveaxis(self.tracer.slots(tensor), channel_axis, -1)
        table = traced.reshape(-1, traced.shape[-1])
        changes = np.ones(table.shape[1], bool)
        changes[1:] = (table[:, 1:] != table[:, :-1]).any(axis=0)
        return compact(table[:, changes])

    def _through(self, need: Need | None, positions: Array) -> list[StageInput]:
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

    def add_vector(self, layer: VectorLayer) -> None:
        host = self._host(layer)
        if host is None:
            self._add_vector_stage(layer)
            return
        stage = self.stages[host]
        joins: list[StageInput] = []
        for tensor in layer.inputs:
            if tensor != stage.result:
                joins += self._operand(tensor, layer)
        if isinstance(layer.access, Pointwise):
            stage = replace(stage, fused=(*stage.fused, layer), joins=(*stage.joins, *joins))
            self._rename(stage, layer.results[0], stage.grid)
        else:
            self._pool(stage, layer)

    def _rename(self, stage: Stage, result: str, grid: Grid) -> None:
        """The stage now ends with `result`."""
        old = self.tracer.sources.pop(stage.result)
        source = self._add_source(stage.index, result, old.channel_axis)
        self.stages[stage.index] = replace(stage, result=result, slot_grid=grid, channels=source.channels)

    def _pool(self, stage: Stage, layer: VectorLayer) -> None:
        shape_in = self.graph.tensors[layer.inputs[0]].shape
        shape_out = self.graph.tensors[layer.results[0]].shape
        need: Need
        if isinstance(layer.access, Sliding):
            need = sliding(layer.access, shape_in[0], shape_in[2:], shape_out[2:])
        else:
            need = everything(1, stage.grid)
        self._rename(replace(stage, pool=layer, pool_need=need), layer.results[0], grid_of(shape_out, 1))

    def _host(self, layer: VectorLayer) -> int | None:
        """The stage that can take the layer along: it writes an operand that nothing else reads, and comes after
        those that write the other operands, so that stages stay in topological order."""
        hosts = [self.tracer.sources[t].index for t in layer.inputs if self._can_host(t, layer)]
        if not hosts:
            return None
        others = [item.source for t in layer.inputs for item in self.whole(t)]
        return max(hosts) if max(hosts) >= max(others) else None

    def _can_host(self, tensor: str, layer: VectorLayer) -> bool:
        source = self.tracer.sources.get(tensor)
        if source is None or source.index < 0 or tensor in self.graph.outputs:
            return False
        if self.stages[source.index].recurrent is not None:
            return False
        if self.graph.consumers[tensor] != (layer,) or self.stages[source.index].pool is not None:
            return False
        shape_out = self.graph.tensors[layer.results[0]].shape
        if isinstance(layer.access, Pointwise):
            mixed = {axis % len(shape_out) for axis in layer.access.mixes}
            return shape_out == source.shape and mixed <= {source.channel_axis}
        one = isinstance(layer.access, Sliding) or (isinstance(layer.access, Whole) and source.shape[0] == 1)
        return one and layer.unit == "pool" and source.channel_axis == 1 and len(layer.inputs) == 1

    def _add_vector_stage(self, layer: VectorLayer) -> None:
        shape_out = self.graph.tensors[layer.results[0]].shape
        axis = 1 if len(shape_out) > 2 else max(len(shape_out) - 1, 0)
        direct = [self.tracer.sources[t] for t in layer.inputs if t in self.tracer.sources]
        same_shape = [source for source in direct if source.shape == shape_out]
        if same_shape and not isinstance(layer.access, Sliding):
            axis = same_shape[0].channel_axis
        elif isinstance(layer.access, Whole) and layer.unit == "multiplier":
            # a row of a product at a time
            axis = len(shape_out) - 1
        elif isinstance(layer.access, Pointwise) and not direct:
            axis = self._kept_axis(layer, shape_out, axis)
        if isinstance(layer.access, Reduced):
            self._add(layer, *self._reduced(layer, layer.access, axis), layer.results[0])
            return
        inputs: list[StageInput] = []
        for tensor in layer.inputs:
            inputs += self._operand(tensor, layer, axis)
        if layer.unit == "pool":
            inputs = [replace(item, pooled=True) for item in inputs]
        self._add(layer, axis, tuple(inputs), layer.results[0])

    def _kept_axis(self, layer: VectorLayer, shape_out: tuple[int, ...], axis: int) -> int:
        """The axis of an operand, moved about by layouts, that still holds the values of positions, the longest such;
        else `axis`."""
        for tensor in layer.inputs:
            if self.graph.tensors[tensor].shape == shape_out:
                slots = self.tracer.slots(tensor)
                kept = [n for n, size in enumerate(shape_out) if size > 1 and (slots == slots.take([0], n)).all()]
                if kept:
                    return max(kept, key=lambda number: shape_out[number])
        return axis

    def _reduced(self, layer: VectorLayer, access: Reduced, axis: int) -> tuple[int, tuple[StageInput, ...]]:
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
        inputs = self._through(None, compact(columns.reshape(windows, -1)))
        if not row or shape[row[0]] == 1:
            # all that is read of a position goes into one result
            return axis, tuple(replace(item, pooled=_once(item.need.table)) for item in inputs)
        length = shape[row[0]]
        parts = self.tracer.divide(columns.reshape(-1, max(length, 1)))
        whole = {found.index for found, slots in parts if slots.shape[1] == 1 and found.channels <= length}
        return axis, tuple(replace(item, pooled=item.source in whole) for item in inputs)

    def _operand(self, tensor: str, layer: VectorLayer, axis: int | None = None) -> list[StageInput]:
        """What each position of the layer's result needs of one operand."""
        shape_in, shape_out = self.graph.tensors[tensor].shape, self.graph.tensors[layer.results[0]].shape
        if axis is None:
            axis = max(self.tracer.sources[t].channel_axis for t in layer.inputs if self._can_host(t, layer))
        source = self.tracer.sources.get(tensor)
        direct = source is not None and source.channel_axis == axis
        if isinstance(layer.access, Sliding):
            need = sliding(layer.access, shape_in[0], shape_in[2:], shape_out[2:])
            return self._through(need, self._by_position(tensor, 1))
        if isinstance(layer.access, Pointwise) and _local(layer.access, shape_in, shape_out, axis):
            if direct and source is not None and source.shape == shape_out:
                return [StageInput(source.index, source.channels, identity(source.grid))]
            traced = np.broadcast_to(self.tracer.slots(tensor), shape_out)
            table = np.moveaxis(traced, axis, -1)
            return self._through(None, compact(table.reshape(-1, table.shape[-1])))
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

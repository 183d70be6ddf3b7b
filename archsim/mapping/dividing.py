"""Divides the graph into stages."""

from __future__ import annotations

from dataclasses import replace

from archsim.graph import (
    Constant,
    Graph,
    MatrixLayer,
    Pointwise,
    Product,
    RecurrentLayer,
    Reduced,
    Sliding,
    VectorLayer,
    Whole,
)
from archsim.graph.layers import Operand
from archsim.mapping.grids import Grid, grid_of
from archsim.mapping.needs import Need, everything, of_first, previous, sliding
from archsim.mapping.operands import Operands
from archsim.mapping.stages import Stage, StageInput, Stages


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
    inputs = tuple(source for source in builder.sources.values() if source.index < 0)
    outputs = tuple(item for tensor in graph.outputs for item in builder.operands.whole(tensor))
    return Stages(tuple(builder.stages), inputs, outputs)


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.stages: list[Stage] = []
        self.operands = Operands(graph)
        self.sources = self.operands.tracer.sources

    def add_matrix(self, layer: MatrixLayer) -> None:
        result = layer.results[0]
        tensor = layer.inputs[0]
        self._add(layer, layer.channel_axis, tuple(self.operands.of_matrix(layer, tensor)), result)

    def add_recurrent(self, layer: RecurrentLayer) -> None:
        """A step needs its input and the result of the step before; the first of a sequence the first hidden state,
        and, before its result leaves, the first cell state."""
        index, result = len(self.stages), layer.results[0]
        inputs = self.operands.of_matrix(layer, layer.inputs[0])
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
        items = self.operands.through(None, self.operands.by_position(operand, 2))
        return [replace(item, need=of_first(item.need, layer.windows)) for item in items]

    def _add(
        self, layer: MatrixLayer | VectorLayer, channel_axis: int, inputs: tuple[StageInput, ...], result: str
    ) -> None:
        index = len(self.stages)
        source = self.operands.add_source(index, result, channel_axis)
        self.stages.append(
            Stage(index, layer, (), None, source.grid, source.grid, None, inputs, (), result, source.channels)
        )

    def add_vector(self, layer: VectorLayer) -> None:
        host = self._host(layer)
        if host is None:
            self._add_vector_stage(layer)
            return
        stage = self.stages[host]
        axis = max(self.sources[tensor].channel_axis for tensor in layer.inputs if self._can_host(tensor, layer))
        joins: list[StageInput] = []
        for tensor in layer.inputs:
            if tensor != stage.result:
                joins += self.operands.of_position(tensor, layer, axis)
        if isinstance(layer.access, Pointwise):
            stage = replace(stage, fused=(*stage.fused, layer), joins=(*stage.joins, *joins))
            self._rename(stage, layer.results[0], stage.grid)
        else:
            self._pool(stage, layer)

    def _rename(self, stage: Stage, result: str, grid: Grid) -> None:
        """The stage now ends with `result`."""
        old = self.sources.pop(stage.result)
        source = self.operands.add_source(stage.index, result, old.channel_axis)
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
        hosts = [self.sources[t].index for t in layer.inputs if self._can_host(t, layer)]
        if not hosts:
            return None
        others = [item.source for t in layer.inputs for item in self.operands.whole(t)]
        return max(hosts) if max(hosts) >= max(others) else None

    def _can_host(self, tensor: str, layer: VectorLayer) -> bool:
        source = self.sources.get(tensor)
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
        direct = [self.sources[t] for t in layer.inputs if t in self.sources]
        same_shape = [source for source in direct if source.shape == shape_out]
        if isinstance(layer.access, Product):
            axis = len(shape_out) - 1
        elif same_shape and not isinstance(layer.access, Sliding):
            axis = same_shape[0].channel_axis
        elif isinstance(layer.access, Pointwise) and not direct:
            axis = self.operands.kept_axis(layer, shape_out, axis)
        if isinstance(layer.access, Reduced):
            self._add(layer, *self.operands.of_reduction(layer, layer.access, axis), layer.results[0])
            return
        inputs: list[StageInput] = []
        for tensor in layer.inputs:
            inputs += self.operands.of_position(tensor, layer, axis)
        if layer.unit == "pool":
            inputs = [replace(item, pooled=True) for item in inputs]
        self._add(layer, axis, tuple(inputs), layer.results[0])

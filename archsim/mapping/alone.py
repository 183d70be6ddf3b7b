"""A stage taken out of its network: its inputs come from memory, and its result goes there."""

from __future__ import annotations

from dataclasses import replace

from archsim.graph import MatrixLayer, VectorLayer
from archsim.mapping.grids import Grid
from archsim.mapping.needs import identity
from archsim.mapping.stages import Stage, StageInput, Stages
from archsim.mapping.tracing import Source


def alone(stage: Stage) -> Stages:
    """The stage as the only one: what it read of other stages and of the graph's inputs are inputs, and its result
    is the output."""
    sources: dict[int, Source] = {}

    def moved(item: StageInput) -> StageInput:
        if item.source == stage.index:
            return replace(item, source=0)
        if item.source not in sources:
            number, slots = -1 - len(sources), item.need.slots
            shape = (slots, item.channels)
            sources[item.source] = Source(number, f"{stage.name} input {-number}", shape, 1, Grid(1, slots))
        return replace(item, source=sources[item.source].index)

    inputs, joins = tuple(map(moved, stage.inputs)), tuple(map(moved, stage.joins))
    one = replace(stage, index=0, inputs=inputs, joins=joins)
    output = StageInput(0, stage.channels, identity(stage.slot_grid))
    return Stages((one,), tuple(sources.values()), (output,))


def with_outputs(stage: Stage, first: int, last: int) -> Stage:
    """The stage with the outputs `first` to `last` (exclusive) of its matrix alone, which has one group; vector
    layers and joins take their share."""
    matrix = stage.matrix
    assert matrix is not None
    part, whole = last - first, matrix.outputs

    def share(layer: VectorLayer) -> VectorLayer:
        operations, additions = (-(-number * part // whole) for number in (layer.operations, layer.additions))
        return replace(layer, operations=operations, additions=additions)

    joins = tuple(replace(j, channels=part) if j.channels == whole else j for j in stage.joins)
    layer: MatrixLayer = replace(matrix, outputs=part)
    return replace(
        stage,
        layer=layer,
        fused=tuple(share(layer) for layer in stage.fused),
        pool=share(stage.pool) if stage.pool else None,
        joins=joins,
        channels=part,
    )

"""A network and a placement as the figures that people ask for."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace

from archsim.engine import array_counts, planned_layers, planned_noc, summarise_mapping
from archsim.graph import FreeLayer, Graph, Layer, LayoutLayer, MatrixLayer, RecurrentLayer, VectorLayer
from archsim.hardware import Design
from archsim.mapping import Placement, StagePlan, estimate
from archsim.report import (
    Estimated,
    InspectedLayer,
    Inspection,
    Mesh,
    PlacedLayer,
    PlacementSummary,
)
from archsim.result import LayerResult, ModelSummary, NotRun

_KINDS: dict[type[Layer], str] = {
    MatrixLayer: "matrix",
    RecurrentLayer: "recurrent",
    VectorLayer: "vector",
    LayoutLayer: "layout",
    FreeLayer: "free",
}


def inspected(graph: Graph) -> Inspection:
    """What the importer made of a network."""
    return Inspection(
        name=graph.name,
        macs=graph.macs,
        parameters=graph.parameters,
        inputs={tensor.name: tensor.shape for tensor in graph.inputs},
        outputs={name: graph.tensors[name].shape for name in graph.outputs},
        layers=tuple(_inspected_layer(graph, layer) for layer in graph.layers),
        coverage=asdict(graph.coverage),
        folded=graph.folded,
    )


def _inspected_layer(graph: Graph, layer: Layer) -> InspectedLayer:
    matrix = layer if isinstance(layer, MatrixLayer) else None
    return InspectedLayer(
        name=layer.name,
        op=layer.op,
        kind=_KINDS[type(layer)],
        rows=matrix.rows if matrix else None,
        outputs=matrix.outputs if matrix else None,
        groups=matrix.groups if matrix else None,
        windows=matrix.windows if matrix else None,
        macs=matrix.macs if matrix else 0,
        parameters=matrix.parameters if matrix else 0,
        digital_macs=(layer.products or None) if isinstance(layer, VectorLayer) else None,
        shape=graph.tensors[layer.results[0]].shape,
        nodes=layer.nodes,
    )


def not_run(graph: Graph, design: Design, reason: str, *, images: int, ideal: bool, stalled: bool = False) -> NotRun:
    """A design of a comparison on which the network did not run; how many chips it would have taken, and so their
    peak rate, is not known."""
    return NotRun(
        model=_model(graph),
        mapping=replace(summarise_mapping(design, 1), peak_tops=None),
        images=images,
        ideal=ideal,
        reason=reason,
        stalled=stalled,
    )


def _model(graph: Graph) -> ModelSummary:
    return ModelSummary(name=graph.name, macs=graph.macs, parameters=graph.parameters)


def placed(placement: Placement) -> PlacementSummary:
    """What a mapping does with a network."""
    design = placement.design
    estimated = estimate(placement)
    cycle_ns = design.cycle_ns
    interval_ns = float(estimated.interval_bound * cycle_ns)
    plans = {layer.name: plan for plan in placement.plans for layer in (plan.stage.layer, *plan.stage.vector_layers)}
    return PlacementSummary(
        model=_model(placement.graph),
        mapping=summarise_mapping(design, placement.chips),
        chips=placement.chips,
        tiles=placement.tiles_used,
        arrays=array_counts(placement),
        mesh=_mesh(design),
        in_turn=bool(placement.jobs),
        layers=tuple(_placed_layer(layer, plans[name], placement) for name, layer in planned_layers(placement).items()),
        estimate=Estimated(
            latency_cycles=estimated.latency_cycles,
            interval_cycles=estimated.interval_bound,
            latency_ns=float(estimated.latency_cycles * cycle_ns),
            interval_ns=interval_ns,
        ),
        noc=planned_noc(placement, interval_ns),
    )


def _mesh(design: Design) -> Mesh | None:
    tiles, columns = design.chip.tiles, design.chip.mesh_width
    return None if tiles == "unlimited" or columns is None else Mesh(columns=columns, rows=tiles // columns)


def _placed_layer(layer: LayerResult, plan: StagePlan, placement: Placement) -> PlacedLayer:
    if plan.tiling is None or plan.stage.matrix is None or plan.stage.matrix.name != layer.name:
        homes = {copy.home for held in _plans_of(plan, placement) for copy in held.copies}
        return PlacedLayer(layer=layer, tiles=tuple(sorted(homes)), arrays_per_tile=None, utilisation=None)
    design = placement.design
    cells = plan.tiling.arrays * design.array.rows * design.array.columns
    arrays: Counter[int] = Counter()
    for held in _plans_of(plan, placement):
        once: Counter[int] = Counter()
        for copy in held.copies:
            for part in copy.parts:
                once[part.tile] += part.arrays
        arrays |= once
    tiles = sorted(arrays)
    return PlacedLayer(
        layer=layer,
        tiles=tuple(tiles),
        arrays_per_tile=tuple(arrays[tile] for tile in tiles),
        utilisation=plan.stage.matrix.parameters * design.cells_per_weight * design.arrays_per_block / cells,
    )


def _plans_of(plan: StagePlan, placement: Placement) -> list[StagePlan]:
    """The plan of a stage, or where jobs run it those of all its jobs: the passes of a layer stand in turn."""
    if not placement.jobs:
        return [plan]
    return [held for job in placement.jobs if job.stage == plan.stage.index for held in job.placement.plans]

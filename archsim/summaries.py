"""A network and a placement as the figures that people ask for."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from archsim.engine import array_counts, planned_layers, summarise_mapping
from archsim.graph import FreeLayer, Graph, Layer, LayoutLayer, MatrixLayer, RecurrentLayer, VectorLayer
from archsim.hardware import Design
from archsim.mapping import Placement, StagePlan, estimate
from archsim.report import (
    Estimated,
    EvaluatedLayer,
    Evaluation,
    InspectedLayer,
    Inspection,
    PlacedLayer,
    PlacementSummary,
)
from archsim.result import LayerResult, ModelSummary, NotRun

if TYPE_CHECKING:
    from archsim.values import EvaluationResult

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
        shape=graph.tensors[layer.results[0]].shape,
        nodes=layer.nodes,
    )


def evaluated(graph: Graph, design: Design, found: EvaluationResult) -> Evaluation:
    """How well a network does through the crossbars of a design."""
    return Evaluation(
        model=graph.name,
        mapping=design.name,
        weight_bits=design.precision.weight_bits,
        input_bits=design.precision.input_bits,
        accuracy=found.accuracy,
        reference_accuracy=found.reference_accuracy,
        samples=found.samples,
        max_abs_error=found.max_abs_error,
        mean_abs_error=found.mean_abs_error,
        seeds=(),
        layers=tuple(EvaluatedLayer(name=one.layer, lossless=one.lossless, exact=one.exact) for one in found.layers),
        outputs=found.outputs,
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
    graph, design = placement.graph, placement.design
    estimated = estimate(placement)
    cycle_ns = design.cycle_ns
    plans = {plan.stage.name: plan for plan in placement.plans}
    return PlacementSummary(
        model=_model(graph),
        mapping=summarise_mapping(design, placement.chips),
        chips=placement.chips,
        tiles=placement.tiles_used,
        arrays=array_counts(placement),
        layers=tuple(
            _placed_layer(layer, plans.get(name), design) for name, layer in planned_layers(placement).items()
        ),
        estimate=Estimated(
            latency_cycles=estimated.latency_cycles,
            interval_cycles=estimated.interval_bound,
            latency_ns=float(estimated.latency_cycles * cycle_ns),
            interval_ns=float(estimated.interval_bound * cycle_ns),
        ),
    )


def _placed_layer(layer: LayerResult, plan: StagePlan | None, design: Design) -> PlacedLayer:
    if plan is None or plan.tiling is None or plan.stage.matrix is None:
        return PlacedLayer(layer=layer, tiles=None, utilisation=None)
    cells = plan.tiling.arrays * design.array.rows * design.array.columns
    return PlacedLayer(
        layer=layer,
        tiles=len({part.tile for copy in plan.copies for part in copy.parts}),
        utilisation=plan.stage.matrix.parameters * design.cells_per_weight / cells,
    )

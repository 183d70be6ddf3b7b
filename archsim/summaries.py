"""A network and a placement as the figures that people ask for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from archsim.graph import FreeLayer, Graph, Layer, LayoutLayer, MatrixLayer, VectorLayer
from archsim.hardware import Design
from archsim.mapping import Placement, StagePlan, estimate
from archsim.mapping.tiling import Tiling
from archsim.report import (
    Estimated,
    EvaluatedLayer,
    Evaluation,
    InspectedLayer,
    Inspection,
    PlacedLayer,
    PlacementSummary,
)
from archsim.result import ArrayCounts, MappingSummary, ModelSummary

if TYPE_CHECKING:
    from archsim.values import EvaluationResult

_KINDS: dict[type[Layer], str] = {
    MatrixLayer: "matrix",
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
        rows=matrix and matrix.rows,
        outputs=matrix and matrix.outputs,
        groups=matrix and matrix.groups,
        windows=matrix and matrix.windows,
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


def placed(placement: Placement) -> PlacementSummary:
    """What a mapping does with a network."""
    graph, design = placement.graph, placement.design
    estimated = estimate(placement)
    cycle_ns = design.cycle_ns
    return PlacementSummary(
        model=ModelSummary(name=graph.name, macs=graph.macs, parameters=graph.parameters),
        mapping=mapping_summary(placement),
        chips=placement.chips,
        tiles=placement.tiles_used,
        arrays=ArrayCounts(
            used=placement.arrays_used, allocated=placement.arrays_allocated, available=placement.arrays_available
        ),
        layers=tuple(
            _placed_layer(plan, plan.stage.matrix, plan.tiling, design)
            for plan in placement.plans
            if plan.stage.matrix and plan.tiling
        ),
        estimate=Estimated(
            latency_cycles=estimated.latency_cycles,
            interval_cycles=estimated.interval_bound,
            latency_ns=float(estimated.latency_cycles * cycle_ns),
            interval_ns=float(estimated.interval_bound * cycle_ns),
        ),
    )


def mapping_summary(placement: Placement) -> MappingSummary:
    """The design with its settings as plain numbers, and a hash of them."""
    design = placement.design
    settings = _plain(design.model_dump(exclude_none=True))
    text = json.dumps(settings, sort_keys=True)
    return MappingSummary(
        name=design.name,
        settings=settings,
        hash=hashlib.sha256(text.encode()).hexdigest()[:16],
        peak_tops=design.peak_tops(placement.chips),
    )


def _plain(value: Any) -> Any:
    """Settings as JSON knows them: an exact decimal becomes a number again."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value


def _placed_layer(plan: StagePlan, layer: MatrixLayer, tiling: Tiling, design: Design) -> PlacedLayer:
    copies = len(plan.copies)
    cells = tiling.arrays * design.array.rows * design.array.columns
    return PlacedLayer(
        name=layer.name,
        op=layer.op,
        rows=layer.rows,
        outputs=layer.outputs,
        groups=layer.groups,
        windows=layer.windows,
        uses=1,
        arrays_per_copy=tiling.arrays,
        copies=copies,
        arrays=tiling.arrays * copies,
        slots=plan.slots,
        tiles=len({part.tile for copy in plan.copies for part in copy.parts}),
        utilisation=layer.parameters * design.cells_per_weight / cells,
        macs=layer.macs,
    )

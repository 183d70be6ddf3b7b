"""A network and a placement as the figures that people ask for."""

from __future__ import annotations

from dataclasses import asdict

from archsim.graph import FreeLayer, Graph, Layer, LayoutLayer, MatrixLayer, VectorLayer
from archsim.report import InspectedLayer, Inspection

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

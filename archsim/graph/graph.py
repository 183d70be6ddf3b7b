"""The graph of a network: layers in topological order and the tensors between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from archsim.graph.layers import FreeLayer, Layer, LayoutLayer, MatrixLayer, RecurrentLayer, VectorLayer
from archsim.graph.tensors import Tensor

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many ONNX nodes are timed, are layout, were folded away, or are free by the user's wish."""

    nodes: int
    timed: int
    layout: int
    folded: int
    free: int


@dataclass(frozen=True)
class Graph:
    """A network with concrete shapes.

    `inputs` are the tensors the user feeds, `outputs` the names of those the network answers with, `layers`
    are in topological order, `folded` names the ONNX nodes that were computed on import. No tensor is
    written by two layers.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    layers: tuple[Layer, ...]
    tensors: Mapping[str, Tensor]
    folded: tuple[str, ...] = ()

    @cached_property
    def network(self) -> nx.DiGraph[str]:
        """The layers as a networkx graph: nodes are layer names (attribute `layer`), edges carry `tensor`."""
        import networkx as nx

        network: nx.DiGraph[str] = nx.DiGraph()
        for layer in self.layers:
            network.add_node(layer.name, layer=layer)
            for tensor in layer.inputs:
                if tensor in self.producers:
                    network.add_edge(self.producers[tensor].name, layer.name, tensor=tensor)
        return network

    @cached_property
    def producers(self) -> dict[str, Layer]:
        """Which layer writes a tensor (the graph's inputs are written by none)."""
        return {result: layer for layer in self.layers for result in layer.results}

    @cached_property
    def consumers(self) -> dict[str, tuple[Layer, ...]]:
        """Which layers read a tensor, in topological order; tensors nobody reads are not listed."""
        readers: dict[str, list[Layer]] = {}
        for layer in self.layers:
            for tensor in dict.fromkeys(layer.inputs):
                readers.setdefault(tensor, []).append(layer)
        return {tensor: tuple(layers) for tensor, layers in readers.items()}

    @property
    def matrix_layers(self) -> tuple[MatrixLayer, ...]:
        """The layers that stand in crossbars, in graph order."""
        return tuple(layer for layer in self.layers if isinstance(layer, MatrixLayer))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.matrix_layers)

    @property
    def parameters(self) -> int:
        """Elements of all weight matrices, biases apart; shared weights count once."""
        return sum({layer.weights.key: layer.parameters for layer in self.matrix_layers}.values())

    @cached_property
    def coverage(self) -> Coverage:
        """What became of each ONNX node; a node that a layer absorbed (a bias, a BatchNormalization) is folded."""
        own = {MatrixLayer: 0, RecurrentLayer: 0, VectorLayer: 0, LayoutLayer: 0, FreeLayer: 0}
        absorbed = 0
        for layer in self.layers:
            if layer.nodes:
                own[type(layer)] += 1
                absorbed += len(layer.nodes) - 1
        folded = absorbed + len(self.folded)
        timed = own[MatrixLayer] + own[RecurrentLayer] + own[VectorLayer]
        layout, free = own[LayoutLayer], own[FreeLayer]
        return Coverage(timed + layout + folded + free, timed, layout, folded, free)

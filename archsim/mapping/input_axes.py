"""Along which axis of a network's input the values of one position lie."""

from __future__ import annotations

import math

import numpy as np

from archsim.graph import Graph, LayoutLayer, MatrixLayer, Rows, Tensor
from archsim.graph.tensors import Array
from archsim.mapping.tracing import FIRST, carried


def channel_axis(graph: Graph, tensor: Tensor) -> int:
    """The axis that a layer reads as its rows (Gemm, MatMul, LSTM), be it behind layers that move elements; else the
    channels of an image, or the last axis of anything smaller."""
    rows = _axis_of_rows(graph, tensor)
    if rows is not None:
        return rows
    rank = len(tensor.shape)
    return 1 if rank > 2 else max(rank - 1, 0)


def _axis_of_rows(graph: Graph, tensor: Tensor) -> int | None:
    """The only axis on which the elements of a window of rows differ, for the first layer that reads such; None if
    there is none, or if a window holds elements of several axes."""
    elements: dict[str, Array] = {tensor.name: FIRST + np.arange(math.prod(tensor.shape)).reshape(tensor.shape)}
    for layer in graph.layers:
        read = [elements[name] for name in layer.inputs if name in elements]
        if read and isinstance(layer, MatrixLayer) and isinstance(layer.access, Rows):
            window = read[0].reshape(-1, read[0].shape[-1])[0]
            places = np.unravel_index(window[window >= FIRST] - FIRST, tensor.shape)
            differing = [axis for axis, place in enumerate(places) if np.unique(place).size > 1]
            return differing[0] if len(differing) == 1 else None
        if read and isinstance(layer, LayoutLayer) and len(read) == len(layer.inputs):
            elements |= zip(layer.results, carried(layer, elements), strict=True)
    return None

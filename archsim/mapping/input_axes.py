"""Along which axis of a network's input the values of one position lie."""

from __future__ import annotations

import math

import numpy as np

from archsim.graph import Graph, LayoutLayer, MatrixLayer, Rows, Tensor
from archsim.graph.tensors import Array
from archsim.mapping.tracing import FIRST, carried


def channel_axis(graph: Graph, tensor: Tensor) -> int:
    """The axis that the first matrix layer reads as its rows (Gemm, MatMul, LSTM) or as the channels of a position
    (Conv), be it behind layers that move elements; else the channels of an image, or the last axis of anything
    smaller."""
    axis = _axis_read(graph, tensor)
    if axis is not None:
        return axis
    rank = len(tensor.shape)
    return 1 if rank > 2 else max(rank - 1, 0)


def _axis_read(graph: Graph, tensor: Tensor) -> int | None:
    """The only axis on which the elements of a row or position differ, for the first layer that reads such; None if
    there is none, or if it holds elements of several axes."""
    elements: dict[str, Array] = {tensor.name: FIRST + np.arange(math.prod(tensor.shape)).reshape(tensor.shape)}
    for layer in graph.layers:
        read = [elements[name] for name in layer.inputs if name in elements]
        if read and isinstance(layer, MatrixLayer):
            return _axis_of(_together(layer, read[0]), tensor)
        if read and isinstance(layer, LayoutLayer) and len(read) == len(layer.inputs):
            elements |= zip(layer.results, carried(layer, elements), strict=True)
    return None


def _together(layer: MatrixLayer, read: Array) -> Array:
    """Elements of the operand that lie in one row, or are the channels of one position; of a position in padding
    none."""
    if isinstance(layer.access, Rows):
        window: Array = read.reshape(-1, read.shape[-1])[0]
        return np.asarray(window[window >= FIRST])
    positions = read[0].reshape(read.shape[1], -1)
    inside = np.flatnonzero((positions >= FIRST).all(axis=0))
    return np.asarray(positions[:, inside[0]] if inside.size else positions[:, :0].reshape(-1))


def _axis_of(window: Array, tensor: Tensor) -> int | None:
    """The one axis on which elements differ; of a single element an axis that is one long, behind the batch."""
    places = np.unravel_index(window - FIRST, tensor.shape)
    differing = [axis for axis, place in enumerate(places) if np.unique(place).size > 1]
    if not differing and window.size == 1:
        differing = [axis for axis, size in enumerate(tensor.shape) if axis and size == 1][-1:]
    return differing[0] if len(differing) == 1 else None

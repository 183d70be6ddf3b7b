"""A network in floating point, as the model says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from archsim.errors import input_error
from archsim.graph import Graph, MatrixLayer
from archsim.graph.tensors import Array
from archsim.values.execution import check_runnable, execute
from archsim.values.windows import apply

# Elements of weights that are kept between batches; a larger layer is loaded again.
KEPT_ELEMENTS = 2**26

# Elements of weights that stand in memory at once in a type wider than their own.
WEIGHTS_AT_ONCE = 2**22


class FloatRule:
    """Matrix layers in floating point: sums in float64, rounded once to the type of the result, so that the
    answer does not depend on the order in which a machine adds."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._kept: dict[str, Array] = {}
        self._room = KEPT_ELEMENTS

    def __call__(self, layer: MatrixLayer, data: Array, shape: tuple[int, ...]) -> Array:
        """The layer's result, (batches, *shape), for (batches, *shape of the tensor read)."""
        weights = self._weights(layer)
        result = apply(layer, centred(layer, data), shape, lambda windows: multiply_groups(windows, weights))
        return add_bias(layer, result)

    def _weights(self, layer: MatrixLayer) -> Array:
        kept = self._kept.get(layer.weights.key)
        if kept is not None:
            return kept
        weights = finite_weights(self._graph, layer)
        if weights.size <= self._room:
            self._room -= weights.size
            self._kept[layer.weights.key] = weights
        return weights


def centred(layer: MatrixLayer, data: Array) -> Array:
    """What the layer multiplies: integers of a quantised network less their zero point, other data as they are."""
    if layer.grid is None or data.dtype.kind not in "iu":
        return data
    return data.astype(np.int32) - layer.grid.zero_point


def finite_weights(graph: Graph, layer: MatrixLayer) -> Array:
    """The layer's weights (groups, rows, outputs / groups); infinities and NaN raise `InputError`."""
    weights = layer.weights.load()
    if not np.isfinite(weights).all():
        raise input_error(graph.name, f"weights of node {layer.name!r}", value="inf or nan", expected="finite numbers")
    return weights


def multiply_groups(windows: Array, weights: Array) -> Array:
    """(n, groups, rows) times (groups, rows, outputs / groups), in float64."""
    total = np.zeros((len(weights), len(windows), weights.shape[2]))
    for part in row_blocks(weights):
        total += np.matmul(
            windows[:, :, part].astype(np.float64).transpose(1, 0, 2), weights[:, part].astype(np.float64)
        )
    return total.transpose(1, 0, 2)


def row_blocks(weights: Array) -> Iterator[slice]:
    """The rows of (groups, rows, outputs / groups) in blocks that may stand in memory in a wider type."""
    groups, rows, outputs = weights.shape
    step = max(1, WEIGHTS_AT_ONCE // (groups * outputs))
    for start in range(0, rows, step):
        yield slice(start, start + step)


def add_bias(layer: MatrixLayer, result: Array) -> Array:
    """`result` (batches, ..., outputs along the channel axis, ...) plus the layer's bias."""
    if layer.bias is None:
        return result
    behind = result.ndim - 2 - layer.channel_axis
    total: Array = result + layer.bias.load().astype(np.float64).reshape(-1, *(1,) * behind)
    return total


def run_float(graph: Graph, inputs: Mapping[str, Array], *, strict: bool = True) -> dict[str, Array]:
    """The outputs, by name, for one batch: `inputs` holds an array of the declared shape for each input.

    A graph without numbers (placeholder weights, free layers) raises `InputError`, and so do outputs that are
    infinite or undefined. Unless `strict`, placeholders are the numbers that the model writes there, and outputs may
    be anything.
    """
    check_runnable(graph, placeholders=not strict)
    return execute(graph, [inputs], FloatRule(graph), finite=strict)[0]

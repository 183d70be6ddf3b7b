"""Walking through the layers of a graph with the arrays of several batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from archsim.errors import InputError, Problem, input_error
from archsim.graph import Constant, FreeLayer, Graph, Layer, LayoutLayer, MatrixLayer, RecurrentLayer, VectorLayer
from archsim.graph.tensors import Array
from archsim.values.recurrence import unrolled
from archsim.values.windows import MatrixRule

# Elements of the largest tensor over the batches that are computed together, and how many batches at most.
ELEMENTS_AT_ONCE = 2**24
BATCHES_AT_ONCE = 64


def batches_at_once(graph: Graph) -> int:
    """How many batches `execute` may compute together within reasonable memory."""
    largest = max(tensor.elements for tensor in graph.tensors.values())
    return min(BATCHES_AT_ONCE, max(1, ELEMENTS_AT_ONCE // largest))


def check_runnable(graph: Graph, *, placeholders: bool = False) -> None:
    """Raise `InputError` if the graph has no numbers: free layers, or (unless `placeholders`) weights that are shapes
    alone."""
    problems = [
        Problem(
            graph.name, f"node {layer.name!r} ({layer.op})", "a node treated as free", "no free nodes in a value run"
        )
        for layer in graph.layers
        if isinstance(layer, FreeLayer)
    ]
    blank = [layer for layer in graph.layers if any(constant.placeholder for constant in _constants(layer))]
    if blank and not placeholders:
        shown = f"no trained numbers in {len(blank)} layers, the first {blank[0].name!r}"
        problems.append(Problem(graph.name, "weights", shown, "a trained model, or --random-weights SEED"))
    if problems:
        raise InputError(*problems)


def execute(
    graph: Graph, batches: Sequence[Mapping[str, Array]], rule: MatrixRule, *, finite: bool = True
) -> list[dict[str, Array]]:
    """The graph's outputs for each of `batches`, which hold an array of the declared shape for every input.

    Layers are computed one after the other for all batches, so that matrix layers see them together; a
    tensor is dropped when nobody reads it any more. Infinities may come and go between vector layers; in what a
    matrix layer reads or writes, and in outputs of the graph unless `finite` is false, infinite or undefined numbers
    raise `InputError`.
    """
    values = {tensor.name: [batch[tensor.name] for batch in batches] for tensor in graph.inputs}
    last_reader = {tensor: readers[-1].name for tensor, readers in graph.consumers.items()}
    for layer in graph.layers:
        with np.errstate(all="ignore"):
            values |= zip(layer.results, _results(graph, layer, values, rule, len(batches)), strict=True)
        for tensor in set(layer.inputs):
            if last_reader[tensor] == layer.name and tensor not in graph.outputs:
                del values[tensor]
    for name in graph.outputs if finite else ():
        check_finite(graph, f"output {name!r}", values[name])
    return [{name: values[name][index] for name in graph.outputs} for index in range(len(batches))]


def check_finite(graph: Graph, place: str, arrays: Iterable[Array]) -> None:
    """Raise `InputError`, naming `place`, if there are infinities or NaN."""
    if not all(np.isfinite(array).all() for array in arrays):
        needed = "finite numbers: smaller data, or a model whose element type holds them"
        raise input_error(graph.name, place, value="infinite or undefined values", expected=needed)


def _results(
    graph: Graph, layer: Layer, values: Mapping[str, list[Array]], rule: MatrixRule, batches: int
) -> list[list[Array]]:
    """For each result of the layer its arrays, one for each batch."""
    if isinstance(layer, MatrixLayer):
        return _matrix_results(graph, layer, _stacked(layer, values, batches), rule)
    dtypes = [graph.tensors[name].dtype for name in layer.results]
    if not isinstance(layer, VectorLayer | LayoutLayer):
        raise TypeError(f"layer {layer.name!r} has no values")
    constants = {id(constant): constant.load() for constant in layer.constants}
    results: list[list[Array]] = [[] for _ in layer.results]
    for index in range(batches):
        operands = [
            constants[id(operand)] if isinstance(operand, Constant) else values[operand][index]
            for operand in layer.operands
        ]
        computed = layer.compute(*operands)
        arrays = computed if isinstance(layer, LayoutLayer) else (computed,)
        for kept, array, dtype in zip(results, arrays, dtypes, strict=True):
            kept.append(np.asarray(array, dtype))
    return results


def _matrix_results(
    graph: Graph, layer: MatrixLayer, operands: tuple[Array, ...], rule: MatrixRule
) -> list[list[Array]]:
    place = f"node {layer.name!r} ({layer.op})"
    for operand, read in zip(layer.operands, operands, strict=True):
        name = operand.key if isinstance(operand, Constant) else operand
        check_finite(graph, f"{place}, input {name!r}", [read])
    if isinstance(layer, RecurrentLayer):
        results = unrolled(layer, operands, rule)
    else:
        results = [rule(layer, operands[0], graph.tensors[layer.results[0]].shape)]
    typed = [_as(array, graph.tensors[name].dtype) for name, array in zip(layer.results, results, strict=True)]
    for name, written in zip(layer.results, typed, strict=True):
        check_finite(graph, f"{place}, output {name!r}", [written])
    return [list(written) for written in typed]


def _as(array: Array, dtype: str) -> Array:
    """`array` as `dtype`; sums beyond the range of an integer type wrap around, as they do in ONNX's reference."""
    whole = array.astype(np.int64) if np.dtype(dtype).kind in "iu" else array
    return whole.astype(dtype, copy=False)


def _stacked(layer: Layer, values: Mapping[str, list[Array]], batches: int) -> tuple[Array, ...]:
    """The operands as (batches, *shape)."""
    return tuple(
        np.broadcast_to(operand.load(), (batches, *operand.shape))
        if isinstance(operand, Constant)
        else np.stack(values[operand])
        for operand in layer.operands
    )


def _constants(layer: Layer) -> Iterable[Constant]:
    yield from layer.constants
    if isinstance(layer, MatrixLayer):
        yield layer.weights
        if layer.bias is not None:
            yield layer.bias
    if isinstance(layer, RecurrentLayer):
        yield from layer.peepholes
        if layer.recurrent_bias is not None:
            yield layer.recurrent_bias

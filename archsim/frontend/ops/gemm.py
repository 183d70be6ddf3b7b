"""Fully connected layers: products of activations with a constant matrix; of two activations on the digital units."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.inputs import Shape
from archsim.frontend.matrix import add_matrix, per_channel
from archsim.frontend.node import Node
from archsim.frontend.ops.products import general_product, is_product, product, require_broadcast
from archsim.frontend.registry import lowering
from archsim.graph import Constant, LayoutLayer, Pointwise, Rows, Tensor, VectorLayer
from archsim.graph.tensors import Array


def _operands(node: Node) -> tuple[Tensor, Constant]:
    data = node.value(0)
    if isinstance(data, Constant):
        raise node.error("a constant on the left", "activations on the left, constant weights on the right")
    return data, node.constant(1, "weights")


@lowering(
    "MatMul",
    becomes=("crossbars", "digital", "layout"),
    limits="Constant weights are one matrix or vector of floating-point numbers, not a stack of matrices.",
)
def matmul(node: Node) -> None:
    """Data (..., rows) times weights (rows, outputs): each index of the leading axes is one window.

    Leading axes of size 1 of the weights are dropped where the data has as many axes; a vector of weights is a matrix
    of one output. With the weights on the left each column of the data is one window, between two layout steps. Two
    activations are a product on the digital units.
    """
    if is_product(node):
        product(node)
        return
    right = node.value(1)
    if isinstance(node.value(0), Constant) and isinstance(right, Tensor):
        _weights_on_the_left(node, right)
        return
    linear(node, *_operands(node))


def linear(node: Node, data: Tensor, stored: Constant, *, transposed: bool = False) -> None:
    """Add the layer of data (..., rows) times weights (rows, outputs), or a vector (rows,); `transposed` weights are
    stored as (outputs, rows)."""
    size, vector = stored.shape, len(stored.shape) == 1
    _require_flat(node, data, size, "(outputs, rows)" if transposed else "(rows, outputs)")
    outputs, rows = (1, *size) if vector else size[-2:] if transposed else size[:-3:-1]
    node.require(data.shape[-1:] == (rows,), f"data of shape {data.shape}", f"{rows} in the last axis")

    def matrix(array: Array) -> Array:
        return array.reshape(1, outputs, rows).swapaxes(1, 2) if transposed else array.reshape(1, rows, outputs)

    weights = node.weights(stored, rows).map(matrix, (1, rows, outputs))
    form = "transposed" if transposed else "as stored"
    if not vector:
        _multiply(node, data, weights, form, node.outputs[0])
        return
    sums = _multiply(node, data, weights, form, f"{node.outputs[0]} product")
    _moved(node, sums, node.outputs[0], "Squeeze", "drop the output's axis", lambda array: array[..., 0])


def _require_flat(node: Node, data: Tensor, shape: Shape, matrix: str) -> None:
    flat = 1 <= len(shape) <= max(len(data.shape), 2) and all(size == 1 for size in shape[:-2])
    node.require(flat, f"weights of shape {shape}", f"a matrix {matrix} or a vector")


def _multiply(node: Node, data: Tensor, weights: Constant, form: str, result: str) -> Tensor:
    shape = (*data.shape[:-1], weights.shape[-1])
    last = len(shape) - 1
    add_matrix(node, data, weights, None, form=form, shape=shape, access=Rows(), channel_axis=last, result=result)
    return Tensor(result, shape, data.dtype)


def _weights_on_the_left(node: Node, data: Tensor) -> None:
    stored = node.constant(0, "weights")
    size, axes, name = stored.shape, len(data.shape), node.outputs[0]
    _require_flat(node, data, size, "(outputs, rows)")
    outputs, rows = size[-2:] if len(size) > 1 else (1, *size)
    fits = axes > 0 and data.shape[max(-2, -axes)] == rows
    node.require(fits, f"data of shape {data.shape}", f"{rows} in the last axis but one")
    columns = data if axes == 1 else _turned(node, data, f"{name} columns", "transpose")
    weights = node.weights(stored, rows).map(
        lambda array: array.reshape(1, outputs, rows).swapaxes(1, 2), (1, rows, outputs)
    )
    done = axes == 1 and len(size) > 1
    sums = _multiply(node, columns, weights, "transposed", name if done else f"{name} product")
    if len(size) == 1:
        _moved(node, sums, name, "Squeeze", "drop the output's axis", lambda array: array[..., 0])
    elif not done:
        _turned(node, sums, name, "transpose back")


@lowering("Gemm", becomes=("crossbars", "digital", "layout"), limits="Constant weights are the operand B, not A.")
def gemm(node: Node) -> None:
    """alpha x A' x B' + beta x C: alpha goes into the weights; C, times beta, is the bias where it is constant
    and the same for all windows, else one addition per element after the matrix. A transposed A is a layout
    step before it. Two activations are a product on the digital units."""
    if is_product(node):
        general_product(node)
        return
    data, stored = _operands(node)
    node.require(len(data.shape) == 2 == len(stored.shape), f"shapes {data.shape} and {stored.shape}", "two matrices")
    if node.attributes["transA"]:
        data = _turned(node, data, f"{node.outputs[0]} transposed A", "transpose")
    transposed, alpha, beta = bool(node.attributes["transB"]), node.attributes["alpha"], node.attributes["beta"]
    rows, outputs = stored.shape[::-1] if transposed else stored.shape
    windows = data.shape[0]
    node.require(data.shape[1] == rows, f"data of shape {data.shape}", f"{rows} in the last axis")

    def matrix(array: Array) -> Array:
        array = array.T if transposed else array
        return (array if alpha == 1 else array * array.dtype.type(alpha)).reshape(1, rows, outputs)

    weights = node.weights(stored, rows).map(matrix, (1, rows, outputs))
    shape = (windows, outputs)
    addend = node.optional(2)
    bias = _bias(node, addend, shape, beta) if isinstance(addend, Constant) and per_channel(addend, shape, 1) else None
    later = addend is not None and bias is None
    product = f"{node.outputs[0]} product" if later else node.outputs[0]
    form = f"transB={int(transposed)}, alpha={alpha:g}"
    add_matrix(node, data, weights, bias, form=form, shape=shape, access=Rows(), channel_axis=1, result=product)
    if later and addend is not None:
        _add_later(node, product, addend, shape, data.dtype, beta)


def _bias(node: Node, addend: Constant, shape: Shape, beta: float) -> Constant:
    def spread(array: Array) -> Array:
        return np.broadcast_to(array.reshape(-1) * array.dtype.type(beta), shape[1:])

    return node.neutral(addend, 0.0).map(spread, shape[1:])


def _turned(node: Node, data: Tensor, result: str, part: str) -> Tensor:
    """`data` with its last two axes exchanged, by a layout step of the node."""
    return _moved(node, data, result, "Transpose", part, lambda array: array.swapaxes(-1, -2))


def _moved(node: Node, data: Tensor, result: str, op: str, part: str, move: Callable[[Array], Array]) -> Tensor:
    shape = move(np.broadcast_to(np.empty((), np.bool_), data.shape)).shape
    layer = LayoutLayer(
        name=f"{node.name} {part}",
        op=op,
        operands=(data.name,),
        results=(result,),
        nodes=(),
        compute=lambda array: (move(array),),
    )
    moved = Tensor(result, shape, data.dtype)
    node.builder.add_layer(layer, (moved,))
    return moved


def _add_later(node: Node, product: str, addend: Value, shape: Shape, dtype: str, beta: float) -> None:
    require_broadcast(node, "C", addend.shape, shape)
    layer = VectorLayer(
        name=f"{node.name} add",
        op="Add",
        operands=(product, addend.name if isinstance(addend, Tensor) else addend),
        results=(node.outputs[0],),
        nodes=(),
        access=Pointwise(),
        unit="elementwise",
        operations=math.prod(shape) * (1 if beta == 1 else 2),
        compute=lambda array, other: np.asarray(array + other * other.dtype.type(beta), dtype=dtype),
    )
    node.builder.add_layer(layer, (Tensor(node.outputs[0], shape, dtype),))

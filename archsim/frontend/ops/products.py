"""Products of activations: no crossbar's work, since crossbars hold weights. The digital units take a product and an
addition for each multiply-accumulate; a multiplier of a design that has one adds along with its products."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from archsim.frontend.dtypes import FLOATS
from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Product, Tensor, Whole
from archsim.graph.tensors import Array


def is_product(node: Node) -> bool:
    """Whether both operands are computed at run time, or both are constant (and fold). An input of the graph that
    could be a matrix of weights, and that nothing else reads, counts as weights that the file lacks."""
    left, right = node.value(0), node.value(1)
    if not isinstance(left, Tensor) or not isinstance(right, Tensor):
        return not isinstance(left, Tensor) and not isinstance(right, Tensor)
    alone = node.builder.feeds(right) and node.builder.uses[right.name] == 1
    return not alone or len(right.shape) != 2 or right.dtype not in FLOATS


def product(node: Node) -> None:
    """MatMul of two operands computed at run time, as numpy's matmul."""
    left, right = node.value(0), node.value(1)
    node.require(left.dtype == right.dtype, f"types {left.dtype} and {right.dtype}", "one element type")
    shape = _shape(node, left.shape, right.shape)
    macs = math.prod(shape) * left.shape[-1]
    compute = in_single_precision(np.matmul)
    node.vector(
        [left, right],
        shape,
        compute,
        operations=macs,
        additions=macs,
        products=macs,
        access=Product() if len(left.shape) > 1 < len(right.shape) else Whole(),
        unit="multiplier",
    )


def general_product(node: Node) -> None:
    """Gemm of two operands computed at run time, alpha A' B' + beta C: beside the multiply-accumulates one operation
    an element for each of alpha and beta that is not 1, and an addition for C."""
    left, right, addend = node.value(0), node.value(1), node.optional(2)
    values = [left, right] if addend is None else [left, right, addend]
    for value in values[1:]:
        node.require(value.dtype == left.dtype, f"types {left.dtype} and {value.dtype}", "one element type")
    node.require(len(left.shape) == 2 == len(right.shape), f"shapes {left.shape} and {right.shape}", "two matrices")
    turn_left, turn_right = bool(node.attributes["transA"]), bool(node.attributes["transB"])
    alpha, beta = node.attributes["alpha"], node.attributes["beta"]
    rows, inner = left.shape[::-1] if turn_left else left.shape
    other, columns = right.shape[::-1] if turn_right else right.shape
    node.require(inner == other, f"matrices of {rows} x {inner} and {other} x {columns}", "as many columns as rows")

    def compute(first: Array, second: Array, *third: Array) -> Array:
        result = alpha * np.matmul(first.T if turn_left else first, second.T if turn_right else second)
        return np.asarray(result + beta * third[0] if third else result)

    if addend is not None:
        require_broadcast(node, "C", addend.shape, (rows, columns))
    scalings = (alpha != 1) + (addend is not None and beta != 1)
    node.vector(
        values,
        (rows, columns),
        in_single_precision(compute),
        operations=rows * columns * (inner + scalings),
        additions=rows * columns * (inner + (addend is not None)),
        products=rows * columns * inner,
        access=Whole(),
        unit="multiplier",
    )


@lowering("Det")
def determinant(node: Node) -> None:
    """Of each n x n matrix, by elimination: (n^3 - n) / 3 multiply-accumulates, n (n - 1) / 2 quotients and n - 1
    products."""
    value = node.value(0)
    square = len(value.shape) >= 2 and value.shape[-1] == value.shape[-2]
    node.require(square, f"data of shape {value.shape}", "square matrices")
    size, matrices = value.shape[-1], math.prod(value.shape[:-2])
    macs = (size**3 - size) // 3
    node.vector(
        [value],
        value.shape[:-2],
        np.linalg.det,
        operations=matrices * (macs + size * (size - 1) // 2 + size - 1),
        additions=matrices * macs,
        access=Whole(),
        unit="multiplier",
    )


def in_single_precision(compute: Callable[..., Array]) -> Callable[..., Array]:
    """`compute`, with narrow floats summed in single precision."""

    def widened(*arrays: Array) -> Array:
        narrow = arrays[0].dtype.itemsize < 4 and arrays[0].dtype.kind not in "iub"
        return compute(*(array.astype(np.float32) for array in arrays) if narrow else arrays)

    return widened


def require_broadcast(node: Node, what: str, shape: Shape, wanted: Shape) -> None:
    """Refuse an operand whose shape does not broadcast to `wanted`."""
    try:
        fits = np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        fits = False
    node.require(fits, f"{what} of shape {shape}", f"a shape that broadcasts to {wanted}")


def _shape(node: Node, left: Shape, right: Shape) -> Shape:
    wrong = node.error(f"operands of shapes {left} and {right}", "(..., rows, k) times (..., k, columns)")
    if not left or not right or left[-1] != right[max(-2, -len(right))]:
        raise wrong
    try:
        batch = np.broadcast_shapes(left[:-2], right[:-2])
    except ValueError:
        raise wrong from None
    return (*batch, *left[-2:-1], *right[-1:] * (len(right) > 1))

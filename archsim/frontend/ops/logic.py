"""Comparisons, logic and choices of elements that broadcast as in numpy: one operation per element of the result."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Pointwise
from archsim.graph.tensors import Array

_COMPARISONS: dict[str, Callable[[Array, Array], Array]] = {
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
}

_LOGIC: dict[str, Callable[[Array, Array], Array]] = {
    "And": np.logical_and,
    "BitwiseAnd": np.bitwise_and,
    "BitwiseOr": np.bitwise_or,
    "BitwiseXor": np.bitwise_xor,
    "Or": np.logical_or,
    "Xor": np.logical_xor,
}


@lowering(*_COMPARISONS)
def comparison(node: Node) -> None:
    """Whether the first operand is to the second as the op says."""
    values, shape = node.broadcast()
    compare = _COMPARISONS[node.op]
    node.vector(values, shape, compare, operations=math.prod(shape), access=Pointwise(), dtype="bool")


@lowering(*_LOGIC)
def logic(node: Node) -> None:
    """Of truth values, or bit by bit of whole numbers."""
    values, shape = node.broadcast()
    node.vector(values, shape, _LOGIC[node.op], operations=math.prod(shape), access=Pointwise())


@lowering("BitShift")
def bit_shift(node: Node) -> None:
    """Whole numbers shifted by whole numbers, to the LEFT or RIGHT; beyond the type's bits nothing is left but,
    to the right, the sign."""
    values, shape = node.broadcast()
    direction = node.attributes["direction"]
    node.require(direction in ("LEFT", "RIGHT"), f"direction {direction}", "LEFT or RIGHT")

    def compute(array: Array, places: Array) -> Array:
        bits = 8 * array.dtype.itemsize
        beyond = (places < 0) | (places >= bits)
        if direction == "LEFT":
            return np.where(beyond, 0, np.left_shift(array, np.where(beyond, 0, places)))
        return np.right_shift(array, np.where(beyond, bits - 1, places)) * ~(beyond & (array >= 0))

    node.vector(values, shape, compute, operations=math.prod(shape), access=Pointwise())


@lowering("Where")
def where(node: Node) -> None:
    """The second operand where the first is true, else the third."""
    chosen, other = node.value(1), node.value(2)
    node.require(chosen.dtype == other.dtype, f"types {chosen.dtype} and {other.dtype}", "one element type")
    values, shape = node.broadcast(one_type=False)
    dtype = chosen.dtype
    node.vector(values, shape, np.where, operations=math.prod(shape), access=Pointwise(), dtype=dtype)

"""Element-wise arithmetic on operands that broadcast as in numpy: one operation per element of the result for
each pair of operands."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce

import numpy as np

from archsim.frontend.matrix import Affine, absorb, per_channel
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Constant, MatrixLayer, Pointwise
from archsim.graph.tensors import Array


def _divide(left: Array, right: Array) -> Array:
    """Division; that of integers rounds towards zero, as in C."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if left.dtype.kind not in "iu":
            return np.asarray(left / right)
        quotient = left // right
        return np.asarray(quotient + ((left != quotient * right) & ((left < 0) != (right < 0))))


_FUNCTIONS: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Sum": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divide,
}

_NEUTRAL = {"Add": 0.0, "Sum": 0.0, "Sub": 0.0, "Mul": 1.0, "Div": 1.0}

_PAIRED: dict[str, Callable[[Array, Array], Array]] = {"Max": np.maximum, "Min": np.minimum}


@lowering("Add", "Sub", "Mul", "Div")
@lowering("Sum", becomes=("digital", "layout"))
def arithmetic(node: Node) -> None:
    """n operands cost n - 1 operations an element. A constant operand that is the same for all windows of the
    matrix layer directly before folds into it."""
    given, shape = node.broadcast()
    values = [node.neutral(value, _NEUTRAL[node.op]) if isinstance(value, Constant) else value for value in given]
    if len(values) == 1:
        node.alias()
        return
    if len(values) == 2 and _absorbed(node):
        return
    function = _FUNCTIONS[node.op]
    operations = (len(values) - 1) * math.prod(shape)
    unit = "multiplier" if node.op == "Mul" else "elementwise"
    node.vector(
        values, shape, lambda *arrays: reduce(function, arrays), operations=operations, access=Pointwise(), unit=unit
    )


def _absorbed(node: Node) -> bool:
    """Fold `x op constant` (and `constant op x` where the order does not matter) into the matrix layer before."""
    for index in (0, 1) if node.op in ("Add", "Sum", "Mul") else (0,):
        constant = node.value(1 - index)
        layer = node.builder.writer(node.input_names[index])
        if isinstance(constant, Constant) and isinstance(layer, MatrixLayer):
            shape = node.builder.tensors[layer.results[0]].shape
            if per_channel(constant, shape, layer.channel_axis):
                constant = node.neutral(constant, _NEUTRAL[node.op])
                return absorb(node, index, _affine(node.op, constant))
    return False


def _affine(op: str, constant: Constant) -> Affine:
    if op == "Mul":
        return Affine((constant,), factor=lambda number: number)
    if op == "Div":
        return Affine((constant,), factor=lambda number: np.asarray(1 / number))
    if op == "Sub":
        return Affine((constant,), shift=np.negative)
    return Affine((constant,), shift=lambda number: number)


@lowering(*_PAIRED, becomes=("digital", "layout"))
def paired(node: Node) -> None:
    """The largest or smallest of n operands that broadcast: n - 1 operations an element."""
    values, shape = node.broadcast()
    if len(values) == 1:
        node.alias()
        return
    function = _PAIRED[node.op]
    operations = (len(values) - 1) * math.prod(shape)
    node.vector(values, shape, lambda *arrays: reduce(function, arrays), operations=operations, access=Pointwise())


@lowering("Mean", becomes=("digital", "layout"))
def mean(node: Node) -> None:
    """The mean of n operands that broadcast: n operations an element (the sum, the division)."""
    values, shape = node.broadcast()
    if len(values) == 1:
        node.alias()
        return

    def compute(*arrays: Array) -> Array:
        return np.asarray(reduce(np.add, arrays) / len(arrays))

    node.vector(values, shape, compute, operations=len(values) * math.prod(shape), access=Pointwise())


@lowering("Mod")
def modulo(node: Node) -> None:
    """The remainder, of the sign of the divisor, with `fmod` (which floating-point numbers need) of the dividend."""
    values, shape = node.broadcast()
    remainder = np.fmod if node.attributes["fmod"] else np.mod

    def compute(dividend: Array, divisor: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(remainder(dividend, divisor))

    node.vector(values, shape, compute, operations=math.prod(shape), access=Pointwise())


@lowering("Pow")
def power(node: Node) -> None:
    """x to the power of y, which may have another element type."""
    values, shape = node.broadcast(one_type=False)

    def compute(base: Array, exponent: Array) -> Array:
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            if exponent.dtype.kind == "i" and (exponent < 0).any():
                exponent = exponent.astype(np.float64)
            return np.asarray(np.power(base, exponent))

    node.vector(values, shape, compute, operations=math.prod(shape), access=Pointwise())

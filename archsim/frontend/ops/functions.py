"""Functions of one element, and of pairs of elements that are no plain arithmetic: one operation an element."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce

import numpy as np

from archsim.frontend.dtypes import NUMPY_NAMES, onnx_name
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Pointwise
from archsim.graph.tensors import Array

_UNARY: dict[str, Callable[[Array], Array]] = {
    "Abs": np.abs,
    "Ceil": np.ceil,
    "Exp": np.exp,
    "Floor": np.floor,
    "Log": np.log,
    "Neg": np.negative,
    "Reciprocal": np.reciprocal,
    "Round": np.rint,
    "Sign": np.sign,
    "Sqrt": np.sqrt,
}

_PAIRED: dict[str, Callable[[Array, Array], Array]] = {"Max": np.maximum, "Min": np.minimum}


@lowering(*_UNARY)
def unary(node: Node) -> None:
    """The function that the op is named after."""
    function = _UNARY[node.op]

    def compute(array: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return function(array)

    node.elementwise(compute)


@lowering(*_PAIRED)
def paired(node: Node) -> None:
    """The largest or smallest of n operands that broadcast: n - 1 operations an element."""
    function = _PAIRED[node.op]
    values, shape = node.broadcast()
    operations = max(1, len(values) - 1) * math.prod(shape)
    node.vector(values, shape, lambda *arrays: reduce(function, arrays), operations=operations, access=Pointwise())


@lowering("Pow")
def power(node: Node) -> None:
    """x to the power of y, which may have another element type."""
    values, shape = node.broadcast(one_type=False)

    def compute(base: Array, exponent: Array) -> Array:
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            return np.asarray(np.power(base, exponent))

    node.vector(values, shape, compute, operations=math.prod(shape), access=Pointwise())


@lowering("Cast")
def cast(node: Node) -> None:
    """Another element type."""
    number = node.attributes["to"]
    dtype = NUMPY_NAMES.get(number)
    if dtype is None:
        raise node.error(f"to={onnx_name(number)}", ", ".join(NUMPY_NAMES.values()))
    value = node.value(0)
    operations = math.prod(value.shape)
    node.vector([value], value.shape, np.asarray, operations=operations, access=Pointwise(), dtype=dtype)


@lowering("PRelu")
def prelu(node: Node) -> None:
    """x where x >= 0, else slope x."""
    values, shape = node.broadcast()
    node.require(shape == values[0].shape, f"slope of shape {values[1].shape}", f"one that broadcasts to {shape}")
    node.vector(
        values,
        shape,
        lambda array, slope: np.where(array >= 0, array, array * slope),
        operations=math.prod(shape),
        access=Pointwise(),
    )

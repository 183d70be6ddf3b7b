"""Functions of one element: one operation an element of what the digital units look up or compute."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Pointwise
from archsim.graph.tensors import Array

_erf_of_one = np.frompyfunc(math.erf, 1, 1)


def erf(array: Array) -> Array:
    """The error function, which numpy does not have."""
    return np.asarray(_erf_of_one(array.astype(np.float64)), np.float64)


_UNARY: dict[str, Callable[[Array], Array]] = {
    "Abs": np.abs,
    "Acos": np.arccos,
    "Acosh": np.arccosh,
    "Asin": np.arcsin,
    "Asinh": np.arcsinh,
    "Atan": np.arctan,
    "Atanh": np.arctanh,
    "BitwiseNot": np.bitwise_not,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Cosh": np.cosh,
    "Erf": erf,
    "Exp": np.exp,
    "Floor": np.floor,
    "Log": np.log,
    "Neg": np.negative,
    "Reciprocal": np.reciprocal,
    "Round": np.rint,
    "Sign": np.sign,
    "Sin": np.sin,
    "Sinh": np.sinh,
    "Sqrt": np.sqrt,
    "Tan": np.tan,
}

_QUESTIONS: dict[str, Callable[[Array], Array]] = {"IsNaN": np.isnan, "Not": np.logical_not}


@lowering(*_UNARY)
def unary(node: Node) -> None:
    """The function that the op is named after."""
    function = _UNARY[node.op]

    def compute(array: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return function(array)

    node.elementwise(compute)


@lowering(*_QUESTIONS)
def question(node: Node) -> None:
    """Whether an element is what the op is named after."""
    _answer(node, _QUESTIONS[node.op])


@lowering("IsInf")
def is_infinite(node: Node) -> None:
    """Whether an element is infinite, of a sign that `detect_positive` and `detect_negative` allow."""
    positive, negative = (node.attributes[f"detect_{sign}"] for sign in ("positive", "negative"))
    _answer(node, lambda array: np.isinf(array) & ((bool(positive) & (array > 0)) | (bool(negative) & (array < 0))))


def _answer(node: Node, compute: Callable[[Array], Array]) -> None:
    value = node.value(0)
    operations = math.prod(value.shape)
    node.vector([value], value.shape, compute, operations=operations, access=Pointwise(), dtype="bool")

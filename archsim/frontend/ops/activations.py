"""Activations: one operation an element, unless said otherwise."""

from __future__ import annotations

import numpy as np

from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph.tensors import Array


@lowering("Relu")
def relu(node: Node) -> None:
    """max(x, 0)."""
    node.elementwise(lambda array: np.maximum(array, 0))


@lowering("LeakyRelu")
def leaky_relu(node: Node) -> None:
    """x where x >= 0, else alpha x."""
    alpha = node.attributes["alpha"]
    node.elementwise(lambda array: np.where(array >= 0, array, array * array.dtype.type(alpha)))


@lowering("Sigmoid")
def sigmoid(node: Node) -> None:
    """1 / (1 + exp(-x)), in the form that never overflows."""

    node.elementwise(logistic)


def logistic(array: Array) -> Array:
    """1 / (1 + exp(-x))."""
    small = np.exp(-np.abs(array))
    return np.asarray(np.where(array >= 0, 1, small) / (1 + small))


@lowering("Tanh")
def tanh(node: Node) -> None:
    """Hyperbolic tangent."""
    node.elementwise(np.tanh)


@lowering("HardSigmoid")
def hard_sigmoid(node: Node) -> None:
    """max(0, min(1, alpha x + beta)): 2 operations an element (the line, the limits)."""
    alpha, beta = node.attributes["alpha"], node.attributes["beta"]
    node.elementwise(lambda array: np.clip(alpha * array + beta, 0, 1), per_element=2)


@lowering("HardSwish")
def hard_swish(node: Node) -> None:
    """x max(0, min(1, x / 6 + 1 / 2)): 3 operations an element (the line, the limits, the product)."""
    node.elementwise(lambda array: array * np.clip(array / 6 + 0.5, 0, 1), per_element=3)


@lowering("Elu")
def elu(node: Node) -> None:
    """x where x > 0, else alpha (exp(x) - 1)."""
    alpha = node.attributes["alpha"]
    node.elementwise(lambda array: np.where(array > 0, array, alpha * np.expm1(np.minimum(array, 0))))


@lowering("Softplus")
def softplus(node: Node) -> None:
    """log(1 + exp(x)), in the form that never overflows."""
    node.elementwise(lambda array: np.logaddexp(array, array.dtype.type(0)))


@lowering("Clip")
def clip(node: Node) -> None:
    """Limits x; the bounds are attributes before opset 11 and inputs from then on, each optional."""
    low = node.attributes.get("min", node.scalar(1, "min"))
    high = node.attributes.get("max", node.scalar(2, "max"))

    def compute(array: Array) -> Array:
        array = array if low is None else np.maximum(array, np.asarray(low, array.dtype))
        return array if high is None else np.minimum(array, np.asarray(high, array.dtype))

    node.elementwise(compute)


@lowering("Softmax")
def softmax(node: Node) -> None:
    """exp(x - max) over its sum: 3 operations an element (exponential, sum, division).

    Along `axis` from opset 13 on; before, over all axes from `axis` (default 1) to the last together.
    """
    rank = len(node.value(0).shape)
    axis = node.axis(node.attributes["axis"], rank)
    axes = (axis,) if node.version >= 13 else tuple(range(axis, rank))

    def compute(array: Array) -> Array:
        powers = np.exp(array - array.max(axis=axes, keepdims=True))
        return np.asarray(powers / powers.sum(axis=axes, keepdims=True))

    node.elementwise(compute, per_element=3, mixes=axes)

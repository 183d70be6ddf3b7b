"""Activations: one operation an element, unless said otherwise."""

from __future__ import annotations

import math

import numpy as np

from archsim.frontend.node import Node
from archsim.frontend.ops.functions import erf
from archsim.frontend.registry import lowering
from archsim.graph import Pointwise
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


@lowering("Elu", "Celu")
def elu(node: Node) -> None:
    """x where x > 0, else alpha (exp(x) - 1); Celu has exp(x / alpha)."""
    alpha = node.attributes["alpha"]
    node.require(node.op == "Elu" or alpha != 0, "alpha 0", "a number other than 0")
    width = alpha if node.op == "Celu" else 1.0
    node.elementwise(lambda array: np.where(array > 0, array, alpha * np.expm1(np.minimum(array, 0) / width)))


@lowering("Selu")
def selu(node: Node) -> None:
    """gamma times x where x > 0, else gamma alpha (exp(x) - 1): 2 operations an element (the function, the product)."""
    alpha, gamma = node.attributes["alpha"], node.attributes["gamma"]
    node.elementwise(
        lambda array: gamma * np.where(array > 0, array, alpha * np.expm1(np.minimum(array, 0))), per_element=2
    )


@lowering("Gelu")
def gelu(node: Node) -> None:
    """x times the normal distribution's share below x, by the error function or by tanh: 2 operations an element (the
    function, the product)."""
    form = node.attributes["approximate"]
    node.require(form in ("none", "tanh"), f"approximate {form}", "none or tanh")

    def compute(array: Array) -> Array:
        wide = array.astype(np.float64)
        if form == "tanh":
            share = np.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3))
        else:
            share = erf(wide / math.sqrt(2))
        return np.asarray(wide / 2 * (1 + share))

    node.elementwise(compute, per_element=2)


@lowering("Swish")
def swish(node: Node) -> None:
    """x / (1 + exp(-alpha x)): 2 operations an element (the sigmoid, the product)."""
    alpha = node.attributes["alpha"]
    node.elementwise(lambda array: array * logistic(array.dtype.type(alpha) * array), per_element=2)


@lowering("Mish")
def mish(node: Node) -> None:
    """x tanh(log(1 + exp(x))): 3 operations an element (Softplus, Tanh, the product)."""
    node.elementwise(lambda array: array * np.tanh(_softplus(array)), per_element=3)


@lowering("Softsign")
def softsign(node: Node) -> None:
    """x / (1 + |x|): 2 operations an element (the magnitude and one, the division)."""
    node.elementwise(lambda array: array / (1 + np.abs(array)), per_element=2)


@lowering("ThresholdedRelu")
def thresholded_relu(node: Node) -> None:
    """x where x > alpha, else 0."""
    alpha = node.attributes["alpha"]
    node.elementwise(lambda array: np.where(array > alpha, array, 0))


@lowering("Shrink")
def shrink(node: Node) -> None:
    """x + bias where x < -lambd, x - bias where x > lambd, else 0."""
    bias, limit = node.attributes["bias"], node.attributes["lambd"]
    node.elementwise(lambda array: np.where(array < -limit, array + bias, np.where(array > limit, array - bias, 0)))


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


@lowering("Softplus")
def softplus(node: Node) -> None:
    """log(1 + exp(x)), in the form that never overflows."""
    node.elementwise(_softplus)


def _softplus(array: Array) -> Array:
    return np.asarray(np.maximum(array, 0) + np.log1p(np.exp(-np.abs(array))))


@lowering("Clip", limits="Constant bounds.")
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
    axes = _softmax_axes(node)

    def compute(array: Array) -> Array:
        powers = np.exp(array - array.max(axis=axes, keepdims=True))
        return np.asarray(powers / powers.sum(axis=axes, keepdims=True))

    node.elementwise(compute, per_element=3, mixes=axes)


@lowering("LogSoftmax")
def log_softmax(node: Node) -> None:
    """x - max - log of the sum of exp(x - max): 3 operations an element (exponential, sum, difference), and the
    logarithm of each sum; along the axes of Softmax."""
    axes = _softmax_axes(node)

    def compute(array: Array) -> Array:
        array = array - array.max(axis=axes, keepdims=True)
        return np.asarray(array - np.log(np.exp(array).sum(axis=axes, keepdims=True)))

    shape = node.value(0).shape
    sums = math.prod(size for axis, size in enumerate(shape) if axis not in axes)
    node.elementwise(compute, per_element=3, more=sums, mixes=axes)


@lowering("Hardmax")
def hardmax(node: Node) -> None:
    """1 at the first largest element, 0 elsewhere: 2 operations an element (the largest, the comparison); along the
    axes of Softmax."""
    axes = _softmax_axes(node)

    def compute(array: Array) -> Array:
        last = np.moveaxis(array, axes, range(-len(axes), 0))
        flat = last.reshape(*last.shape[: array.ndim - len(axes)], -1)
        ones = np.arange(flat.shape[-1]) == flat.argmax(axis=-1)[..., None]
        return np.moveaxis(ones.reshape(last.shape), range(-len(axes), 0), axes)

    node.elementwise(compute, per_element=2, mixes=axes)


def _softmax_axes(node: Node) -> tuple[int, ...]:
    rank = len(node.value(0).shape)
    axis = node.axis(node.attributes["axis"], rank)
    return (axis,) if node.version >= 13 else tuple(range(axis, rank))

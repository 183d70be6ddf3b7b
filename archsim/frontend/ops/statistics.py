"""Normalizations by statistics of the data itself: of every set of elements that is normalized together, the sums one
operation an element each, and one operation per set for the root or the inverse."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.dtypes import NUMPY_NAMES
from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.frontend.ops.products import require_broadcast
from archsim.frontend.registry import lowering
from archsim.graph import Constant, Pointwise, Whole
from archsim.graph.tensors import Array


def _wide(array: Array) -> Array:
    """At least single precision, in which ONNX wants statistics (attribute stash_type)."""
    return array if array.dtype == np.float64 else array.astype(np.float32)


def _standardized(array: Array, axes: Shape, epsilon: float) -> Array:
    difference = array - array.mean(axis=axes, keepdims=True)
    return np.asarray(difference / np.sqrt(np.square(difference).mean(axis=axes, keepdims=True) + epsilon))


def _normalize(
    node: Node,
    parameters: Sequence[Value],
    axes: Shape,
    compute: Callable[..., Array],
    *,
    per_element: int,
    per_set: int = 1,
) -> None:
    """The first output is the first operand normalized over `axes`, as a layer of the digital units."""
    data = node.value(0)
    sets = math.prod(size for axis, size in enumerate(data.shape) if axis not in axes)
    operations = per_element * math.prod(data.shape) + per_set * sets
    access = Pointwise(axes)
    node.vector(
        [data, *parameters],
        data.shape,
        lambda *arrays: compute(*map(_wide, arrays)),
        operations=operations,
        access=access,
    )


def _parameters(node: Node, shape: Shape) -> list[Value]:
    """Scale and, where there is one, bias; each broadcasts to `shape`."""
    values = []
    for index, (name, number) in enumerate((("scale", 1.0), ("bias", 0.0)), start=1):
        value = node.optional(index)
        if value is None:
            continue
        require_broadcast(node, name, value.shape, shape)
        values.append(node.neutral(value, number) if isinstance(value, Constant) else value)
    return values


def _from_axis(node: Node) -> Shape:
    rank = len(node.value(0).shape)
    return tuple(range(node.axis(node.attributes["axis"], rank), rank))


@lowering("LayerNormalization")
def layer_normalization(node: Node) -> None:
    """(x - mean) / sqrt(variance + epsilon) x scale + bias over all axes from `axis` on: 6 operations an element (sum,
    difference, square, its sum, two products), a seventh for a bias. Mean and inverse deviation, where they are used,
    take as much as they would alone: 1 and 4 an element."""
    data, axes, epsilon = node.value(0), _from_axis(node), node.attributes["epsilon"]
    parameters = _parameters(node, data.shape)

    def compute(array: Array, scale: Array, *bias: Array) -> Array:
        result = _standardized(array, axes, epsilon) * scale
        return np.asarray(result + bias[0] if bias else result)

    _normalize(node, parameters, axes, compute, per_element=5 + len(parameters))
    stash = NUMPY_NAMES.get(node.attributes["stash_type"], "float32")
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(data.shape))
    further: tuple[tuple[str, Callable[[Array], Array], int], ...] = (
        ("mean", lambda array: array.mean(axis=axes, keepdims=True), 1),
        ("deviation", lambda array: 1 / np.sqrt(array.var(axis=axes, keepdims=True) + epsilon), 4),
    )
    for index, (part, function, per_element) in enumerate(further, start=1):
        if index < len(node.outputs) and node.builder.uses[node.outputs[index]]:
            node.vector(
                [data],
                shape,
                lambda array, function=function: function(_wide(array)),
                operations=per_element * math.prod(data.shape) + math.prod(shape),
                access=Whole(),
                dtype=stash,
                index=index,
                part=part,
            )


@lowering("RMSNormalization")
def rms_normalization(node: Node) -> None:
    """x / sqrt(mean of squares + epsilon) x scale over all axes from `axis` on: 4 operations an element (square, its
    sum, two products)."""
    data, axes, epsilon = node.value(0), _from_axis(node), node.attributes["epsilon"]
    node.attributes.get("stash_type")

    def compute(array: Array, scale: Array) -> Array:
        return np.asarray(array / np.sqrt(np.square(array).mean(axis=axes, keepdims=True) + epsilon) * scale)

    _normalize(node, _parameters(node, data.shape), axes, compute, per_element=4)


@lowering("InstanceNormalization")
def instance_normalization(node: Node) -> None:
    """(x - mean) / sqrt(variance + epsilon) x scale + bias, each channel of each image by itself: 6 operations an
    element (sum, difference, square, its sum, product, addition)."""
    _by_channel(node, node.value(0).shape[1:2])


@lowering("GroupNormalization")
def group_normalization(node: Node) -> None:
    """As InstanceNormalization, over `num_groups` groups of channels; scale and bias per channel, before opset 21 per
    group."""
    shape, groups = node.value(0).shape, node.attributes["num_groups"]
    fits = len(shape) >= 2 and groups > 0 and shape[1] % groups == 0
    node.require(fits, f"{groups} groups of data of shape {shape}", "a divisor of the channels of (N, C, ...)")
    node.attributes.get("stash_type")
    _by_channel(node, shape[1:2] if node.version >= 21 else (groups,), groups)


def _by_channel(node: Node, parameters: Shape, groups: int | None = None) -> None:
    data, epsilon = node.value(0), node.attributes["epsilon"]
    node.require(len(data.shape) >= 2, f"data of shape {data.shape}", "(N, C, ...)")
    scale, bias = (node.value(index) for index in (1, 2))
    for name, value in (("scale", scale), ("bias", bias)):
        node.require(value.shape == parameters, f"{name} of shape {value.shape}", f"{parameters}")
    batch, channels, *space = data.shape
    sets = channels if groups is None else groups
    split = (batch, sets, channels // sets, *space)

    def compute(array: Array, scale: Array, bias: Array) -> Array:
        result = _standardized(array.reshape(split), tuple(range(2, len(split))), epsilon).reshape(array.shape)
        each = (np.repeat(number, channels // number.size).reshape(-1, *(1 for _ in space)) for number in (scale, bias))
        return np.asarray(result * next(each) + next(each))

    mixed = tuple(range(1 if groups is not None else 2, len(data.shape)))
    _normalize(node, [scale, bias], mixed, compute, per_element=6, per_set=1 if groups is None else groups)


@lowering("LpNormalization")
def lp_normalization(node: Node) -> None:
    """x over the sum of magnitudes (p 1) or the root of the sum of squares (p 2) along `axis`, 0 where that is 0: 3
    operations an element (magnitude or square, sum, division)."""
    power = node.attributes["p"]
    node.require(power in (1, 2), f"p {power}", "1 or 2")
    axis = node.axis(node.attributes["axis"], len(node.value(0).shape))

    def compute(array: Array) -> Array:
        length = np.linalg.norm(array, power, axis=axis, keepdims=True)
        return np.asarray(array / np.where(length == 0, 1, length))

    _normalize(node, [], (axis,), compute, per_element=3, per_set=power - 1)


@lowering("MeanVarianceNormalization")
def mean_variance_normalization(node: Node) -> None:
    """(x - mean) / (deviation + 1e-9) over `axes`: 5 operations an element (sum, difference, square, its sum,
    division)."""
    axes = node.axes(node.attributes["axes"], len(node.value(0).shape))

    def compute(array: Array) -> Array:
        difference = array - array.mean(axis=axes, keepdims=True)
        return np.asarray(difference / (np.sqrt(np.square(difference).mean(axis=axes, keepdims=True)) + 1e-9))

    _normalize(node, [], axes, compute, per_element=5)

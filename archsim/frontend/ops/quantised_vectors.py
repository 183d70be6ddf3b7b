"""Digital work on quantised activations (onnxruntime's com.microsoft ops): each operand is dequantised (1 operation an
element), the work is that of the op on numbers, and the result is quantised (2 operations an element)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.frontend.ops.activations import logistic
from archsim.frontend.ops.pooling import window_means
from archsim.frontend.quantisation import DEQUANTISE, QUANTISE, dequantised, quantised
from archsim.frontend.registry import lowering
from archsim.frontend.windows import sliding_windows
from archsim.graph import Access, Pointwise, Whole
from archsim.graph.tensors import Array

_TYPES = ("int8", "uint8")


def _number(node: Node, index: int) -> Array:
    """The one number of a constant scale or zero point; 0 where the node leaves it out."""
    if node.optional(index) is None:
        return np.zeros((), np.int64)
    array = node.numbers(index, "scale or zero point")
    node.require(array.size == 1, f"{array.size} scales or zero points", "one for the whole tensor")
    return np.asarray(array[0])


def _vector(
    node: Node,
    operands: Sequence[tuple[int, int, int]],
    result: tuple[int, int],
    shape: Shape,
    compute: Callable[..., Array],
    *,
    work: int,
    access: Access | None = None,
    unit: str = "elementwise",
) -> None:
    """The layer of `node`: `operands` are the places of each operand, its scale and its zero point, `result` those of
    the scale and zero point of the result; `work` is what `compute`, from numbers to numbers, takes."""
    values: list[Value] = [node.value(index) for index, _, _ in operands]
    for value in values:
        node.require(value.dtype in _TYPES, f"data of type {value.dtype}", " or ".join(_TYPES))
    scales = [(_number(node, scale), _number(node, zero)) for _, scale, zero in operands]
    scale, zero = (_number(node, index) for index in result)
    dtype = values[0].dtype if node.optional(result[1]) is None else node.value(result[1]).dtype

    def typed(*arrays: Array) -> Array:
        pairs = zip(arrays, scales, strict=True)
        numbers = [dequantised(array, step, point) for array, (step, point) in pairs]
        return quantised(compute(*numbers), scale, zero, dtype)

    changing = sum(DEQUANTISE * math.prod(value.shape) for value in values) + QUANTISE * math.prod(shape)
    node.vector(values, shape, typed, operations=work + changing, access=access or Pointwise(), unit=unit, dtype=dtype)


@lowering(
    "com.microsoft::QLinearAdd",
    "com.microsoft::QLinearMul",
    limits="Constant scales and zero points, one for each tensor.",
)
def binary(node: Node) -> None:
    """Sum or product, 1 operation an element beside the change of scales."""
    left, right = node.value(0), node.value(3)
    try:
        shape = np.broadcast_shapes(left.shape, right.shape)
    except ValueError:
        raise node.error(f"operands of shapes {left.shape} and {right.shape}", "shapes that broadcast") from None
    function = np.add if node.op.endswith("Add") else np.multiply
    _vector(node, [(0, 1, 2), (3, 4, 5)], (6, 7), shape, function, work=math.prod(shape))


def _unary(node: Node, compute: Callable[[Array], Array], *, per_element: int = 1, mixes: Shape = ()) -> None:
    shape = node.value(0).shape
    work = per_element * math.prod(shape)
    _vector(node, [(0, 1, 2)], (3, 4), shape, compute, work=work, access=Pointwise(mixes))


@lowering("com.microsoft::QLinearLeakyRelu", limits="Constant scales and zero points, one for each tensor.")
def leaky_relu(node: Node) -> None:
    """x where x >= 0, else alpha x."""
    alpha = np.float32(node.attributes["alpha"])
    _unary(node, lambda array: np.where(array >= 0, array, array * alpha))


@lowering("com.microsoft::QLinearSigmoid", limits="Constant scales and zero points, one for each tensor.")
def sigmoid(node: Node) -> None:
    """1 / (1 + exp(-x))."""
    _unary(node, logistic)


@lowering("com.microsoft::QLinearSoftmax", limits="Constant scales and zero points, one for each tensor.")
def softmax(node: Node) -> None:
    """exp(x - max) over its sum, 3 operations an element; attribute `opset` says whether along one axis (from 13 on)
    or over all from `axis` to the last."""
    rank = len(node.value(0).shape)
    axis = node.axis(node.attributes["axis"], rank)
    axes = (axis,) if node.attributes["opset"] >= 13 else tuple(range(axis, rank))

    def compute(array: Array) -> Array:
        powers = np.exp(array - array.max(axis=axes, keepdims=True))
        return np.asarray(powers / powers.sum(axis=axes, keepdims=True))

    _unary(node, compute, per_element=3, mixes=axes)


@lowering(
    "com.microsoft::QLinearGlobalAveragePool",
    limits="Constant scales and zero points, one for each tensor; channels ahead of space.",
)
def global_average_pool(node: Node) -> None:
    """The mean of all positions of a channel, 1 operation an element of the pool unit."""
    data = _channels_first(node)
    axes = tuple(range(2, len(data.shape)))
    shape = (*data.shape[:2], *(1 for _ in axes))
    _vector(
        node,
        [(0, 1, 2)],
        (3, 4),
        shape,
        lambda array: array.mean(axis=axes, keepdims=True),
        work=math.prod(data.shape),
        access=Whole(),
        unit="pool",
    )


def _channels_first(node: Node) -> Value:
    data = node.value(0)
    node.require(node.attributes["channels_last"] == 0, "channels_last 1", "channels_last 0")
    node.require(len(data.shape) >= 3, f"data of shape {data.shape}", "(N, C, spatial axes)")
    return data


@lowering(
    "com.microsoft::QLinearAveragePool",
    limits="1 to 3 spatial axes; constant scales and zero points, one for each tensor; channels ahead of space.",
)
def average_pool(node: Node) -> None:
    """The mean of each window, 1 operation of the pool unit per kernel element."""
    data, kernel = _channels_first(node), tuple(node.attributes["kernel_shape"])
    access, space = sliding_windows(node, data.shape[2:], kernel, ceil=bool(node.attributes["ceil_mode"]))
    shape = (*data.shape[:2], *space)
    means = window_means(node)
    work = math.prod(shape) * math.prod(kernel)
    _vector(
        node,
        [(0, 1, 2)],
        (3, 4),
        shape,
        lambda array: means(array, access, space),
        work=work,
        access=access,
        unit="pool",
    )


@lowering("com.microsoft::QLinearConcat", limits="Constant scales and zero points, one for each tensor.")
def concat(node: Node) -> None:
    """Operands one after the other along `axis`, brought to one scale."""
    places = [(index, index + 1, index + 2) for index in range(2, len(node.inputs), 3)]
    node.require(len(node.inputs) % 3 == 2, f"{len(node.inputs)} inputs", "2, and 3 for each operand")
    values = [node.value(index) for index, _, _ in places]
    rank = len(values[0].shape)
    axis = node.axis(node.attributes["axis"], rank)
    others = {(len(value.shape), value.shape[:axis], value.shape[axis + 1 :]) for value in values}
    shown = ", ".join(str(value.shape) for value in values)
    node.require(len(others) == 1, f"operands of shapes {shown}", f"shapes equal but for axis {axis}")
    shape = (*values[0].shape[:axis], sum(value.shape[axis] for value in values), *values[0].shape[axis + 1 :])
    _vector(node, places, (0, 1), shape, lambda *arrays: np.concatenate(arrays, axis), work=0, access=Whole())

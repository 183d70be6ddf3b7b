"""Sums of products of integers: the crossbars hold the weights less their zero point and read the data as
they are; the zero point of the data goes into the bias. Where it is known at run time only, or differs from row to row,
its part is subtracted afterwards, 2 operations an element (product, difference)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.inputs import Shape
from archsim.frontend.matrix import add_matrix
from archsim.frontend.node import Node
from archsim.frontend.ops.conv import convolve
from archsim.frontend.quantisation import (
    grid_of,
    inner,
    inner_value,
    integer_limits,
    known,
    require_elements,
    require_spread,
    require_type,
)
from archsim.frontend.windows import sliding_windows
from archsim.graph import Constant, Pointwise, Rows, Sliding, Tensor, Whole
from archsim.graph.tensors import Array

_UNZERO = 2
STORED = ("int8", "uint8", "int16", "uint16")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a node has its operands: data, weights, their zero points, and the bias."""

    data: int
    data_zero: int
    weights: int
    weights_zero: int
    bias: int | None = None


def _checked(node: Node, places: Places) -> tuple[Tensor, Constant]:
    """The data and the weights, less their zero point, as int32."""
    data, stored = node.value(places.data), node.constant(places.weights, "weights")
    if not isinstance(data, Tensor):
        raise node.error("constant data", "data computed at run time")
    for value, zero, what in ((data, places.data_zero, "data"), (stored, places.weights_zero, "weights")):
        node.require(value.dtype in STORED, f"{what} of type {value.dtype}", ", ".join(STORED))
        require_type(node, zero, value.dtype, f"zero point of {what}")
    return data, stored


def _without_zero(node: Node, places: Places, stored: Constant, axis: int) -> tuple[Constant, str]:
    """The weights less their zero point, one for all or one for each index of `axis`, and what to call that."""
    if node.optional(places.weights_zero) is None:
        return stored.map(lambda array: array.astype(np.int32), stored.shape, "int32"), ""
    zero = node.constant(places.weights_zero, "zero point of weights")
    shape = [1] * len(stored.shape)
    if zero.elements != 1:
        shape[axis] = stored.shape[axis]
        node.require(zero.elements == shape[axis], f"{zero.elements} zero points", f"1 or {shape[axis]}")

    def centred(array: Array) -> Array:
        return array.astype(np.int32) - zero.load().astype(np.int32).reshape(shape)

    return stored.map(centred, stored.shape, "int32"), f" less {zero.key}"


def _bias(node: Node, places: Places, outputs: int) -> Constant | None:
    if places.bias is None or node.optional(places.bias) is None:
        return None
    bias = node.constant(places.bias, "bias")
    node.require(bias.dtype == "int32", f"bias of type {bias.dtype}", "int32")
    node.require(bias.elements == outputs, f"bias of shape {bias.shape}", f"({outputs},)")
    return bias.map(lambda array: array.reshape(outputs), (outputs,))


def convolution(node: Node, places: Places) -> None:
    """Write the int32 sums of a convolution."""
    data, stored = _checked(node, places)
    node.require(len(stored.shape) > 2, f"weights of shape {stored.shape}", "(M, C / groups, kernel)")
    weights, form = _without_zero(node, places, stored, 0)
    bias = _bias(node, places, stored.shape[0])
    if (point := node.optional(places.data_zero)) is not None:
        require_elements(node, point, "zero point of data", 1)
    zero = known(node, places.data_zero)
    if zero is not None:
        convolve(node, data, weights, bias, form=form, grid=grid_of(data.dtype, zero.item()))
        return
    raw = inner(node, "raw sums")
    convolve(raw, data, weights, bias, form=form, grid=grid_of(data.dtype))
    access, space = sliding_windows(node, data.shape[2:], stored.shape[2:])

    def ones(array: Array) -> Array:
        return _inside_sums(array.sum(axis=1), access, data.shape[2:], space)

    shape = (1, stored.shape[0], *space)
    _subtract(node, inner_value(raw), node.value(places.data_zero), weights.map(ones, shape), ())


def _inside_sums(weights: Array, access: Sliding, size: Shape, space: Shape) -> Array:
    """What a convolution by `weights` (M, kernel) gives for ones in the map and zeros outside: (1, M, space)."""
    for axis, extent in enumerate(size):
        starts = np.arange(space[axis])[:, None] * access.strides[axis] - access.pads_begin[axis]
        places = starts + np.arange(access.kernel[axis]) * access.dilations[axis]
        inside = (places >= 0) & (places < extent)
        weights = np.tensordot(weights, inside.astype(weights.dtype), axes=([1], [1]))
    return weights[None]


def _subtract(node: Node, sums: Value, zero: Value, ones: Constant, trailing: Shape) -> None:
    """Write sums - zero x ones: what the zero point of the data has brought into sums of data as they are.
    `trailing` are axes of size 1 that zero points of single rows lack."""
    shape = (*zero.shape, *trailing) if len(zero.shape) == 1 and zero.shape != (1,) else zero.shape
    require_spread(node, zero, shape, "zero point of data", sums.shape)

    def compute(array: Array, point: Array, unit: Array) -> Array:
        return array - point.reshape(shape).astype(np.int64) * unit

    node.vector(
        [sums, zero, ones],
        sums.shape,
        compute,
        operations=_UNZERO * math.prod(sums.shape),
        access=Pointwise(),
        dtype="int32",
        part="zero point",
    )


def product(node: Node, places: Places, *, transposed: bool = False) -> None:
    """Write the int32 sums of a product of matrices."""
    right = node.value(places.weights)
    flat = len(right.shape) >= 2 and all(size == 1 for size in right.shape[:-2])
    constant = isinstance(right, Constant) or node.builder.feeds(right)
    if not flat or not constant:
        _digital_product(node, places)
        return
    data, stored = _checked(node, places)
    rows, outputs = stored.shape[:-3:-1] if transposed else stored.shape[-2:]
    node.require(data.shape[-1:] == (rows,), f"data of shape {data.shape}", f"{rows} in the last axis")
    weights, form = _without_zero(node, places, stored, len(stored.shape) - (2 if transposed else 1))

    def matrix(array: Array) -> Array:
        array = array.reshape(array.shape[-2:])
        return (array.T if transposed else array).reshape(1, rows, outputs)

    shape = (*data.shape[:-1], outputs)
    zero = known(node, places.data_zero)
    single = zero is not None and zero.size == 1
    target = node if single else inner(node, "raw sums")
    add_matrix(
        target,
        data,
        weights.map(matrix, (1, rows, outputs)),
        _bias(node, places, outputs),
        form=f"{'transposed' if transposed else 'as stored'}{form}",
        shape=shape,
        access=Rows(),
        channel_axis=len(shape) - 1,
        dtype="int32",
        grid=grid_of(data.dtype, zero.item() if zero is not None and single else 0),
    )
    if not single:
        units = weights.map(lambda array: matrix(array).sum(axis=(0, 1)), (outputs,))
        _subtract(node, inner_value(target), node.value(places.data_zero), units, (1,))


def _digital_product(node: Node, places: Places) -> None:
    """Write the int32 sums of a product that no crossbar does: of two activations, or of a stack of matrices. One
    product of the multiplier, and one addition, for each multiply-accumulate."""
    left, right = node.value(places.data), node.value(places.weights)
    zeros = [node.optional(index) for index in (places.data_zero, places.weights_zero)]
    for value in (left, right):
        node.require(integer_limits(value.dtype) is not None, f"an operand of type {value.dtype}", "integers")

    shapes = [() if zero is None else zero.shape for zero in zeros]
    if len(shapes[0]) == 1:
        shapes[0] = (*shapes[0], 1)
    for zero, whole, placed in zip(zeros, (left, right), shapes, strict=True):
        if zero is not None:
            require_spread(node, zero, placed, "zero point", whole.shape)

    def compute(first: Array, second: Array, *points: Array) -> Array:
        found = iter(points)
        given = [np.zeros((), np.int64) if zero is None else next(found).astype(np.int64) for zero in zeros]
        of_rows, of_columns = (each.reshape(placed) for each, placed in zip(given, shapes, strict=True))
        return np.asarray(np.matmul(first - of_rows, second - of_columns))

    try:
        batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        batch = None
    fits = min(len(left.shape), len(right.shape)) >= 2 and left.shape[-1] == right.shape[-2] and batch is not None
    node.require(fits, f"operands of shapes {left.shape} and {right.shape}", "(..., rows, k) times (..., k, columns)")
    shape = (*(batch or ()), left.shape[-2], right.shape[-1])
    operands = [left, right, *(zero for zero in zeros if zero is not None)]
    work = math.prod(shape) * left.shape[-1]
    node.vector(
        operands,
        shape,
        compute,
        operations=work,
        additions=work,
        products=work,
        access=Whole(),
        unit="multiplier",
        dtype="int32",
    )

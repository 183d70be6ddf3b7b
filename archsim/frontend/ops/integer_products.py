"""Convolutions and products of integers (see `archsim.frontend.integers`). Behind the sums, 2 operations an element
turn them into integers of the result's scale, 1 into numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.integers import STORED, Places, convolution, product
from archsim.frontend.node import Node
from archsim.frontend.ops.quantised import quantise_dynamically
from archsim.frontend.quantisation import (
    DEQUANTISE,
    QUANTISE,
    inner,
    inner_value,
    requantised,
    require_elements,
    require_spread,
)
from archsim.frontend.registry import lowering
from archsim.graph import Pointwise
from archsim.graph.tensors import Array

_INTEGER = Places(data=0, weights=1, data_zero=2, weights_zero=3)
_QLINEAR = Places(data=0, data_zero=2, weights=3, weights_zero=5, bias=8)
_QGEMM = Places(data=0, data_zero=2, weights=3, weights_zero=5, bias=6)


@lowering(
    "ConvInteger",
    becomes=("crossbars", "digital"),
    limits="1 to 3 spatial axes; constant weights and zero point of weights, no constant data.",
)
def conv_integer(node: Node) -> None:
    """The int32 sums themselves."""
    convolution(node, _INTEGER)


@lowering("MatMulInteger", becomes=("crossbars", "digital"), limits="No vector as B, nor as A of two activations.")
def matmul_integer(node: Node) -> None:
    """The int32 sums themselves; a product of two activations is the digital units' work."""
    product(node, _INTEGER)


@lowering(
    "QLinearConv",
    becomes=("crossbars", "digital"),
    limits="1 to 3 spatial axes; constant weights, zero point of weights and bias, no constant data.",
)
def qlinear_conv(node: Node) -> None:
    """Convolution, then 2 operations an element to the scale of the result."""
    sums = inner(node, "sums")
    convolution(sums, _QLINEAR)
    _requantise(node, inner_value(sums), 1)


@lowering("QLinearMatMul", becomes=("crossbars", "digital"), limits="No vector as B, nor as A of two activations.")
def qlinear_matmul(node: Node) -> None:
    """Product of matrices, then 2 operations an element to the scale of the result."""
    sums = inner(node, "sums")
    product(sums, _QLINEAR)
    value = inner_value(sums)
    _requantise(node, value, len(value.shape) - 1)


def _requantise(node: Node, sums: Value, axis: int) -> None:
    """The factor x_scale w_scale / y_scale is computed in the scales' own type, as ONNX's reference does."""
    zero = node.value(7)
    node.require(zero.dtype in STORED, f"zero point of the result of type {zero.dtype}", ", ".join(STORED))
    scales: list[Value] = [node.value(1), node.value(4), node.value(6)]
    for value, what in ((scales[0], "scale of data"), (scales[2], "scale of the result"), (zero, "zero point")):
        require_elements(node, value, what, 1)
    require_elements(node, scales[1], "scale of weights", 1, sums.shape[axis])
    dtype, behind = zero.dtype, len(sums.shape) - 1 - axis

    def compute(array: Array, of_data: Array, of_weights: Array, of_result: Array, point: Array) -> Array:
        per_output = of_weights.reshape(-1, *(1,) * behind) if of_weights.size > 1 else of_weights.reshape(())
        factor = np.asarray(of_data.reshape(()) * per_output / of_result.reshape(()))
        return requantised(array, factor, point.astype(np.int64).reshape(()), dtype)

    operations = QUANTISE * math.prod(sums.shape)
    operands = [sums, *scales, zero]
    node.vector(
        operands, sums.shape, compute, operations=operations, access=Pointwise(), dtype=dtype, part="requantise"
    )


@lowering("com.microsoft::QGemm", becomes=("crossbars", "digital"), limits="Constant B and C; no transposed A.")
def qgemm(node: Node) -> None:
    """alpha A B' + C in integers, then 2 operations an element to the scale of the result, or 1 to numbers where
    the node gives none."""
    node.require(node.attributes["transA"] == 0, "transA 1", "transA 0")
    weights, sums = node.constant(3, "weights"), inner(node, "sums")
    node.require(len(weights.shape) == 2, f"weights of shape {weights.shape}", "a matrix")
    product(sums, _QGEMM, transposed=bool(node.attributes["transB"]))
    _rescale(node, inner_value(sums), node.attributes["alpha"])


def _rescale(node: Node, sums: Value, alpha: float) -> None:
    """The scale of the sums is alpha times both scales; without one for the result they become numbers."""
    result, zero = node.optional(7), node.optional(8)
    given = [value for value in (result, zero) if value is not None]
    node.require(result is not None or zero is None, "a zero point of the result and no scale", "both, or none")
    dtype = "float32" if result is None else zero.dtype if zero is not None else node.value(0).dtype
    node.require(result is None or dtype in STORED, f"zero point of the result of type {dtype}", ", ".join(STORED))
    require_elements(node, node.value(1), "scale of data", 1)
    require_elements(node, node.value(4), "scale of weights", 1, sums.shape[-1])
    for value in given:
        require_elements(node, value, "scale or zero point of the result", 1)
    operands = [sums, node.value(1), node.value(4), *given]

    def compute(array: Array, first: Array, second: Array, *rest: Array) -> Array:
        factor = np.asarray(first.dtype.type(alpha) * first.reshape(()) * second.reshape(-1))
        if not rest:
            return array * factor.astype(np.float64)
        return requantised(array, factor / rest[0], rest[1].astype(np.int64) if len(rest) > 1 else 0, dtype)

    each = DEQUANTISE if result is None else QUANTISE
    operations = each * math.prod(sums.shape)
    node.vector(operands, sums.shape, compute, operations=operations, access=Pointwise(), dtype=dtype, part="scale")


@lowering(
    "com.microsoft::MatMulIntegerToFloat",
    becomes=("crossbars", "digital"),
    limits="No vector as B, nor as A of two activations.",
)
def matmul_integer_to_float(node: Node) -> None:
    """Product of integers, then 1 operation an element to numbers, and 1 for a bias."""
    sums = inner(node, "sums")
    product(sums, Places(data=0, weights=1, data_zero=4, weights_zero=5))
    _to_numbers(node, inner_value(sums), node.value(2), node.value(3), node.optional(6))


def _to_numbers(node: Node, sums: Value, left: Value, right: Value, bias: Value | None) -> None:
    for value, what in ((left, "scale of data"), (right, "scale of weights"), (bias, "bias")):
        if value is not None:
            require_spread(node, value, value.shape, what, sums.shape)

    def compute(array: Array, first: Array, second: Array, addend: Array | None = None) -> Array:
        scaled = array * np.asarray(first * second).astype(np.float64)
        return scaled if addend is None else scaled + addend

    each = DEQUANTISE + (bias is not None)
    operands = [sums, left, right, *([] if bias is None else [bias])]
    operations = each * math.prod(sums.shape)
    node.vector(operands, sums.shape, compute, operations=operations, access=Pointwise(), dtype="float32", part="scale")


@lowering(
    "com.microsoft::DynamicQuantizeMatMul",
    becomes=("crossbars", "digital"),
    limits="No vector as B, nor as A of two activations.",
)
def dynamic_quantize_matmul(node: Node) -> None:
    """DynamicQuantizeLinear of the data, product of integers, 1 operation an element to numbers, 1 for a bias."""
    integers, scale, zero = quantise_dynamically(node, node.value(0), ("", "", ""), first=False)
    sums = replace(inner(node, "sums"), inputs=(integers, node.value(1), zero, node.optional(3)))
    product(sums, _INTEGER)
    _to_numbers(node, inner_value(sums), scale, node.value(2), node.optional(4))

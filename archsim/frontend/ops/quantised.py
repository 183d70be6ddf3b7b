"""Between numbers and the integers that stand for them: 2 operations an element to quantise (the line through the
zero point; the limits), 1 to dequantise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.dtypes import FLOATS, NUMPY_NAMES, onnx_name
from archsim.frontend.node import Node
from archsim.frontend.ops.casts import conversion
from archsim.frontend.quantisation import (
    DEQUANTISE,
    QUANTISE,
    dequantised,
    grid_of,
    inner,
    inner_value,
    integer_limits,
    quantised,
    require_type,
    spread,
)
from archsim.frontend.registry import lowering
from archsim.graph import Constant, Pointwise, Tensor, Whole
from archsim.graph.tensors import Array

_QUANTISED = "integers, or floats of 8 or 4 bits"


def _quantised(dtype: str) -> bool:
    return integer_limits(dtype) is not None or dtype.startswith(("float8", "float4"))


def _placing(node: Node, data: Value) -> Callable[[Array], Array]:
    """What brings scales and zero points to the shape of the data, or one that broadcasts to it."""
    axis, block = node.attributes.get("axis", 1), node.attributes.get("block_size", 0)
    node.require(block >= 0, f"block_size {block}", "0 or more")
    scale, zero_point = node.value(1), node.optional(2)
    if zero_point is not None:
        same = math.prod(zero_point.shape) == math.prod(scale.shape)
        node.require(same, f"zero points of shape {zero_point.shape}", f"that of the scales, {scale.shape}")
    shape = spread(node, scale, data.shape, axis, block)
    if shape is not None:
        return lambda array: array.reshape(shape)
    axis = node.axis(axis, len(data.shape))
    size, blocks = data.shape[axis], scale.shape
    return lambda array: np.take(np.repeat(array.reshape(blocks), block, axis), range(size), axis)


def _operands(node: Node) -> list[Value]:
    zero_point = node.optional(2)
    return [node.value(0), node.value(1), *([] if zero_point is None else [zero_point])]


@lowering("QuantizeLinear", "com.microsoft::QuantizeLinear")
def quantize(node: Node) -> None:
    """round(x / scale) + zero point, of one scale, one for each index of `axis`, or one for each block along it;
    to floats of 8 or 4 bits x / scale, converted."""
    data, scale = node.value(0), node.value(1)
    node.require(scale.dtype in FLOATS, f"scales of type {scale.dtype}", ", ".join(sorted(FLOATS)))
    place, dtype = _placing(node, data), _quantised_type(node)
    precision = node.attributes.get("precision", 0)
    wide = NUMPY_NAMES.get(precision, scale.dtype)
    node.require(wide in FLOATS, f"precision {onnx_name(precision)}", "a floating-point type")
    narrowed = conversion(dtype, bool(node.attributes.get("saturate", 1)), "up")

    def compute(array: Array, step: Array, zero: Array | None = None) -> Array:
        shift = np.zeros((), np.int64) if zero is None else place(zero)
        array, step = array.astype(wide), place(step).astype(wide)
        if integer_limits(dtype) is None:
            return narrowed(array / step + shift.astype(wide))
        return quantised(array, step, shift, dtype)

    operations = QUANTISE * math.prod(data.shape)
    node.vector(_operands(node), data.shape, compute, operations=operations, access=Pointwise(), dtype=dtype)


def _quantised_type(node: Node) -> str:
    number, zero_point = node.attributes.get("output_dtype", 0), node.optional(2)
    asked = NUMPY_NAMES.get(number, onnx_name(number)) if number else None
    dtype = zero_point.dtype if zero_point is not None else asked or "uint8"
    node.require(asked in (None, dtype), f"output_dtype {asked}", f"the type of the zero point, {dtype}")
    node.require(_quantised(dtype), f"quantised type {dtype}", _QUANTISED)
    return dtype


@lowering("DequantizeLinear", "com.microsoft::DequantizeLinear")
def dequantize(node: Node) -> None:
    """(x - zero point) x scale. Constants are folded, and remembered as integers times a scale: crossbars hold those
    integers; activations of one scale enter them as the integers that they are."""
    data, scale = node.value(0), node.value(1)
    node.require(_quantised(data.dtype), f"data of type {data.dtype}", _QUANTISED)
    node.require(scale.dtype in FLOATS, f"scales of type {scale.dtype}", ", ".join(sorted(FLOATS)))
    require_type(node, 2, data.dtype, "zero point")
    place, number = _placing(node, data), node.attributes.get("output_dtype", 0)
    dtype = NUMPY_NAMES.get(number, scale.dtype)
    node.require(dtype in FLOATS, f"output_dtype {onnx_name(number)}", "a floating-point type")

    def compute(array: Array, step: Array, zero: Array | None = None) -> Array:
        return dequantised(array, place(step), 0 if zero is None else place(zero))

    operations = DEQUANTISE * math.prod(data.shape)
    node.vector(_operands(node), data.shape, compute, operations=operations, access=Pointwise(), dtype=dtype)
    _remember(node, place, dtype)


def _remember(node: Node, place: Callable[[Array], Array], dtype: str) -> None:
    """Note which integers stand for the result."""
    data, scale, zero_point = node.value(0), node.value(1), node.optional(2)
    if integer_limits(data.dtype) is None or not isinstance(scale, Constant):
        return
    if zero_point is not None and not isinstance(zero_point, Constant):
        return
    if isinstance(data, Constant):
        key, shape = f"{data.key} x {scale.key}", data.shape
        steps = scale.map(lambda array: np.broadcast_to(place(array), shape), shape, dtype)
        node.builder.amend(node.outputs[0], key=key, steps=steps.load)
    elif scale.elements == 1:
        zero = 0 if zero_point is None else zero_point.load().item()
        step = float(scale.load().item())
        if step > 0:
            node.builder.grids[node.outputs[0]] = grid_of(data.dtype, zero, step)


@lowering("DynamicQuantizeLinear")
def dynamic_quantize(node: Node) -> None:
    """Quantises to uint8 by the range of the data, 0 included: 2 operations an element for the range, in the pool
    unit, 2 for the scale and 2 for the zero point, then 2 an element."""
    quantise_dynamically(node, node.value(0), (*node.outputs, "", "")[:3])


def quantise_dynamically(
    node: Node, data: Value, names: Sequence[str], *, first: bool = True
) -> tuple[Value, Value, Value]:
    """Add the layers that give uint8 integers, their scale and zero point, as DynamicQuantizeLinear does.

    `names` are those of the three, empty where nobody asks for one; `first` says that they stand for the node."""
    node.require(data.dtype == "float32", f"data of type {data.dtype}", "float32")
    if not isinstance(data, Tensor):
        raise node.error("constant data", "data computed at run time")
    elements = math.prod(data.shape)
    limits = inner(node, "range")
    limits.vector(
        [data], (2,), _range, operations=2 * elements, access=Whole(), unit="pool", part="" if first else "range"
    )
    values = [inner_value(limits)]
    parts: tuple[tuple[str, Callable[..., Array], str], ...] = (
        ("scale", _scale, "float32"),
        ("zero point", _zero_point, "uint8"),
    )
    for name, (part, compute, dtype) in zip(names[1:], parts, strict=True):
        step = replace(node, outputs=(name,)) if name else inner(node, part)
        step.vector(list(values), (), compute, operations=2, access=Whole(), dtype=dtype, part=part)
        values.append(inner_value(step))
    _, scale, zero = values
    line = replace(node, outputs=(names[0],)) if names[0] else inner(node, "integers")
    line.vector(
        [data, scale, zero],
        data.shape,
        lambda array, step, zero_point: quantised(array, step, zero_point, "uint8"),
        operations=QUANTISE * elements,
        access=Pointwise(),
        dtype="uint8",
        part="integers",
    )
    return inner_value(line), scale, zero


def _range(data: Array) -> Array:
    return np.array([min(data.min(), 0), max(data.max(), 0)])


def _scale(limits: Array) -> Array:
    low, high = limits
    return np.asarray((high - low if high > low else np.float32(1)) / np.float32(255))


def _zero_point(limits: Array, scale: Array) -> Array:
    return np.asarray(np.rint(np.clip(-limits[0] / scale, 0, 255)))


def dynamically_quantised(numbers: Array) -> Array:
    """What is left of float32 numbers that go through DynamicQuantizeLinear and back."""
    limits = _range(numbers)
    scale = _scale(limits)
    zero = _zero_point(limits, scale)
    return dequantised(quantised(numbers, scale, zero, "uint8"), scale, zero)


def numbers_of(node: Node, integers: Value, scale: Value, zero: Value) -> None:
    """A further step of `node` writes the numbers of `integers`, 1 operation an element."""
    node.vector(
        [integers, scale, zero],
        integers.shape,
        dequantised,
        operations=DEQUANTISE * math.prod(integers.shape),
        access=Pointwise(),
        dtype="float32",
        part="numbers",
    )

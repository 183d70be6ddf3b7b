"""The arithmetic of quantised networks: numbers, the integers that stand for them, and what it costs to change over."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.graph import Grid, Tensor
from archsim.graph.tensors import Array

QUANTISE = 2
"""Operations that a number takes to become an integer: the line through the zero point, and the limits."""

DEQUANTISE = 1
"""Operations that an integer takes to become a number: the line through the zero point."""


def integer_limits(dtype: str) -> tuple[int, int] | None:
    """The smallest and the largest integer of a type; None if it has no integers."""
    found = re.fullmatch(r"(u?)int(\d+)", dtype)
    if found is None:
        return None
    bits = int(found[2])
    return (0, 2**bits - 1) if found[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def quantised(numbers: Array, scale: Array, zero_point: Array | int, dtype: str) -> Array:
    """The integers of `dtype` nearest to numbers / scale, of two equally near ones the even one, plus the zero point,
    saturating (ONNX, operator QuantizeLinear)."""
    low, high = integer_limits(dtype) or (0, 0)
    with np.errstate(all="ignore"):
        shifted = np.rint(numbers / scale) + np.asarray(zero_point).astype(np.int64)
        return np.asarray(np.clip(shifted, low, high), dtype)


def requantised(sums: Array, factor: Array, zero_point: Array | int, dtype: str) -> Array:
    """The integers of `dtype` nearest to sums x factor + zero point, saturating (ONNX, operators QLinearConv and
    QLinearMatMul)."""
    low, high = integer_limits(dtype) or (0, 0)
    return np.asarray(np.clip(np.rint(sums * factor.astype(np.float64) + zero_point), low, high), dtype)


def dequantised(integers: Array, scale: Array, zero_point: Array | int) -> Array:
    """(integers - zero point) x scale, in the scale's type (ONNX, operator DequantizeLinear)."""
    return np.asarray((integers.astype(np.float32) - np.asarray(zero_point).astype(np.float32)) * scale, scale.dtype)


def known(node: Node, index: int) -> Array | None:
    """The numbers of operand `index` if they are known before the run; 0 where the node leaves it out."""
    value = node.optional(index)
    if value is None:
        return np.zeros((), np.int64)
    if isinstance(value, Tensor):
        given = node.builder.given_constant(value) if node.builder.feeds(value) else None
        return None if given is None else given.load()
    return value.load()


def require_type(node: Node, index: int, dtype: str, what: str) -> None:
    """Raise `InputError` unless operand `index`, if there is one, has type `dtype`."""
    value = node.optional(index)
    if value is not None:
        node.require(value.dtype == dtype, f"{what} of type {value.dtype}", dtype)


def require_elements(node: Node, value: Value, what: str, *allowed: int) -> None:
    """Raise `InputError` unless `value` has one of the `allowed` numbers of elements."""
    expected = " or ".join(str(each) for each in dict.fromkeys(allowed))
    node.require(math.prod(value.shape) in allowed, f"{what} of shape {value.shape}", f"{expected} in all")


def require_spread(node: Node, value: Value, shape: Shape, what: str, to: Shape) -> None:
    """Raise `InputError` unless `value`, taken as of `shape`, broadcasts to the shape `to`."""
    padded = (1,) * (len(to) - len(shape)) + shape
    fits = len(padded) == len(to) and all(size in (1, whole) for size, whole in zip(padded, to, strict=True))
    node.require(fits, f"{what} of shape {value.shape}", f"a shape that broadcasts to {to}")


def grid_of(dtype: str, zero_point: Array | int = 0, scale: float = 1.0) -> Grid:
    """The integers of `dtype` with one scale and zero point."""
    low, high = integer_limits(dtype) or (0, 0)
    return Grid(scale, int(zero_point), low, high)


def inner(node: Node, suffix: str) -> Node:
    """`node` with a value of its own in place of its first output, for the step before the last."""
    return replace(node, outputs=(f"{node.outputs[0]} {suffix}",))


def inner_value(node: Node) -> Value:
    """What the step of an `inner` node wrote."""
    return node.builder.values[node.outputs[0]]


def spread(node: Node, value: Value, shape: Shape, axis: int, block: int) -> Shape | None:
    """How a scale or zero point stands to data of `shape`: the shape that it takes to broadcast, or None if it holds
    one for each `block` elements along `axis`."""
    if math.prod(value.shape) == 1 and len(value.shape) < 2 and not block:
        return (1,) * len(shape)
    axis = node.axis(axis, len(shape))
    size = shape[axis]
    if block:
        wanted = (*shape[:axis], -(-size // block), *shape[axis + 1 :])
        node.require(value.shape == wanted, f"scales of shape {value.shape} in blocks of {block}", f"{wanted}")
        return None
    node.require(value.shape == (size,), f"scales of shape {value.shape}", f"() or ({size},)")
    return tuple(size if place == axis else 1 for place in range(len(shape)))

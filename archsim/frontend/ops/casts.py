"""Element types: one operation an element."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from onnx import numpy_helper

from archsim.frontend.dtypes import BITS, NUMPY_NAMES, onnx_name
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Pointwise
from archsim.graph.tensors import Array

_LARGEST = {"float8_e4m3fn": 448, "float8_e4m3fnuz": 240, "float8_e5m2": 57344, "float8_e5m2fnuz": 57344}
"""The largest number of each type that saturates (ONNX, operator Cast)."""


@lowering("Cast", limits="No strings.")
def cast(node: Node) -> None:
    """Another element type; floats of 8 bits saturate unless told otherwise. Fractions are cut off for integers."""
    _change(node, _wanted(node))


@lowering("CastLike")
def cast_like(node: Node) -> None:
    """The element type of the second operand, whose numbers are not read."""
    _change(node, node.value(1).dtype)


@lowering("BitCast")
def bit_cast(node: Node) -> None:
    """The same bits as another element type of as many bits."""
    value, dtype = node.value(0), _wanted(node)
    bits, wanted = (BITS.get(each, 8 * np.dtype(each).itemsize) for each in (value.dtype, dtype))
    node.require(bits == wanted, f"{value.dtype} to {dtype}", f"a type of {bits} bits")
    operations = math.prod(value.shape)
    node.vector([value], value.shape, lambda x: x.view(dtype), operations=operations, access=Pointwise(), dtype=dtype)


def _wanted(node: Node) -> str:
    number = node.attributes["to"]
    dtype = NUMPY_NAMES.get(number)
    if dtype is None:
        raise node.error(f"to={onnx_name(number)}", ", ".join(NUMPY_NAMES.values()))
    return dtype


def _change(node: Node, dtype: str) -> None:
    value = node.value(0)
    rounding = node.attributes.get("round_mode", "up")
    node.require(rounding in ("up", "down", "nearest"), f"round_mode {rounding}", "up, down or nearest")
    convert = conversion(dtype, bool(node.attributes.get("saturate", 1)), rounding)
    node.vector([value], value.shape, convert, operations=math.prod(value.shape), access=Pointwise(), dtype=dtype)


def conversion(dtype: str, saturate: bool, rounding: str) -> Callable[[Array], Array]:
    """What brings numbers to type `dtype`. `rounding` is of float8_e8m0fnu alone, which has powers of two and no
    other numbers."""

    def convert(array: Array) -> Array:
        with np.errstate(invalid="ignore", over="ignore"):
            if dtype == "float8_e8m0fnu":
                return np.asarray(numpy_helper.to_float8e8m0(array, saturate, rounding))
            if saturate and dtype in _LARGEST:
                array = np.clip(array.astype(np.float32), -_LARGEST[dtype], _LARGEST[dtype])
            return array.astype(dtype)

    return convert

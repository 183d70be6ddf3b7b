"""Nodes that are known on import: constants, and shapes, which are all concrete."""

from __future__ import annotations

import math

import numpy as np
import onnx

from archsim.frontend.builder import MAX_CONSTANT
from archsim.frontend.dtypes import FLOATS
from archsim.frontend.inputs import MAX_RANK
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.frontend.stored import stored_constant
from archsim.graph import Constant

_LISTS = {
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}


@lowering("Constant")
def constant(node: Node) -> None:
    """A tensor in any of the attribute forms but strings and sparse tensors."""
    given = [name for name in node.attributes if name in (*_LISTS, "value")]
    node.require(len(given) == 1, f"attributes {sorted(node.attributes)}", f"one of value, {', '.join(_LISTS)}")
    name = given[0]
    builder, key = node.builder, node.outputs[0]
    if name == "value":
        builder.values[key] = stored_constant(node.attributes[name], key, builder.source, builder.base_dir)
        builder.folded.append(node.name)
    else:
        node.define(np.array(node.attributes[name], _LISTS[name]))


@lowering("ConstantOfShape")
def constant_of_shape(node: Node) -> None:
    """A tensor of one number. Of a floating-point type it stands for numbers that the file does not hold: it is
    never in memory until it is loaded, and marked as a placeholder."""
    shape = node.integers(0, "shape")
    node.require(min(shape, default=1) >= 0, f"shape {shape}", "no negative size")
    fits = math.prod(shape) <= MAX_CONSTANT and len(shape) <= MAX_RANK
    node.require(fits, f"shape {shape}", f"at most {MAX_CONSTANT} elements and {MAX_RANK} axes")
    given = node.attributes.get("value")
    fill = np.zeros(1, np.float32) if given is None else _one_number(node, given)
    dtype = str(fill.dtype)
    key = node.outputs[0]
    node.builder.values[key] = Constant(key, shape, dtype, lambda: np.full(shape, fill[0]), dtype in FLOATS)
    node.builder.folded.append(node.name)


def _one_number(node: Node, tensor: onnx.TensorProto) -> np.ndarray:
    held = stored_constant(tensor, f"{node.name} value", node.builder.source, node.builder.base_dir)
    node.require(held.elements == 1, f"value of {held.elements} elements", "one element")
    return held.load().reshape(-1)


@lowering("Shape")
def shape_of(node: Node) -> None:
    """The shape of the operand, from `start` to `end` (opset 15)."""
    value = node.value(0)
    node.define(np.array(value.shape[node.attributes.get("start", 0) : node.attributes.get("end")], np.int64))


@lowering("Size")
def size(node: Node) -> None:
    """How many elements the operand has."""
    node.define(np.array(math.prod(node.value(0).shape), np.int64))

"""Nodes that are known on import: constants, and shapes, which are all concrete."""

from __future__ import annotations

import math

import numpy as np
import onnx

from archsim.frontend.builder import MAX_CONSTANT
from archsim.frontend.dtypes import FLOATS, NUMPY_NAMES, onnx_name
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


@lowering("Constant", becomes=("folded",), limits="No strings, no sparse tensors.")
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


@lowering("ConstantOfShape", becomes=("folded",), limits="Constant shape.")
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


@lowering("Shape", becomes=("folded",))
def shape_of(node: Node) -> None:
    """The shape of the operand, from `start` to `end` (opset 15)."""
    value = node.value(0)
    node.define(np.array(value.shape[node.attributes.get("start", 0) : node.attributes.get("end")], np.int64))


@lowering("Size", becomes=("folded",))
def size(node: Node) -> None:
    """How many elements the operand has."""
    node.define(np.array(math.prod(node.value(0).shape), np.int64))


@lowering("Range", becomes=("folded",), limits="Constants.")
def range_(node: Node) -> None:
    """Numbers from `start` to before `limit` in steps of `delta`, all constant."""
    start, limit, delta = (node.numbers(index, name) for index, name in enumerate(("start", "limit", "delta")))
    sizes = f"{start.size}, {limit.size} and {delta.size} elements"
    node.require(start.size == limit.size == delta.size == 1, f"start, limit and delta of {sizes}", "one number each")
    first, last, step = (number.item() for number in (start, limit, delta))
    node.require(step != 0 and all(map(math.isfinite, (first, last, step))), f"delta {step}", "a number other than 0")
    count = max(0, math.ceil((last - first) / step))
    node.require(count <= MAX_CONSTANT, f"{count} numbers", f"at most {MAX_CONSTANT}")
    stash = NUMPY_NAMES.get(node.attributes.get("stash_type", 1), "float32")
    wide = stash if str(start.dtype) in ("float16", "bfloat16") else start.dtype
    key, dtype = node.outputs[0], str(start.dtype)

    def load() -> np.ndarray:
        return np.asarray(np.arange(count).astype(wide) * np.asarray(step, wide) + np.asarray(first, wide))

    node.builder.values[key] = Constant(key, (count,), dtype, load)
    node.builder.folded.append(node.name)


@lowering("EyeLike", becomes=("folded",))
def eye_like(node: Node) -> None:
    """Ones on the diagonal number `k`, zeros elsewhere, in the shape of the operand."""
    value = node.value(0)
    node.require(len(value.shape) == 2, f"data of shape {value.shape}", "a matrix")
    number = node.attributes.get("dtype")
    dtype = value.dtype if number is None else NUMPY_NAMES.get(number)
    if dtype is None:
        raise node.error(f"dtype={onnx_name(number)}", ", ".join(NUMPY_NAMES.values()))
    key, (rows, columns) = node.outputs[0], value.shape
    node.require(rows * columns <= MAX_CONSTANT, f"data of shape {value.shape}", f"at most {MAX_CONSTANT} elements")
    diagonal = min(max(node.attributes["k"], -rows), columns)
    node.builder.values[key] = Constant(key, value.shape, dtype, lambda: np.eye(rows, columns, diagonal))
    node.builder.folded.append(node.name)

"""Matrix layers, and the nodes after them that fold into their weights and bias."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from archsim.frontend.builder import stored
from archsim.frontend.dtypes import FLOATS
from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.graph import Constant, Grid, MatrixLayer, RecurrentLayer, Rows, Sliding, Tensor
from archsim.graph.tensors import Array

_MAX_ABSORBED = 32
"""Nodes folded into one layer: each is a call inside a call when the weights are loaded."""


def add_matrix(
    node: Node,
    data: Tensor,
    weights: Constant,
    bias: Constant | None,
    *,
    form: str,
    shape: Shape,
    access: Sliding | Rows,
    channel_axis: int,
    result: str | None = None,
    dtype: str | None = None,
    grid: Grid | None = None,
) -> None:
    """Add the matrix layer of `node`: `weights` (groups, rows, outputs / groups) times the windows of `data`.

    `form` says how the matrix was made of the stored tensor: one stored tensor used in two forms is two
    matrices with two keys. Data and weights of a layer that computes in integers come with the `grid` of the data, and
    the sums have type `dtype`.
    """
    if grid is None:
        node.require(data.dtype in FLOATS, f"data of type {data.dtype}", "floating-point numbers")
        node.require(weights.dtype == data.dtype, f"weights of type {weights.dtype}", f"the data's type {data.dtype}")
        grid = node.builder.grid_of(data)
    node.require(weights.elements > 0, f"weights of shape {weights.shape}", "no size 0")
    groups, rows, outputs = weights.shape[0], weights.shape[1], weights.shape[0] * weights.shape[2]
    name = result or node.outputs[0]
    layer = MatrixLayer(
        name=node.name,
        op=node.op,
        operands=(data.name,),
        results=(name,),
        nodes=(node.name,),
        rows=rows,
        outputs=outputs,
        groups=groups,
        windows=math.prod(shape) // outputs,
        weights=weights,
        bias=bias,
        access=access,
        channel_axis=channel_axis,
        grid=grid,
    )
    node.builder.forms[node.name] = form
    node.builder.add_layer(layer, (Tensor(name, shape, dtype or data.dtype),))


@dataclass(frozen=True, slots=True)
class Affine:
    """`factor * x + shift` per output channel, each made of the arrays of the constants `parts` when needed.

    Both functions take those arrays, in double precision, and return one number or one per channel.
    """

    parts: tuple[Constant, ...]
    factor: Callable[..., Array] | None = None
    shift: Callable[..., Array] | None = None


def absorb(node: Node, index: int, affine: Affine) -> bool:
    """Fold `affine` of operand `index` into the matrix layer that writes it, if `node` alone reads it.

    Returns whether it did. The new weights and bias are computed, in double precision and rounded once,
    when they are loaded.
    """
    builder, name = node.builder, node.input_names[index]
    layer = builder.writer(name)
    if not isinstance(layer, MatrixLayer) or isinstance(layer, RecurrentLayer):
        return False
    if layer.weights.dtype not in FLOATS or builder.uses[name] != 1 or len(layer.nodes) > _MAX_ABSORBED:
        return False
    weights, bias = layer.weights, layer.bias
    if affine.factor is not None:
        weights = _scaled(weights, affine.parts, affine.factor)
        builder.forms[layer.name] += " x " + ", ".join(part.key for part in affine.parts)
        bias = None if bias is None else _combined(node, bias, affine.parts, affine.factor, np.multiply)
    if affine.shift is not None:
        start = bias or stored(node.name, np.zeros(layer.outputs, weights.dtype))
        bias = _combined(node, start, affine.parts, affine.shift, np.add)
    old = builder.tensors[name]
    result = Tensor(node.outputs[0], old.shape, old.dtype)
    nodes = (*layer.nodes, node.name)
    builder.replace_layer(name, replace(layer, results=(result.name,), nodes=nodes, weights=weights, bias=bias), result)
    return True


def _scaled(weights: Constant, parts: tuple[Constant, ...], factor: Callable[..., Array]) -> Constant:
    groups, _, outputs = weights.shape

    def scaled(array: Array) -> Array:
        per_output = np.broadcast_to(factor(*_doubles(parts)).reshape(-1), (groups * outputs,))
        return np.asarray(array * per_output.reshape(groups, 1, outputs), dtype=weights.dtype)

    if (steps := weights.steps) is None:
        return replace(weights, loader=lambda: scaled(weights.load()))

    return replace(weights, loader=lambda: scaled(weights.load()), steps=lambda: scaled(steps()))


def _combined(
    node: Node, bias: Constant, parts: tuple[Constant, ...], change: Callable[..., Array], combine: np.ufunc
) -> Constant:
    def load() -> Array:
        return np.asarray(combine(bias.load(), change(*_doubles(parts)).reshape(-1)), dtype=bias.dtype)

    placeholder = bias.placeholder and all(part.placeholder for part in parts)
    return Constant(f"{node.name} bias", bias.shape, bias.dtype, load, placeholder)


def _doubles(parts: tuple[Constant, ...]) -> list[Array]:
    return [part.load().astype(np.float64) for part in parts]


def per_channel(constant: Constant, shape: Shape, channel_axis: int) -> bool:
    """Whether `constant`, broadcast against `shape`, differs along the channel axis at most."""
    padded = (1,) * (len(shape) - len(constant.shape)) + constant.shape
    return len(padded) == len(shape) and all(
        size == 1 or (axis == channel_axis and size == shape[axis]) for axis, size in enumerate(padded)
    )

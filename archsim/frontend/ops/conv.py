"""Convolutions as matrix layers."""

from __future__ import annotations

import math

from archsim.frontend.matrix import add_matrix
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.frontend.windows import sliding_windows
from archsim.graph import Constant, Grid, Tensor
from archsim.graph.tensors import Array


@lowering("Conv", becomes=("crossbars",), limits="1 to 3 spatial axes; constant weights and bias, no constant data.")
def conv(node: Node) -> None:
    """Data (N, C, space), weights (M, C / groups, kernel): each output position is one window of
    rows = kernel x C / groups values, in the order (channel, kernel axes), per group."""
    data, stored = node.value(0), node.constant(1, "weights")
    if not isinstance(data, Tensor):
        raise node.error("constant data", "data computed at run time")
    bias = None if node.optional(2) is None else node.neutral(node.constant(2, "bias"), 0.0)
    convolve(node, data, stored, bias)


def convolve(
    node: Node, data: Tensor, stored: Constant, bias: Constant | None, *, form: str = "", grid: Grid | None = None
) -> None:
    """Add the matrix layer of a convolution. With `grid`, data, weights and bias are integers, and so is the result;
    `form` tells what else than their place was changed in the stored weights."""
    groups = node.attributes["group"]
    rank = len(data.shape)
    node.require(rank >= 3, f"data of shape {data.shape}", "(N, C, spatial axes)")
    node.require(len(stored.shape) == rank, f"weights of shape {stored.shape}", f"{rank} axes like the data")
    node.require(stored.elements > 0, f"weights of shape {stored.shape}", "no size 0")
    channels, outputs, kernel = data.shape[1], stored.shape[0], stored.shape[2:]
    node.require(groups > 0 and outputs % groups == 0, f"group {groups}", f"a divisor of the {outputs} outputs")
    node.require(
        stored.shape[1] * groups == channels,
        f"weights of shape {stored.shape} in {groups} groups",
        f"{stored.shape[1]} x {groups} channels of data, which has {channels}",
    )
    declared = tuple(node.attributes.get("kernel_shape", kernel))
    node.require(declared == kernel, f"kernel_shape {declared}", f"that of the weights, {kernel}")
    access, space = sliding_windows(node, data.shape[2:], kernel)
    rows = math.prod(stored.shape[1:])
    if bias is not None:
        node.require(bias.shape == (outputs,), f"bias of shape {bias.shape}", f"({outputs},)")

    def matrix(weights: Array) -> Array:
        return weights.reshape(groups, outputs // groups, rows).transpose(0, 2, 1)

    weights = node.weights(stored, rows).map(matrix, (groups, rows, outputs // groups))
    shape = (data.shape[0], outputs, *space)
    add_matrix(
        node,
        data,
        weights,
        bias,
        form=f"{groups} groups{form}",
        shape=shape,
        access=access,
        channel_axis=1,
        dtype=None if grid is None else "int32",
        grid=grid,
    )

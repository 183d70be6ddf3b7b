"""Normalizations by constants (BatchNormalization) and over neighbouring channels (LRN)."""

from __future__ import annotations

import math

import numpy as np

from archsim.frontend.matrix import Affine, absorb
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import MatrixLayer, Pointwise
from archsim.graph.tensors import Array


@lowering("BatchNormalization", limits="Inference; constant parameters.")
def batch_normalization(node: Node) -> None:
    """Inference form, (x - mean) / sqrt(var + epsilon) x scale + bias per channel: folded into the matrix layer
    directly before it, else 2 operations an element (a multiplication and an addition)."""
    data = node.value(0)
    node.require(not node.attributes.get("training_mode", 0), "training_mode 1", "inference (training_mode 0)")
    node.require(len(data.shape) >= 2, f"data of shape {data.shape}", "(N, C, ...)")
    channels, epsilon = data.shape[1], node.attributes["epsilon"]
    names = (("scale", 1.0), ("bias", 0.0), ("mean", 0.0), ("variance", 1.0))
    parts = tuple(node.neutral(node.constant(i + 1, name), number) for i, (name, number) in enumerate(names))
    for (name, _), part in zip(names, parts, strict=True):
        node.require(part.shape == (channels,), f"{name} of shape {part.shape}", f"({channels},), one per channel")

    def factor(scale: Array, _bias: Array, _mean: Array, variance: Array) -> Array:
        return np.asarray(scale / np.sqrt(variance + epsilon))

    def shift(scale: Array, bias: Array, mean: Array, variance: Array) -> Array:
        return np.asarray(bias - mean * factor(scale, bias, mean, variance))

    layer = node.builder.writer(node.input_names[0])
    if isinstance(layer, MatrixLayer) and layer.channel_axis == 1 and absorb(node, 0, Affine(parts, factor, shift)):
        return
    spread = (-1,) + (1,) * (len(data.shape) - 2)

    def compute(array: Array, *arrays: Array) -> Array:
        doubles = [part.astype(np.float64) for part in arrays]
        scale, bias = (change(*doubles).reshape(spread).astype(array.dtype) for change in (factor, shift))
        return np.asarray(array * scale + bias)

    operations = 2 * math.prod(data.shape)
    node.vector([data, *parts], data.shape, compute, operations=operations, access=Pointwise())


@lowering("LRN")
def lrn(node: Node) -> None:
    """Local response normalization over `size` neighbouring channels (Krizhevsky et al., NIPS 2012, section 3.3):
    size + 2 operations an element (the squares' sum, the power, the division)."""
    size, alpha, beta, bias = (node.attributes[name] for name in ("size", "alpha", "beta", "bias"))
    shape = node.value(0).shape
    node.require(len(shape) >= 2, f"data of shape {shape}", "(N, C, ...)")
    node.require(size >= 1, f"size {size}", "1 or more")
    before, after = (size - 1) // 2, size - 1 - (size - 1) // 2

    def compute(array: Array) -> Array:
        channels = array.shape[1]
        squares = array * array
        sums = np.zeros_like(array)
        for shift in range(-min(before, channels - 1), min(after, channels - 1) + 1):
            sums[:, max(0, -shift) : channels - max(0, shift)] += squares[:, max(0, shift) : channels + min(0, shift)]
        return np.asarray(array / (bias + (alpha / size) * sums) ** beta)

    node.elementwise(compute, per_element=size + 2, mixes=(1,))

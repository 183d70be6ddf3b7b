"""LSTM with weights that are integers, of numbers quantised as they come (onnxruntime's DynamicQuantizeLSTM)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.node import Node
from archsim.frontend.ops.quantised import dynamically_quantised, numbers_of, quantise_dynamically
from archsim.frontend.ops.recurrent import lstm
from archsim.frontend.quantisation import DEQUANTISE, QUANTISE, inner, inner_value
from archsim.frontend.registry import lowering
from archsim.graph import Constant, Phase, RecurrentLayer, Round
from archsim.graph.tensors import Array

_RANGE, _SCALES = 2, 4
"""Operations for the range of what is quantised, an element, and for its scale and zero point."""


@lowering(
    "com.microsoft::DynamicQuantizeLSTM",
    becomes=("crossbars", "digital", "layout"),
    limits="As for LSTM; constant scales and zero points of weights.",
)
def dynamic_quantize_lstm(node: Node) -> None:
    """The whole input is quantised by its range and dequantised, and so is the hidden state before each step, by the
    range over the batch: 5 operations an element (range, line and limits, line) and 4 for scale and zero point. The
    rest is an LSTM of the weights' numbers."""
    integers, scale, zero = quantise_dynamically(node, node.value(0), ("", "", ""), first=False)
    data = inner(node, "numbers")
    numbers_of(data, integers, scale, zero)
    inputs: list[Value | None] = [inner_value(data), _weights(node, 1, 8, 9), _weights(node, 2, 10, 11)]
    inputs += [node.optional(index) for index in range(3, 8)]
    before = len(node.builder.layers)
    lstm(replace(node, inputs=tuple(inputs)))
    for position, layer in enumerate(node.builder.layers[before:], before):
        if isinstance(layer, RecurrentLayer):
            rounds = tuple(_quantising(each, layer.hidden * layer.batch, layer.batch) for each in layer.rounds)
            node.builder.layers[position] = replace(layer, rounds=rounds)


def _quantising(round_: Round, elements: int, batch: int) -> Round:
    """The round with the hidden state quantised; the work for scale and zero point is the batch's."""
    each = -(-((_RANGE + QUANTISE + DEQUANTISE) * elements + _SCALES) // batch)
    return replace(round_, phases=(*round_.phases, Phase("elementwise", each)), enter=_entering)


def _entering(states: Array) -> Array:
    """(batches, batch, hidden), quantised and dequantised for each of `batches` by itself."""
    return np.stack([dynamically_quantised(state) for state in states])


def _weights(node: Node, index: int, scale_index: int, zero_index: int) -> Constant:
    """Weights (directions, rows, gates) with scales for each direction, or each direction and gate row, as numbers
    (directions, gates, rows)."""
    stored = node.constant(index, "weights")
    scale, zero = node.constant(scale_index, "scale of weights"), node.constant(zero_index, "zero point of weights")
    node.require(stored.dtype in ("int8", "uint8"), f"weights of type {stored.dtype}", "int8, uint8")
    node.require(zero.dtype == stored.dtype, f"zero point of type {zero.dtype}", stored.dtype)
    node.require(len(stored.shape) == 3, f"weights of shape {stored.shape}", "(directions, rows, gates)")
    directions, rows, gates = stored.shape
    for constant, what in ((scale, "scales"), (zero, "zero points")):
        fits = constant.shape in ((directions,), (directions, gates))
        node.require(fits, f"{what} of shape {constant.shape}", f"({directions},) or ({directions}, {gates})")

    def numbers(array: Array) -> Array:
        point, step = (each.load().reshape(directions, 1, -1) for each in (zero, scale))
        return ((array.astype(np.float32) - point.astype(np.float32)) * step).transpose(0, 2, 1)

    return replace(stored.map(numbers, (directions, gates, rows), "float32"), key=f"{stored.key} x {scale.key}")

"""Multiply-accumulates and parameters of a model counted from its ONNX nodes and the shapes that onnxruntime finds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper

Figures = tuple[str, int, int]
"""Op, multiply-accumulates, parameters."""

WEIGHTS_AT = {
    **dict.fromkeys(
        ("Conv", "ConvTranspose", "Gemm", "MatMul", "ConvInteger", "MatMulInteger", "LSTM", "GRU", "RNN"), 1
    ),
    **dict.fromkeys(("QLinearConv", "QLinearMatMul", "QGemm"), 3),
}
"""Ops that multiply by weights, and where these are among the operands."""

RECURRENT = ("LSTM", "GRU", "RNN")


def counted(path: Path, feeds: Mapping[str, np.ndarray]) -> Counter[Figures]:
    """Of each node that multiplies by constant weights, each direction of a recurrent one by itself."""
    model = onnx.load(path)
    known = _constants(model)
    nodes = [node for node in model.graph.node if _weights(node) and set(_weights(node)) & known]
    shapes = _shapes(model, {name for node in nodes for name in (*node.input, *node.output) if name}, feeds)
    return Counter(figures for node in nodes for figures in _figures(node, shapes, known))


def _weights(node: onnx.NodeProto) -> list[str]:
    """The operands that may be the weights: a MatMul takes them on either side."""
    place = WEIGHTS_AT.get(node.op_type)
    return [] if place is None else list(node.input[:2]) if node.op_type == "MatMul" else [node.input[place]]


def _constants(model: onnx.ModelProto) -> set[str]:
    """Names of what is stored, or computed from that alone."""
    known = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if all(name in known for name in node.input if name) and node.op_type not in ("If", "Loop"):
            known |= set(node.output)
    return known


def _shapes(model: onnx.ModelProto, names: set[str], feeds: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """What onnxruntime says that the shapes are in a run, which does nothing but say so."""
    wanted = {name: f"shape of {name}" for name in sorted(names)}
    del model.graph.output[:]
    for name, shape in wanted.items():
        model.graph.node.append(helper.make_node("Shape", [name], [shape]))
        model.graph.output.append(helper.make_tensor_value_info(shape, onnx.TensorProto.INT64, None))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    taken = {each.name for each in session.get_inputs()}
    found = session.run(list(wanted.values()), {name: array for name, array in feeds.items() if name in taken})
    return {name: tuple(map(int, shape)) for name, shape in zip(wanted, found, strict=True)}


def _figures(node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]], known: set[str]) -> list[Figures]:
    op, weights = node.op_type, next(name for name in _weights(node) if name in known)
    matrix, result = shapes[weights], math.prod(shapes[next(name for name in node.output if name)])
    parameters = math.prod(matrix)
    if op in RECURRENT:
        steps = math.prod(shapes[node.input[0]][:2])
        recurrent = math.prod(shapes[node.input[2]])
        directions = matrix[0]
        each = (parameters + recurrent) // directions
        return [(op, steps * each, each)] * directions
    if op == "ConvTranspose":
        return [(op, math.prod(shapes[node.input[0]]) * math.prod(matrix[1:]), parameters)]
    if op in ("Conv", "ConvInteger", "QLinearConv"):
        return [(op, result * math.prod(matrix[1:]), parameters)]
    turned = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    inner = matrix[-1] if turned or weights == node.input[0] else matrix[-2]
    return [(op, result * inner, parameters)]

"""An ONNX file as a list of nodes with known shapes, read with the onnx package alone.

The references in this folder stand on it and on nothing of archsim.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import helper, shape_inference

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Weights as a matrix: `rows` per group, `outputs` in all groups, `windows` input vectors per image."""

    rows: int
    outputs: int
    groups: int
    windows: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates per image, padding included."""
        return self.rows * self.outputs * self.windows

    @property
    def parameters(self) -> int:
        """Elements of the matrix."""
        return self.rows * self.outputs


@dataclass(frozen=True, slots=True)
class Node:
    """An ONNX node. `inputs` leaves constants out; `matrix` is None for nodes without weights."""

    name: str
    op: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]
    matrix: Matrix | None


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes in the order of the file (constants left out) and the shapes of all tensors."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    shapes: dict[str, Shape]

    @property
    def matrix_nodes(self) -> tuple[Node, ...]:
        """The nodes whose weights stand in crossbars, in the order of the file."""
        return tuple(node for node in self.nodes if node.matrix)


def read_network(path: Path) -> Network:
    """Read an ONNX file whose shapes are static."""
    graph = shape_inference.infer_shapes(onnx.load(path), check_type=True, strict_mode=True).graph
    shapes = {
        value.name: tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
    } | {initializer.name: tuple(initializer.dims) for initializer in graph.initializer}
    constants = {initializer.name for initializer in graph.initializer}
    nodes = []
    for proto in graph.node:
        if constants.issuperset(proto.input):
            constants.update(proto.output)
        else:
            nodes.append(_node(proto, constants, shapes))
    inputs = tuple(value.name for value in graph.input if value.name not in constants)
    return Network(inputs, tuple(value.name for value in graph.output), tuple(nodes), shapes)


def _node(proto: onnx.NodeProto, constants: set[str], shapes: dict[str, Shape]) -> Node:
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in proto.attribute}
    inputs = tuple(name for name in proto.input if name not in constants)
    output = proto.output[0]
    matrix = None
    if proto.op_type in ("Conv", "Gemm", "MatMul"):
        if inputs != (proto.input[0],):
            raise ValueError(f"{proto.name}: only constant weights are covered")
        weight = shapes[proto.input[1]]
        groups = attributes.get("group", 1)
        if proto.op_type == "Conv":
            outputs, rows = weight[0], math.prod(weight[1:])
            windows = math.prod(shapes[output]) // outputs
        else:
            outputs, rows = shapes[output][-1], math.prod(weight) // shapes[output][-1]
            windows = math.prod(shapes[output][:-1])
        matrix = Matrix(rows, outputs, groups, windows)
    return Node(proto.name, proto.op_type, inputs, output, attributes, matrix)

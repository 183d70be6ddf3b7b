"""Nodes that the user asked to treat as free."""

from __future__ import annotations

import onnx

from archsim.errors import input_error
from archsim.frontend.builder import SMALL, Builder
from archsim.frontend.order import NamedNode
from archsim.frontend.single import described, inferred_outputs
from archsim.graph import Constant, FreeLayer, Tensor


def add_free(builder: Builder, node: NamedNode, model: onnx.ModelProto) -> None:
    """Add `node` as a layer that costs nothing; its output shapes come from ONNX's shape inference, else from
    what the model itself declares."""
    values = {name: builder.values[name] for name in node.reads}
    small = {name for name, value in values.items() if isinstance(value, Constant) and value.elements <= SMALL}
    tensors = {name: Tensor(name, value.shape, value.dtype) for name, value in values.items() if name not in small}
    arrays = {name: value.load() for name, value in values.items() if isinstance(value, Constant) and name in small}
    inferred = inferred_outputs(builder, node.proto, tensors, arrays)
    declared = {value.name: described(value) for value in [*model.graph.value_info, *model.graph.output]}
    results = []
    for name, found in inferred.items():
        shape, dtype = found if None not in found else declared.get(name, found)
        if shape is None or dtype is None:
            raise input_error(
                builder.source,
                f"node {node.name!r} ({node.proto.op_type}), --treat-as-free",
                value=f"output {name!r} of a shape that ONNX cannot infer",
                expected="an op with known output shapes",
            )
        results.append(Tensor(name, shape, dtype))
    layer = FreeLayer(
        name=node.name,
        op=node.proto.op_type,
        operands=tuple(value.name if isinstance(value, Tensor) else value for value in values.values()),
        results=tuple(result.name for result in results),
        nodes=(node.name,),
    )
    builder.add_layer(layer, tuple(results))

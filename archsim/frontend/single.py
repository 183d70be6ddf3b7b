"""What ONNX's own shape inference says about one node."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import helper, numpy_helper, shape_inference

from archsim.frontend.builder import Builder
from archsim.frontend.dtypes import NUMPY_NAMES, ONNX_TYPES
from archsim.frontend.inputs import Shape
from archsim.graph import Tensor
from archsim.graph.tensors import Array


def inferred_outputs(
    builder: Builder, proto: onnx.NodeProto, tensors: Mapping[str, Tensor], arrays: Mapping[str, Array]
) -> dict[str, tuple[Shape | None, str | None]]:
    """Shape and numpy element type of each output of `proto`, None where ONNX cannot tell.

    `tensors` are its inputs known by shape, `arrays` those known by value.
    """
    node = onnx.NodeProto()
    node.CopyFrom(proto)
    inputs = [
        helper.make_tensor_value_info(name, ONNX_TYPES[tensor.dtype], tensor.shape) for name, tensor in tensors.items()
    ]
    names = [name for name in proto.output if name]
    graph = helper.make_graph(
        [node],
        "single",
        inputs,
        [onnx.ValueInfoProto(name=name) for name in names],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opsets = [helper.make_opsetid("", builder.opset)]
    if proto.domain not in ("", "ai.onnx"):
        opsets.append(helper.make_opsetid(proto.domain, 1))
    try:
        model = helper.make_model(graph, opset_imports=opsets)
        outputs = shape_inference.infer_shapes(model, data_prop=True).graph.output
    except (shape_inference.InferenceError, ValueError, RuntimeError):
        return dict.fromkeys(names, (None, None))
    return {value.name: described(value) for value in outputs}


def described(value: onnx.ValueInfoProto) -> tuple[Shape | None, str | None]:
    """Concrete shape and numpy element type, None where the model does not say."""
    declared = value.type.tensor_type
    dims = declared.shape.dim
    known = declared.HasField("shape") and all(dim.WhichOneof("value") == "dim_value" for dim in dims)
    return tuple(dim.dim_value for dim in dims) if known else None, NUMPY_NAMES.get(declared.elem_type)

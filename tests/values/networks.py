"""Small ONNX models made in memory, and the graphs they become."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from archsim.crossbar import CrossbarSpec
from archsim.frontend import from_model

MODELS = Path(__file__).parents[2] / "models"
SHARED = Path(__file__).parents[3] / "shared" / "models"

LOSSLESS_8_BIT = CrossbarSpec(
    rows=128, columns=128, cell_bits=2, dac_bits=1, weight_bits=8, input_bits=8, signed_inputs=False,
    sign="offset", adc_bits=8, adc_step=1, rows_per_read=128,
)  # fmt: skip


def model_of(nodes, inputs, output, constants):
    """`inputs`: name to shape; `output`: name; `constants`: name to array; all float32."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return onnx.shape_inference.infer_shapes(model)


def graph_of(model, **options):
    return from_model(model, source="net.onnx", base_dir=None, **options)


def linear(weights, bias=None, batch=1, **options):
    """y = x @ weights + bias."""
    weights = np.asarray(weights, np.float32)
    constants = {"w": weights} if bias is None else {"w": weights, "b": np.asarray(bias, np.float32)}
    node = helper.make_node("Gemm", ["x", *constants], ["y"], "fc")
    return graph_of(model_of([node], {"x": [batch, len(weights)]}, "y", constants), **options)

"""Lowered nodes compute what ONNX's own node test cases expect, or are refused for a stated reason."""

from __future__ import annotations

import re
import warnings
from functools import cache

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from archsim import frontend
from archsim.errors import InputError
from archsim.frontend.importer import OLDEST_OPSET
from tests.frontend.evaluate import evaluate

CONSTANT_OPERANDS = {
    "BatchNormalization": (1, 2, 3, 4),
    "Clip": (1, 2),
    "Conv": (1, 2),
    "ConstantOfShape": (0,),
    "Dropout": (1, 2),
    "Expand": (1,),
    "Gather": (1,),
    "GRU": (1, 2, 3),
    "Gemm": (1,),
    "LSTM": (1, 2, 3),
    "MatMul": (1,),
    "Pad": (1, 2, 3),
    "ReduceMax": (1,),
    "ReduceMean": (1,),
    "ReduceMin": (1,),
    "ReduceProd": (1,),
    "ReduceSum": (1,),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Tile": (1,),
    "Unsqueeze": (1,),
}
"""Operands that the cases feed as inputs and that the lowering needs to be constant."""

REFUSED = (
    (r"resize_.*(linear|cubic)", "mode (linear|cubic), expected nearest"),
    (r"resize_tf_crop", "mode linear, expected nearest"),
    (r"resize_.*not_(larger|smaller)", "keep_aspect_ratio_policy not_(larger|smaller), expected stretch"),
    (r"_3d_(default|dilations)", "3 spatial axes, expected 1 to 2"),
    (r"batchnorm_.*_training_mode", "training_mode 1"),
    (r"training_dropout", "training_mode true"),
    (r"dropout_default_mask|maxpool_with_argmax", "use of output z, expected use of the first output alone"),
    (r"^test_constant$|constantofshape", "no inputs"),
    (r"(lstm|gru)_(reverse|bidirectional)", "direction (reverse|bidirectional), expected direction forward"),
    (r"(lstm|gru)_batchwise", "layout 1, expected layout 0"),
    (r"lstm_with_peepholes", "sequence_lens"),
    (r"gru_(defaults|with_initial_bias|seq_length)", "linear_before_reset 0, expected linear_before_reset 1"),
    (r"identity_(sequence|opt)", "(sequence|optional)_type, expected a tensor"),
    (r"matmul_(3d|4d|bcast|1d_3d|4d_1d|1d_1d)$", "expected a matrix"),
    (r"empty_set|zero_size|allowzero_reordered", "size 0 in axis"),
    (r"shape_start_greater_than_end|slice_start_out_of_bounds", "expected 1 to .* elements"),
    (r"cast_.*(STRING|BFLOAT16|FLOAT8|FLOAT4|INT4|INT2)", "got (element type|to=)"),
)
"""Names of cases that archsim does not take, and what it answers."""


@cache
def cases() -> dict[str, list]:
    """ONNX's cases of one node each, by op."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        found = collect_testcases(None)
    by_op: dict[str, list] = {}
    for case in found:
        if len(case.model.graph.node) == 1 and not case.name.endswith("_expanded"):
            by_op.setdefault(case.model.graph.node[0].op_type, []).append(case)
    return by_op


def prepared(case) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """The case's model with the operands that must be constant as initializers, and what is left to feed."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    # Older onnx packages write the opset that an op last changed in, which may be older than archsim reads.
    model.opset_import[0].version = max(model.opset_import[0].version, OLDEST_OPSET)
    node = model.graph.node[0]
    constant = {node.input[i] for i in CONSTANT_OPERANDS.get(node.op_type, ()) if i < len(node.input)}
    feeds = {}
    for described, array in zip(case.model.graph.input, case.data_sets[0][0], strict=True):
        if described.name in constant:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), described.name))
        else:
            feeds[described.name] = as_array(array)
    return model, feeds


def as_array(data):
    return numpy_helper.to_array(data) if isinstance(data, onnx.TensorProto) else data


@pytest.mark.parametrize("op", [op for op in frontend.supported() if op not in ("Constant", "Upsample")])
def test_onnx_node_cases_give_the_expected_outputs_or_the_stated_refusal(op: str) -> None:
    assert cases()[op]
    for case in cases()[op]:
        model, feeds = prepared(case)
        refusal = next((message for name, message in REFUSED if re.search(name, case.name)), None)
        if refusal is not None:
            with pytest.raises(InputError, match=refusal):
                frontend.from_model(model, source=case.name, base_dir=None)
            continue
        got = evaluate(frontend.from_model(model, source=case.name, base_dir=None), feeds)
        for described, stored in zip(model.graph.output, case.data_sets[0][1], strict=True):
            array, expected = got[described.name], as_array(stored)
            assert (array.shape, array.dtype) == (expected.shape, expected.dtype), case.name
            rtol = max(case.rtol, 1e-2) if expected.dtype == np.float16 else case.rtol
            np.testing.assert_allclose(array, expected, rtol=rtol, atol=1e-6, err_msg=case.name)

"""ONNX's own node cases, each with a product with weights behind it, run on a chip with all checks true."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.test_case import TestCase

import archsim
from archsim import frontend
from archsim.errors import InputError
from archsim.mapping import Placement
from tests.surface.node_cases import array_of, cases

TRACED = ("test_attention_4d_diff_heads_mask4d_padded_kv", "test_rotary_embedding", "test_affine_grid_2d_expanded")
TRACED += ("test_quantizelinear_axis", "test_layer_normalization_2d_axis1", "test_bitcast_float32_to_int32")
"""Cases with pads of -inf, floating-point constants among moved elements, operands along other axes than the last."""


def placed(case: TestCase) -> Placement | None:
    """The network of a case with a MatMul behind its first output, on a chip; None where it cannot be, or has no
    elements."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    operands, result = [array_of(data) for data in case.data_sets[0][0]], array_of(case.data_sets[0][1][0])
    arrays = {value.name: array for value, array in zip(model.graph.input, operands, strict=True)}
    some = all(getattr(array, "size", 0) for array in [*operands, result]) and result.ndim
    if not some:
        return None
    graph = model.graph
    graph.node.append(helper.make_node("Cast", [graph.output[0].name], ["as floats"], to=TensorProto.FLOAT))
    graph.node.append(helper.make_node("MatMul", ["as floats", "weights"], ["product"]))
    graph.initializer.append(numpy_helper.from_array(np.ones((result.shape[-1], 2), np.float32), "weights"))
    graph.output.append(helper.make_tensor_value_info("product", TensorProto.FLOAT, None))
    shapes = {name: array.shape for name, array in arrays.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = frontend.from_model(model, source=case.name, base_dir=None, shapes=shapes, given=arrays)
            return archsim.place(network, "isaac")
    except InputError:
        return None


def wrong(chosen: Iterable[TestCase]) -> tuple[int, list[str]]:
    """How many of the cases ran, and those whose checks do not hold."""
    ran, failed = 0, []
    for case in chosen:
        placement = placed(case)
        if placement is not None:
            ran += 1
            failed += [] if all(archsim.simulate(placement).checks.values()) else [case.name]
    return ran, failed


def test_a_case_of_each_op_runs_on_a_chip() -> None:
    first = {case.model.graph.node[0].op_type: case for case in reversed(cases()) if len(case.model.graph.node) == 1}
    ran, failed = wrong([*first.values(), *(case for case in cases() if case.name in TRACED)])
    assert failed == []
    assert ran > 120


@pytest.mark.slow
def test_every_case_runs_on_a_chip() -> None:
    ran, failed = wrong(cases())
    assert failed == []
    assert ran > 1300

"""The page about operators says what the importer does today."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from archsim import frontend
from archsim.frontend.registry import declarations, lowerings
from tests.surface.operators import KINDS, OPERATORS, kinds_in_cases, operators_page
from tests.surface.test_onnx_node_cases import COUNTED_WITH


@pytest.mark.skipif(
    tuple(map(int, onnx.__version__.split(".")[:2])) != COUNTED_WITH, reason="the page is made with onnx 1.23"
)
def test_the_page_about_operators_is_what_make_examples_writes_today():
    assert OPERATORS.read_text() == operators_page()


def test_every_lowering_says_what_the_op_is_and_takes():
    assert [op for op, lower in lowerings().items() if not lower.__doc__] == []


def test_what_cases_of_onnx_become_is_declared():
    found = kinds_in_cases()
    assert len(found) > 100
    assert {op: kinds for op, kinds in found.items() if not kinds <= {*declarations()[op].becomes}} == {}


def only_node(op: str, shape, constants=None, kind: int = TensorProto.FLOAT, others=None, **attributes):
    """A node with input `x` of `shape`, `others` of their shapes, and constants."""
    feeds = [helper.make_tensor_value_info(name, kind, size) for name, size in {"x": shape, **(others or {})}.items()]
    stored = [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()]
    names = [*(value.name for value in feeds), *(tensor.name for tensor in stored)]
    node = helper.make_node(op, names, ["y"], **attributes)
    graph = helper.make_graph([node], "net", feeds, [onnx.ValueInfoProto(name="y")], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9 if op in OLD else 20)])


OLD = ("Upsample", "Scatter")
INDEX = {"i": np.array([[0, 1]])}
UPDATES = {**INDEX, "u": np.float32([[1, 2]])}
FORMS = {
    ("ConvInteger", "digital"): only_node(
        "ConvInteger", (1, 1, 3, 3), {"w": np.ones((1, 1, 2, 2), np.uint8)}, TensorProto.UINT8
    ),
    ("Einsum", "crossbars"): only_node("Einsum", (2, 3), {"w": np.ones((3, 2), np.float32)}, equation="ij,jk->ik"),
    ("Gather", "layout"): only_node("Gather", (2, 3), INDEX),
    ("GatherND", "layout"): only_node("GatherND", (2, 3), INDEX),
    ("GlobalLpPool", "digital"): only_node("GlobalLpPool", (1, 2, 3)),
    ("MatMul", "layout"): only_node("MatMul", (2, 3), {"w": np.ones(3, np.float32)}),
    ("MatMulInteger", "digital"): only_node("MatMulInteger", (2, 3), {}, TensorProto.UINT8, {"z": (2, 3, 2)}),
    ("Not", "digital"): only_node("Not", (2, 3), kind=TensorProto.BOOL),
    **{
        (op, "layout"): only_node(op, (2, 3), {"axes": np.zeros(0, np.int64)}, noop_with_empty_axes=1)
        for op in ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd")
    },
    ("ReverseSequence", "layout"): only_node("ReverseSequence", (2, 3), {"l": np.array([1, 2, 1])}),
    ("Scatter", "layout"): only_node("Scatter", (2, 3), UPDATES),
    ("ScatterElements", "layout"): only_node("ScatterElements", (2, 3), UPDATES),
    ("ScatterND", "layout"): only_node("ScatterND", (2, 3), {**INDEX, "u": np.float32([1])}),
    ("TensorScatter", "layout"): only_node("TensorScatter", (2, 3, 4), {"u": np.ones((2, 1, 4), np.float32)}),
    ("Upsample", "digital"): only_node("Upsample", (1, 1, 2, 2), {"s": np.float32([1, 1, 2, 2])}, mode="linear"),
}
"""Forms that no case of ONNX's shows, by op and kind."""
FORMS[("ConvInteger", "digital")].graph.node[0].input.append("zero")
FORMS[("ConvInteger", "digital")].graph.input.append(helper.make_tensor_value_info("zero", TensorProto.UINT8, ()))
FORMS[("TensorScatter", "layout")].opset_import[0].version = 24


@pytest.mark.parametrize(("op", "kind"), FORMS)
def test_a_form_that_no_case_of_onnx_shows_becomes_what_is_declared(op: str, kind: str):
    graph = frontend.from_model(FORMS[op, kind], source="net", base_dir=None)
    kinds = {KINDS[type(layer)] for layer in graph.layers}
    assert kind in kinds
    assert kinds <= {*declarations()[op].becomes}


def test_every_kind_that_is_declared_is_seen():
    """Those of com.microsoft have tests of their own."""
    seen = {(op, kind) for op, kinds in kinds_in_cases().items() for kind in kinds} | {*FORMS}
    declared = {(op, kind) for op, each in declarations().items() for kind in each.becomes if kind != "folded"}
    assert {(op, kind) for op, kind in declared - seen if not op.startswith("com.microsoft::")} == set()


@pytest.mark.parametrize(
    ("op", "row", "limit"),
    [
        ("Conv", "| `Conv` | 7 | crossbars | Data (N, C, space)", "constant weights and bias"),
        ("MatMul", "| `MatMul` | 7 | crossbars, digital, layout | ", "not a stack of matrices"),
        ("Reshape", "| `Reshape` | 7 | layout | ", "Constant shape."),
        ("Shape", "| `Shape` | 7 | folded | ", ""),
        ("Gelu", "| `Gelu` | 20 | digital | ", ""),
        ("Upsample", "| `Upsample` | 7 | digital, layout | ", "onnxruntime takes the rounded one"),
    ],
)
def test_the_page_has_the_row_of_an_op(op: str, row: str, limit: str):
    assert op in lowerings()
    (line,) = [line for line in OPERATORS.read_text().splitlines() if line.startswith(row)]
    assert limit in line

"""What the backend says of a model before it runs, and what it leaves to the run."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from archsim import backend
from archsim.errors import InputError

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
node, value = helper.make_node, helper.make_tensor_value_info


def model(nodes, feeds, functions=(), stored=(), opset: int = 17) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "net", list(feeds), [onnx.ValueInfoProto(name="y")], list(stored))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("my", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions))


def function(name: str, *nodes: onnx.NodeProto) -> onnx.FunctionProto:
    return helper.make_function("my", name, ["x"], ["y"], list(nodes), [helper.make_opsetid("", 17)])


FIXED, DYNAMIC = value("x", FLOAT, (2, 3)), value("x", FLOAT, ("n", "m"))
UNKNOWN = node("Rleu", ["x"], ["y"], "n")

REFUSED = {
    "unknown op": (model([UNKNOWN], [FIXED]), "net: node 'n': got op Rleu, which is not supported.*'Relu'"),
    "unknown op, sizes open": (model([UNKNOWN], [DYNAMIC]), "net: node 'n': got op Rleu, which is not supported"),
    "unknown op in a function": (
        model([node("F", ["x"], ["y"], domain="my")], [DYNAMIC], [function("F", UNKNOWN)]),
        "got op Rleu, which is not supported",
    ),
    "unknown op behind an open one": (
        model([node("Reshape", ["x", "s"], ["r"]), node("Rleu", ["r"], ["y"], "n")], [FIXED, value("s", INT, (1,))]),
        "got op Rleu, which is not supported",
    ),
    "wrong weights": (
        model(
            [node("MatMul", ["x", "w"], ["y"])], [FIXED], stored=[numpy_helper.from_array(np.ones((4, 2), "f4"), "w")]
        ),
        r"net: node.*data of shape \(2, 3\), expected 4 in the last axis",
    ),
    "an old opset": (model([node("Relu", ["x"], ["y"])], [FIXED], opset=6), "opset: got 6"),
    "no model": ("net.onnx", "backend: model: got a str, expected an onnx.ModelProto"),
    "no inputs": (model([node("Constant", [], ["y"], value_float=1.0)], []), "no inputs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_inputs_can_put_right_is_refused_at_once(case: str):
    given, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        backend.prepare(given)
    assert not backend.ArchsimBackend.is_compatible(given)


SIX = np.arange(6, dtype=np.float32).reshape(2, 3)
LEFT_TO_THE_RUN = {
    "a shape that is fed": (
        model([node("Reshape", ["x", "s"], ["y"])], [FIXED, value("s", INT, (1,))]),
        [SIX, np.array([6])],
        SIX.reshape(6),
    ),
    "sizes": (model([node("Relu", ["x"], ["y"])], [DYNAMIC]), [SIX], SIX),
    "a batch that a shape needs": (
        model(
            [node("Reshape", ["x", "s"], ["y"])],
            [value("x", FLOAT, ("n", 3))],
            stored=[numpy_helper.from_array(np.array([3, 2]), "s")],
        ),
        [SIX],
        SIX.reshape(3, 2),
    ),
    "an op that ONNX defines": (
        model([node("HannWindow", ["x"], ["y"])], [value("x", INT, ())]),
        [np.array(1)],
        np.float32(0),
    ),
    "a function that nobody calls": (
        model([node("Relu", ["x"], ["y"])], [FIXED], [function("F", UNKNOWN)]),
        [SIX],
        SIX,
    ),
}


@pytest.mark.parametrize("case", LEFT_TO_THE_RUN)
def test_what_inputs_say_is_left_to_the_run(case: str):
    given, inputs, wanted = LEFT_TO_THE_RUN[case]
    assert backend.ArchsimBackend.is_compatible(given)
    np.testing.assert_array_equal(backend.prepare(given).run(inputs)[0], wanted)


def test_a_condition_that_is_fed_is_left_to_the_run():
    branches = {
        f"{name}_branch": helper.make_graph([node(op, ["x"], ["o"])], name, [], [value("o", FLOAT, (2, 3))])
        for name, op in (("then", "Neg"), ("else", "Relu"))
    }
    prepared = backend.prepare(model([node("If", ["c"], ["y"], **branches)], [FIXED, value("c", TensorProto.BOOL, ())]))
    for condition, wanted in ((True, -SIX), (False, SIX)):
        np.testing.assert_array_equal(prepared.run([SIX, np.array(condition)])[0], wanted)


def test_numbers_of_another_type_are_not_converted():
    prepared = backend.prepare(model([node("Relu", ["x"], ["y"])], [FIXED]))
    with pytest.raises(InputError, match="net: input 'x': got type float64, expected float32, the model's type"):
        prepared.run([SIX.astype(np.float64)])

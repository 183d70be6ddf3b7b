"""Functions, ops that ONNX defines by functions and branches with a known condition are read as their bodies."""

from __future__ import annotations

import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from archsim import frontend
from archsim.errors import InputError
from archsim.graph import MatrixLayer
from tests.frontend.evaluate import evaluate
from tests.frontend.models import model, numbers, value

node = helper.make_node


def function(name: str, inputs, outputs, nodes, attributes=(), opset: int = 17, defaults=()) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, inputs, outputs, nodes, opsets, list(attributes), list(defaults))


def with_functions(proto: onnx.ModelProto, *functions: onnx.FunctionProto) -> onnx.ModelProto:
    proto.functions.extend(functions)
    proto.opset_import.append(helper.make_opsetid("own", 1))
    return proto


def call(op: str, inputs, outputs, **attributes) -> onnx.NodeProto:
    return node(op, inputs, outputs, domain="own", **attributes)


def imported(proto: onnx.ModelProto):
    return frontend.from_model(proto, source="net.onnx", base_dir=None)


def refused(proto: onnx.ModelProto) -> str:
    with pytest.raises(InputError) as caught:
        imported(proto)
    return str(caught.value)


def assert_as_reference(proto: onnx.ModelProto, *shape: int) -> None:
    data = numbers(*shape, seed=3)
    graph = imported(proto)
    expected = ReferenceEvaluator(proto).run(None, {"x": data})
    for name, array in zip(graph.outputs, expected, strict=True):
        np.testing.assert_allclose(evaluate(graph, {"x": data})[name], array, rtol=1e-5, atol=1e-6)


def branch(name: str, nodes, output: str, constants=None) -> onnx.GraphProto:
    stored = [numpy_helper.from_array(np.asarray(array), key) for key, array in (constants or {}).items()]
    return helper.make_graph(nodes, name, [], [value(output, None)], stored)


def choice(condition: bool, then: onnx.GraphProto, other: onnx.GraphProto, behind=()) -> onnx.ModelProto:
    nodes = [
        node("Neg", ["x"], ["n"]),
        node("If", ["c"], ["r"], name="if", then_branch=then, else_branch=other),
        *behind,
        node("Abs", ["r"], ["y"]),
    ]
    return model(nodes, {"x": (2, 3)}, constants={"c": np.array(condition)})


# Functions of the model


def scaled(opset: int = 17) -> onnx.FunctionProto:
    power = node("LeakyRelu", ["a"], ["p"])
    reference = power.attribute.add()
    reference.name, reference.type, reference.ref_attr_name = "alpha", onnx.AttributeProto.FLOAT, "slope"
    return function("Scaled", ["a", "b"], ["r"], [power, node("Mul", ["p", "b"], ["r"])], ["slope"], opset)


def test_function_is_read_as_its_body_with_the_attributes_of_the_call() -> None:
    nodes = [call("Scaled", ["x", "k"], ["h"], slope=0.5), call("Scaled", ["h", "x"], ["y"], slope=0.25)]
    proto = with_functions(model(nodes, {"x": (2, 3)}, constants={"k": numbers(3)}), scaled())
    assert [layer.op for layer in imported(proto).layers] == ["LeakyRelu", "Mul"] * 2
    assert imported(proto).coverage.nodes == 4
    data = numbers(2, 3, seed=3)
    hidden = np.where(data < 0, data / 2, data) * numbers(3)
    expected = np.where(hidden < 0, hidden / 4, hidden) * data
    np.testing.assert_allclose(evaluate(imported(proto), {"x": data})["y"], expected, rtol=1e-6)


def test_default_of_an_attribute_is_the_function_s_and_an_absent_one_is_the_op_s() -> None:
    body = [node("LeakyRelu", ["a"], ["p"]), node("Elu", ["p"], ["r"])]
    for inner, name in zip(body, ("slope", "rise"), strict=True):
        reference = inner.attribute.add()
        reference.name, reference.type, reference.ref_attr_name = "alpha", onnx.AttributeProto.FLOAT, name
    defaults = [helper.make_attribute("slope", 0.5)]
    own = function("Own", ["a"], ["r"], body, ["rise"], defaults=defaults)
    graph = imported(with_functions(model([call("Own", ["x"], ["y"])], {"x": (1,)}), own))
    assert evaluate(graph, {"x": np.float32([-1])})["y"] == pytest.approx(np.expm1(-0.5))


def test_function_sees_no_value_of_the_graph_around_it() -> None:
    own = function("Own", ["a"], ["r"], [node("Add", ["a", "x"], ["r"], name="inner")])
    proto = with_functions(model([call("Own", ["x"], ["y"], name="call")], {"x": (1,)}), own)
    assert "node 'call/inner': got input 'call:x' that nothing writes" in refused(proto)


def test_functions_of_equal_inner_names_do_not_meet() -> None:
    own = function("Own", ["x"], ["y"], [node("Relu", ["x"], ["h"]), node("Neg", ["h"], ["y"])])
    nodes = [call("Own", ["x"], ["h"], name="n"), call("Own", ["h"], ["n:h"], name="m"), node("Abs", ["n:h"], ["y"])]
    proto = with_functions(model(nodes, {"x": (2,)}), own)
    graph = imported(proto)
    assert len({layer.name for layer in graph.layers}) == 5
    assert_as_reference(proto, 2)


def test_output_that_is_an_input_or_comes_twice_is_passed_on() -> None:
    own = function("Own", ["a"], ["a", "r", "r"], [node("Relu", ["a"], ["r"])])
    del own.output[:]
    own.output.extend(["a", "r", "r"])
    proto = with_functions(model([call("Own", ["x"], ["p", "q", "s"])], {"x": (3,)}, ("p", "q", "s")), own)
    got = evaluate(imported(proto), {"x": np.float32([-1, 0, 1])})
    assert [got[name].tolist() for name in "pqs"] == [[-1, 0, 1], [0, 0, 1], [0, 0, 1]]


def test_nodes_fold_into_a_matrix_layer_across_the_bounds_of_functions() -> None:
    own = function("Dense", ["a", "w"], ["r"], [node("MatMul", ["a", "w"], ["r"])])
    nodes = [call("Dense", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["y"])]
    proto = with_functions(model(nodes, {"x": (2, 3)}, constants={"w": numbers(3, 4), "b": numbers(4)}), own)
    (layer,) = imported(proto).layers
    assert isinstance(layer, MatrixLayer)
    assert layer.bias is not None
    assert_as_reference(proto, 2, 3)


def test_value_that_the_body_reads_twice_does_not_fold_away() -> None:
    body = [node("Add", ["a", "b"], ["s"]), node("Mul", ["s", "a"], ["r"])]
    own = function("Own", ["a", "b"], ["r"], body)
    nodes = [node("MatMul", ["x", "w"], ["h"]), call("Own", ["h", "b"], ["y"])]
    proto = with_functions(model(nodes, {"x": (2, 3)}, constants={"w": numbers(3, 4), "b": numbers(4)}), own)
    assert [layer.op for layer in imported(proto).layers] == ["MatMul", "Add", "Mul"]
    assert_as_reference(proto, 2, 3)


def test_function_of_an_older_opset_keeps_its_meaning() -> None:
    own = function("Own", ["a"], ["r"], [node("Softmax", ["a"], ["r"], axis=1)], opset=11)
    got = evaluate(imported(with_functions(model([call("Own", ["x"], ["y"])], {"x": (1, 2, 2)}), own)), _ones())["y"]
    # Before opset 13 a Softmax runs over all axes from its own on.
    assert got.tolist() == [[[0.25, 0.25], [0.25, 0.25]]]


def _ones() -> dict[str, np.ndarray]:
    return {"x": np.ones((1, 2, 2), np.float32)}


def test_call_that_does_not_fit_is_refused() -> None:
    own = function("Own", ["a"], ["r"], [node("Relu", ["a"], ["r"])])
    message = refused(with_functions(model([call("Own", ["x", "x"], ["y"], name="n")], {"x": (1,)}), own))
    assert "node 'n' (Own): got 2 inputs and 1 outputs, expected at most 1 and 1" in message


def test_op_that_nothing_knows_in_a_function_is_told() -> None:
    own = function("Own", ["a"], ["r"], [node("Fancy", ["a"], ["r"], domain="other")])
    proto = with_functions(model([call("Own", ["x"], ["y"], name="n")], {"x": (1,)}), own)
    assert "node 'n/Fancy_0': got op other:Fancy, which is not supported" in refused(proto)


def test_op_in_a_function_can_be_treated_as_free() -> None:
    own = function("Own", ["a"], ["r"], [node("Bernoulli", ["a"], ["r"])])
    proto = with_functions(model([call("Own", ["x"], ["y"])], {"x": (3,)}), own)
    graph = frontend.from_model(proto, source="net.onnx", base_dir=None, treat_as_free=["Bernoulli"])
    assert graph.coverage.free == 1


# Ops that ONNX defines by functions


def test_op_that_has_no_lowering_is_read_as_onnx_defines_it() -> None:
    assert "NegativeLogLikelihoodLoss" not in frontend.supported()
    proto = model([node("NegativeLogLikelihoodLoss", ["x", "t"], ["y"])], {"x": (2, 3)})
    proto.graph.initializer.append(numpy_helper.from_array(np.array([0, 2]), "t"))
    data = numbers(2, 3)
    loss = evaluate(imported(proto), {"x": data})["y"]
    assert loss == pytest.approx(-(data[0, 0] + data[1, 2]) / 2)


def test_attribute_of_such_an_op_is_checked() -> None:
    proto = model([node("NegativeLogLikelihoodLoss", ["x", "t"], ["y"], reduce="sum")], {"x": (2, 3)}, opset=17)
    proto.graph.initializer.append(numpy_helper.from_array(np.array([0, 1]), "t"))
    assert "attribute reduce, expected one of ignore_index, reduction (did you mean 'reduction'?)" in refused(proto)


# Branches


def test_branch_of_a_known_condition_takes_the_place_of_if() -> None:
    then = branch("then", [node("Add", ["n", "k"], ["o"])], "o", {"k": numbers(3)})
    other = branch("else", [node("Mul", ["n", "x"], ["o"])], "o")
    for condition, op in ((True, "Add"), (False, "Mul")):
        proto = choice(condition, then, other)
        assert [layer.op for layer in imported(proto).layers] == ["Neg", op, "Abs"]
        assert_as_reference(proto, 2, 3)


def test_branch_may_answer_with_a_value_from_outside_or_a_constant_of_its_own() -> None:
    then = branch("then", [], "n")
    other = branch("else", [], "k", {"k": numbers(2, 3)})
    for condition in (True, False):
        proto = choice(condition, then, other)
        proto.graph.node[-1].CopyFrom(node("Add", ["r", "x"], ["y"]))
        data = numbers(2, 3, seed=3)
        expected = -data + data if condition else numbers(2, 3) + data
        np.testing.assert_allclose(evaluate(imported(proto), {"x": data})["y"], expected, atol=1e-6)


def test_condition_may_be_computed_from_shapes() -> None:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["rows"]),
        node("Equal", ["rows", "two"], ["c"]),
        node(
            "If",
            ["c"],
            ["y"],
            then_branch=branch("then", [node("Relu", ["x"], ["o"])], "o"),
            else_branch=branch("else", [node("Loop", ["rows", "", "x"], ["o"])], "o"),
        ),
    ]
    constants = {"zero": np.array(0), "two": np.array(2)}
    assert [layer.op for layer in imported(model(nodes, {"x": (2, 3)}, constants=constants)).layers] == ["Relu"]


def test_branch_inside_of_a_branch_sees_the_values_of_both() -> None:
    inner = branch("inner", [node("Sub", ["h", "n"], ["p"])], "p")
    then = branch(
        "then",
        [
            node("Exp", ["n"], ["h"]),
            node("If", ["c"], ["o"], then_branch=inner, else_branch=branch("none", [], "n")),
        ],
        "o",
    )
    proto = choice(True, then, branch("else", [], "n"))
    assert [layer.op for layer in imported(proto).layers] == ["Neg", "Exp", "Sub", "Abs"]
    assert_as_reference(proto, 2, 3)


def test_function_may_hold_a_branch_that_reads_the_function_s_values() -> None:
    then = branch("then", [node("Mul", ["h", "a"], ["o"])], "o")
    body = [
        node("Constant", [], ["c"], value=numpy_helper.from_array(np.array(True))),
        node("Relu", ["a"], ["h"]),
        node("If", ["c"], ["r"], then_branch=then, else_branch=branch("else", [], "h")),
    ]
    proto = with_functions(model([call("Own", ["x"], ["y"])], {"x": (2, 3)}), function("Own", ["a"], ["r"], body))
    assert [layer.op for layer in imported(proto).layers] == ["Relu", "Mul"]
    assert_as_reference(proto, 2, 3)


def test_condition_that_is_computed_in_a_run_is_refused() -> None:
    nodes = [node("If", ["x"], ["y"], name="n", then_branch=branch("t", [], "x"), else_branch=branch("e", [], "x"))]
    proto = model(nodes, {"x": (1,)})
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.BOOL
    assert refused(proto) == (
        "net.onnx: node 'n' (If): got condition 'x' computed at run time, expected a condition that is known "
        "beforehand: a branch takes the node's place, it is not chosen in a run"
    )


@pytest.mark.parametrize("op", ["Loop", "Scan"])
def test_loops_are_refused_by_name(op: str) -> None:
    proto = model([node(op, ["x"], ["y"], name="n")], {"x": (1,)})
    known = "which is not supported: how often its body runs is known in a run alone, expected one of"
    assert f"net.onnx: node 'n': got op {op}, {known}" in refused(proto)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda proto: proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.array([1.0]), "c")), "1 float64"),
        (lambda proto: proto.graph.node[1].attribute.pop(), "an incomplete node"),
        (lambda proto: proto.graph.node[1].attribute[1].g.output.pop(), "a branch of 0 inputs and 0 outputs"),
        (lambda proto: proto.graph.node[1].attribute[1].g.input.append(value("i", (1,))), "a branch of 1 inputs and"),
        (lambda proto: proto.graph.node[1].attribute[1].g.node[0].input.append("zz"), "input 'zz' that nothing writes"),
    ],
)
def test_wrong_branches_are_refused(change, message: str) -> None:
    then = branch("then", [node("Relu", ["n"], ["o"])], "o")
    proto = choice(True, then, then)
    change(proto)
    assert message in refused(proto)


# No end


def test_function_that_calls_itself_is_refused() -> None:
    own = function("Own", ["a"], ["r"], [call("Own", ["a"], ["r"])])
    message = refused(with_functions(model([call("Own", ["x"], ["y"], name="n")], {"x": (1,)}), own))
    assert "expected at most 32 bodies inside of each other, 50000 nodes and 536870912 bytes in bodies" in message
    assert len(message.splitlines()) == 1


def test_functions_that_double_each_other_are_refused_within_seconds() -> None:
    functions = [
        function(f"F{n}", ["a"], ["r"], [call(f"F{n + 1}", ["a"], ["h"]), call(f"F{n + 1}", ["h"], ["r"])])
        for n in range(25)
    ]
    functions.append(function("F25", ["a"], ["r"], [node("Relu", ["a"], ["r"])]))
    started = time.process_time()
    message = refused(with_functions(model([call("F0", ["x"], ["y"])], {"x": (1,)}), *functions))
    assert "50000 nodes" in message
    assert len(message.splitlines()) == 1
    assert time.process_time() - started < 20


def test_constants_that_are_copied_without_end_are_refused() -> None:
    large = numpy_helper.from_array(np.zeros(2**20, np.float32), "k")
    body = [node("Constant", [], ["k"], value=large), node("Shape", ["k"], ["s"]), node("Relu", ["a"], ["r"])]
    nodes = [call("Own", [f"v{n}" if n else "x"], [f"v{n + 1}"]) for n in range(200)]
    proto = with_functions(model(nodes, {"x": (1,)}, ("v200",)), function("Own", ["a"], ["r"], body))
    assert "536870912 bytes in bodies" in refused(proto)


def test_branches_nested_as_deep_as_a_file_can_hold_them_are_read() -> None:
    inner = branch("b", [node("Relu", ["x"], ["o"])], "o")
    for depth in range(30):
        nested = node("If", ["c"], [f"o{depth}"], then_branch=inner, else_branch=branch("e", [], "x"))
        inner = branch("b", [nested], f"o{depth}")
    nodes = [node("If", ["c"], ["y"], then_branch=inner, else_branch=branch("e", [], "x"))]
    graph = imported(model(nodes, {"x": (1,)}, constants={"c": np.array(True)}))
    assert [layer.op for layer in graph.layers] == ["Relu"]

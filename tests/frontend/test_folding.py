"""What goes into a matrix layer, what stays a layer of its own, and what is computed on import."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from archsim import frontend
from archsim.graph import Constant, Graph, LayoutLayer, MatrixLayer, VectorLayer
from tests.frontend.evaluate import evaluate
from tests.frontend.models import model, numbers
from tests.frontend.test_against_onnxruntime import assert_agrees

node = helper.make_node


def graph_of(nodes, inputs, constants=None, outputs=("y",), **options) -> Graph:
    return frontend.from_model(model(nodes, inputs, outputs, constants), source="model", base_dir=None, **options)


CONV = node("Conv", ["x", "w"], ["c"], name="conv")
BATCH_NORM = node("BatchNormalization", ["c", "s", "b", "m", "v"], ["y"], name="bn", epsilon=0.1)
IMAGE = {"x": (1, 2, 5, 5)}
WEIGHTS = {"w": numbers(3, 2, 3, 3)}
STATISTICS = {"s": numbers(3), "b": numbers(3, seed=1), "m": numbers(3, seed=2), "v": numbers(3, seed=3) ** 2}


def test_batch_normalization_after_a_convolution_goes_into_its_weights_and_bias() -> None:
    proto = model([CONV, BATCH_NORM], IMAGE, constants={**WEIGHTS, **STATISTICS})
    graph = frontend.from_model(proto, source="model", base_dir=None)
    (layer,) = graph.layers
    assert isinstance(layer, MatrixLayer)
    assert (layer.name, layer.nodes, layer.results) == ("conv", ("conv", "bn"), ("y",))
    assert (layer.weights.key, layer.rows, layer.outputs, layer.windows) == ("w", 18, 3, 9)
    assert (graph.coverage.timed, graph.coverage.folded) == (1, 1)
    assert_agrees(proto, {"x": numbers(1, 2, 5, 5, seed=9)})


def test_grouped_convolution_takes_scale_per_output_of_each_group() -> None:
    constants = {"w": numbers(4, 1, 3, 3), "k": numbers(4, 1, 1, seed=1), "d": np.float32([[[[2.5]]]])}
    nodes = [
        node("Conv", ["x", "w"], ["c"], group=2),
        node("Mul", ["k", "c"], ["m"]),
        node("Sub", ["m", "k"], ["n"]),
        node("Div", ["n", "d"], ["y"]),
    ]
    proto = model(nodes, IMAGE, constants=constants)
    (layer,) = frontend.from_model(proto, source="model", base_dir=None).layers
    assert len(layer.nodes) == 4
    assert_agrees(proto, {"x": numbers(1, 2, 5, 5, seed=9)})


@pytest.mark.parametrize("shape", [(4,), (1, 4), (1, 1, 4), (1,)])
def test_constant_addition_after_matmul_becomes_the_bias(shape: tuple[int, ...]) -> None:
    nodes = [node("MatMul", ["x", "w"], ["c"]), node("Add", ["b", "c"], ["y"])]
    proto = model(nodes, {"x": (2, 3, 5)}, constants={"w": numbers(5, 4), "b": numbers(*shape)})
    (layer,) = frontend.from_model(proto, source="model", base_dir=None).layers
    assert layer.bias is not None
    assert layer.bias.shape == (4,)
    assert_agrees(proto, {"x": numbers(2, 3, 5)})


@pytest.mark.parametrize("shape", [(3, 4), (2, 1, 1), (1, 1, 1, 4)])
def test_addition_that_differs_between_windows_stays_a_layer(shape: tuple[int, ...]) -> None:
    nodes = [node("MatMul", ["x", "w"], ["c"]), node("Add", ["c", "b"], ["y"])]
    proto = model(nodes, {"x": (2, 3, 5)}, constants={"w": numbers(5, 4), "b": numbers(*shape)})
    assert len(frontend.from_model(proto, source="model", base_dir=None).layers) == 2
    assert_agrees(proto, {"x": numbers(2, 3, 5)})


def test_constant_minus_matrix_result_is_not_folded() -> None:
    nodes = [node("MatMul", ["x", "w"], ["c"]), node("Sub", ["b", "c"], ["y"])]
    proto = model(nodes, {"x": (2, 5)}, constants={"w": numbers(5, 4), "b": numbers(4)})
    assert len(frontend.from_model(proto, source="model", base_dir=None).layers) == 2
    assert_agrees(proto, {"x": numbers(2, 5)})


def test_nothing_folds_into_a_result_that_others_read() -> None:
    nodes = [CONV, BATCH_NORM, node("Relu", ["c"], ["z"])]
    graph = graph_of(nodes, IMAGE, {**WEIGHTS, **STATISTICS}, outputs=("y", "z"))
    assert [type(layer) for layer in graph.layers] == [MatrixLayer, VectorLayer, VectorLayer]
    graph = graph_of([CONV, BATCH_NORM], IMAGE, {**WEIGHTS, **STATISTICS}, outputs=("y", "c"))
    assert len(graph.layers) == 2


def test_shape_query_of_the_result_does_not_prevent_folding() -> None:
    nodes = [CONV, BATCH_NORM, node("Shape", ["c"], ["s2"]), node("Reshape", ["y", "s2"], ["z"])]
    graph = graph_of(nodes, IMAGE, {**WEIGHTS, **STATISTICS}, outputs=("z",))
    assert graph.layers[0].nodes == ("conv", "bn")


def test_batch_normalization_alone_costs_two_operations_an_element() -> None:
    nodes = [node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"])]
    proto = model(nodes, {"x": (2, 3, 4)}, constants=STATISTICS)
    (layer,) = frontend.from_model(proto, source="model", base_dir=None).layers
    assert isinstance(layer, VectorLayer)
    assert layer.operations == 2 * 24
    assert_agrees(proto, {"x": numbers(2, 3, 4)})


def test_weights_shared_in_one_form_have_one_key_and_in_two_forms_have_two() -> None:
    twice = [node("MatMul", ["x", "w"], ["c"]), node("MatMul", ["c", "w"], ["y"])]
    graph = graph_of(twice, {"x": (2, 4)}, {"w": numbers(4, 4)})
    assert [layer.weights.key for layer in graph.matrix_layers] == ["w", "w"]
    assert graph.parameters == 16
    turned = [node("MatMul", ["x", "w"], ["c"]), node("Gemm", ["c", "w"], ["y"], transB=1)]
    graph = graph_of(turned, {"x": (2, 4)}, {"w": numbers(4, 4)})
    keys = [layer.weights.key for layer in graph.matrix_layers]
    assert keys[0] == "w"
    assert keys[1] != "w"


def test_shared_weights_scaled_by_different_numbers_are_different_matrices() -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["a"]),
        node("Mul", ["a", "k"], ["b"]),
        node("MatMul", ["b", "w"], ["c"]),
        node("Mul", ["c", "l"], ["y"]),
    ]
    graph = graph_of(nodes, {"x": (2, 4)}, {"w": numbers(4, 4), "k": numbers(4), "l": numbers(4, seed=1)})
    first, second = (layer.weights for layer in graph.matrix_layers)
    assert first.key != second.key
    assert not np.array_equal(first.load(), second.load())


def test_chain_of_shape_nodes_folds_into_the_shape_of_a_reshape() -> None:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"], axis=0),
        node("Cast", ["n"], ["f"], to=TensorProto.FLOAT),
        node("Floor", ["f"], ["g"]),
        node("Cast", ["g"], ["i"], to=TensorProto.INT64),
        node("Unsqueeze", ["i", "axes"], ["u"]),
        node("Equal", ["u", "axes"], ["e"]),
        node("Where", ["e", "axes", "u"], ["w"]),
        node("Concat", ["w", "rest"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["y"]),
    ]
    constants = {"zero": np.int64(0), "axes": np.int64([0]), "rest": np.int64([-1])}
    graph = graph_of(nodes, {"x": (2, 3, 4)}, constants)
    (layer,) = graph.layers
    assert isinstance(layer, LayoutLayer)
    assert graph.tensors["y"].shape == (2, 12)
    assert (graph.coverage.nodes, graph.coverage.folded, graph.coverage.layout) == (10, 9, 1)


def test_every_attribute_form_of_constant_is_read() -> None:
    nodes = [
        node("Constant", [], ["a"], value=numpy_helper.from_array(numbers(3))),
        node("Constant", [], ["b"], value_float=2.0),
        node("Constant", [], ["c"], value_floats=[1.0, 2.0, 3.0]),
        node("Constant", [], ["i"], value_int=3),
        node("Constant", [], ["s"], value_ints=[1, -1]),
        node("Sum", ["x", "a", "b", "c"], ["t"]),
        node("Reshape", ["t", "s"], ["u"]),
        node("Unsqueeze", ["i", "zero"], ["j"]),
        node("Expand", ["u", "j"], ["y"]),
    ]
    graph = graph_of(nodes, {"x": (3,)}, {"zero": np.int64([0])})
    data = numbers(3, seed=1)
    expected = (data + numbers(3) + np.float32(2) + np.float32([1, 2, 3])).reshape(1, 3)
    np.testing.assert_allclose(evaluate(graph, {"x": data})["y"], expected, rtol=1e-6)


def test_dropout_and_identity_are_aliases_unless_they_name_an_output() -> None:
    nodes = [node("Dropout", ["x"], ["d"]), node("Relu", ["d"], ["r"]), node("Identity", ["r"], ["y"])]
    graph = graph_of(nodes, {"x": (2, 3)})
    assert [layer.op for layer in graph.layers] == ["Relu", "Identity"]
    assert graph.layers[0].inputs == ("x",)
    assert graph.folded == ("d",)
    data = numbers(2, 3)
    np.testing.assert_array_equal(evaluate(graph, {"x": data})["y"], np.maximum(data, 0))


def test_output_that_is_constant_is_written_by_a_layer() -> None:
    nodes = [node("Relu", ["x"], ["y"]), node("Shape", ["x"], ["s"])]
    graph = graph_of(nodes, {"x": (2, 3)}, outputs=("y", "s"))
    assert evaluate(graph, {"x": numbers(2, 3)})["s"].tolist() == [2, 3]
    assert graph.coverage.nodes == 2


def test_nodes_out_of_order_are_sorted() -> None:
    graph = graph_of([node("Relu", ["a"], ["y"]), node("Abs", ["x"], ["a"])], {"x": (2,)})
    assert [layer.op for layer in graph.layers] == ["Abs", "Relu"]


def test_names_are_node_names_or_first_outputs_and_unique() -> None:
    nodes = [
        node("Relu", ["x"], ["a"], name="same"),
        node("Relu", ["a"], ["b"], name="same"),
        node("Relu", ["b"], ["y"]),
    ]
    graph = graph_of(nodes, {"x": (2,)})
    assert [layer.name for layer in graph.layers] == ["same", "same_2", "y"]


def test_initializer_listed_as_input_is_no_input() -> None:
    graph = graph_of([node("MatMul", ["x", "w"], ["y"])], {"x": (2, 4), "w": (4, 3)}, {"w": numbers(4, 3)})
    assert [tensor.name for tensor in graph.inputs] == ["x"]


def test_default_domain_may_be_spelt_ai_onnx() -> None:
    proto = model([node("Relu", ["x"], ["y"], domain="ai.onnx")], {"x": (2,)})
    proto.opset_import[0].domain = "ai.onnx"
    assert [layer.op for layer in frontend.from_model(proto, source="model", base_dir=None).layers] == ["Relu"]


def test_operand_constants_are_handed_to_compute_in_order() -> None:
    graph = graph_of([node("Sub", ["k", "x"], ["y"])], {"x": (2, 3)}, {"k": numbers(3)})
    assert isinstance(graph.layers[0].operands[0], Constant)
    assert graph.layers[0].operands[1] == "x"

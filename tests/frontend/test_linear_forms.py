"""Ways to write a fully connected layer, and products that are none: all against numpy's matmul and einsum."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from archsim import values
from archsim.frontend import from_model
from archsim.graph import Graph, LayoutLayer
from archsim.hardware import load_design
from tests.frontend.evaluate import evaluate
from tests.frontend.models import model, numbers

node = helper.make_node

VECTORS = {
    "matrix and vector": (["x", "w"], (2, 4), (4,), 2),
    "stack and vector": (["x", "w"], (3, 2, 4), (4,), 6),
    "two vectors": (["x", "w"], (4,), (4,), 1),
    "vector and matrix": (["w", "x"], (4, 3), (4,), 3),
    "vector and stack": (["w", "x"], (2, 4, 3), (4,), 6),
    "vector and activations": (["w", "x"], (4,), (4,), 1),
}
"""Operands of MatMul, shapes of data `x` and weights `w`, windows."""


def graph_of(op: str, operands: list[str], data, weights, **attributes) -> Graph:
    nodes = [node(op, operands, ["y"], "n", **attributes)]
    proto = model(nodes, {"x": data}, constants=None if weights is None else {"w": numbers(*weights, seed=1)})
    return from_model(proto, source="net.onnx", base_dir=None)


def arrays(operands: list[str], data, weights) -> list[np.ndarray]:
    known = {"x": numbers(*data), "w": numbers(*weights, seed=1)}
    return [known[name] for name in operands]


@pytest.mark.parametrize("form", VECTORS)
def test_a_constant_vector_is_a_matrix_of_one_output(form: str) -> None:
    operands, data, weights, windows = VECTORS[form]
    graph = graph_of("MatMul", operands, data, weights)
    (layer,) = graph.matrix_layers
    assert (layer.rows, layer.outputs, layer.windows) == (4, 1, windows)
    assert {type(each) for each in graph.layers if each is not layer} == {LayoutLayer}
    wanted = np.matmul(*arrays(operands, data, weights))
    assert graph.tensors["y"].shape == wanted.shape
    np.testing.assert_allclose(evaluate(graph, {"x": numbers(*data)})["y"], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", VECTORS)
def test_a_constant_vector_goes_through_crossbars(form: str) -> None:
    operands, data, weights, _ = VECTORS[form]
    spec = values.crossbar_spec(load_design("isaac"))
    outputs = values.run_crossbars(graph_of("MatMul", operands, data, weights), {"x": numbers(*data)}, spec)
    wanted = np.matmul(*arrays(operands, data, weights))
    np.testing.assert_allclose(outputs["y"], wanted, atol=1e-3)


@pytest.mark.parametrize(
    ("equation", "operands", "data", "weights"),
    [
        ("bij, jo -> bio", ["x", "w"], (2, 3, 4), (4, 5)),
        ("bij,kj->bik", ["x", "w"], (2, 3, 4), (5, 4)),
        ("jk,bij->bik", ["w", "x"], (2, 3, 4), (4, 5)),
        ("kj,...j->...k", ["w", "x"], (2, 3, 4), (5, 4)),
        ("j,jk", ["x", "w"], (4,), (4, 5)),
    ],
)
def test_einsum_by_a_constant_matrix_is_a_fully_connected_layer(equation, operands, data, weights) -> None:
    graph = graph_of("Einsum", operands, data, weights, equation=equation)
    (layer,) = graph.layers
    assert graph.matrix_layers == (layer,)
    assert (layer.rows, layer.outputs, layer.windows) == (4, 5, int(np.prod(data[:-1])))
    wanted = np.einsum(equation, *arrays(operands, data, weights))
    np.testing.assert_allclose(evaluate(graph, {"x": numbers(*data)})["y"], wanted, rtol=1e-5, atol=1e-6)


def test_einsum_and_matmul_with_the_same_weights_share_arrays_only_if_they_are_the_same_matrix() -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["a"]),
        node("Einsum", ["a", "w"], ["b"], equation="ij,jk->ik"),
        node("Einsum", ["b", "w"], ["y"], equation="ij,kj->ik"),
    ]
    graph = from_model(model(nodes, {"x": (2, 4)}, constants={"w": numbers(4, 4)}), source="net.onnx", base_dir=None)
    first, second, turned = (layer.weights.key for layer in graph.matrix_layers)
    assert first == second != turned


@pytest.mark.parametrize(("equation", "shape"), [("ij->ji", (2, 3)), ("ii->i", (3, 3)), ("...ij->...ji", (2, 3, 4))])
def test_einsum_that_sums_nothing_of_one_operand_moves_elements(equation: str, shape) -> None:
    graph = graph_of("Einsum", ["x"], shape, None, equation=equation)
    (layer,) = graph.layers
    assert isinstance(layer, LayoutLayer)
    data = numbers(*shape)
    np.testing.assert_array_equal(evaluate(graph, {"x": data})["y"], np.einsum(equation, data))

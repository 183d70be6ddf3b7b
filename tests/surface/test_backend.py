"""archsim as an ONNX backend: what it takes, what it answers, what it refuses."""

from __future__ import annotations

import unittest

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.backend.base import Backend
from onnx.backend.test import BackendTest

from archsim import backend
from archsim.errors import InputError

DATA = np.array([[1.0, -2.0, 3.0]], np.float32)
WEIGHTS = np.array([[0.5, 1.0], [0.25, 1.0], [1.0, -1.0]], np.float32)


def product_of_inputs() -> onnx.ModelProto:
    feeds = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", ["n", 3]), ("w", [3, 2]))
    ]
    results = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "product", feeds, results)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_weights_fed_as_an_input_are_parameters_of_the_run():
    prepared = backend.prepare(product_of_inputs())
    assert prepared.input_names == ("x", "w")
    for weights in (WEIGHTS, 2 * WEIGHTS):
        (answer,) = prepared.run([DATA, weights])
        np.testing.assert_array_equal(answer, DATA @ weights)
    (named,) = prepared.run({"w": WEIGHTS, "x": DATA})
    np.testing.assert_array_equal(named, DATA @ WEIGHTS)


def test_the_batch_is_that_of_the_run():
    (answer,) = backend.run_model(product_of_inputs(), [np.tile(DATA, (4, 1)), WEIGHTS])
    assert answer.shape == (4, 2)


def test_int_precision_goes_through_crossbars_of_16_bits():
    (answer,) = backend.run_model(product_of_inputs(), [DATA, WEIGHTS], precision="int")
    exact = DATA @ WEIGHTS
    assert 0 < np.abs(answer - exact).max() < 1e-3


def test_a_node_runs_alone():
    node = helper.make_node("Relu", ["x"], ["y"])
    (answer,) = backend.run_node(node, [DATA], opset_version=13)
    np.testing.assert_array_equal(answer, [[1, 0, 3]])


def test_infinite_answers_are_answers():
    node = helper.make_node("Exp", ["x"], ["y"])
    (answer,) = backend.run_node(node, [np.array([1000.0], np.float32)])
    np.testing.assert_array_equal(answer, [np.inf])


def test_a_shape_that_follows_from_fed_numbers_is_a_parameter():
    nodes = [helper.make_node("Abs", ["s"], ["t"]), helper.make_node("Reshape", ["x", "t"], ["y"])]
    feeds = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3]),
        helper.make_tensor_value_info("s", TensorProto.INT64, [2]),
    ]
    results = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 1])]
    model = helper.make_model(helper.make_graph(nodes, "shaped", feeds, results))
    model.opset_import[0].version = 17
    (answer,) = backend.run_model(model, [DATA, np.array([-3, 1])])
    np.testing.assert_array_equal(answer, DATA.reshape(3, 1))


def test_it_is_the_interface_of_onnx():
    assert issubclass(backend.ArchsimBackend, Backend)
    assert backend.supports_device("CPU")
    assert backend.supports_device("CPU:0")
    assert not backend.supports_device("CUDA")


def test_onnx_s_own_runner_drives_it():
    tests = BackendTest(backend.ArchsimBackend, __name__).include(r"test_(relu|convinteger|matmul_2d|LeakyReLU)_")
    result = unittest.TestResult()
    tests.test_suite.run(result)
    skipped = [str(test).split()[0] for test, reason in result.skipped if "Not compatible" in reason]
    assert skipped == ["test_LeakyReLU_cpu", "test_LeakyReLU_with_negval_cpu"]
    assert (result.errors, result.failures) == ([], [])
    assert result.testsRun - len(result.skipped) >= 4


def test_models_of_opsets_that_are_too_old_are_not_compatible():
    model = product_of_inputs()
    assert backend.ArchsimBackend.is_compatible(model, precision="int")
    assert not backend.ArchsimBackend.is_compatible(model, "CUDA")
    assert not backend.ArchsimBackend.is_compatible(model, fast=True)
    model.opset_import[0].version = 6
    assert not backend.ArchsimBackend.is_compatible(model)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: backend.prepare(product_of_inputs(), precision="floot"), r"precision.*floot.*float or int.*float"),
        (lambda: backend.prepare(product_of_inputs(), fast=True), "option fast.*precision alone"),
        (lambda: backend.prepare(product_of_inputs(), "CUDA"), "device.*CUDA.*CPU"),
        (lambda: backend.prepare(product_of_inputs()).run([DATA]), "1 inputs.*2: 'x', 'w'"),
        (lambda: backend.prepare(product_of_inputs()).run({"x": DATA}), "inputs 'x'.*'x', 'w'"),
        (lambda: backend.run_node(helper.make_node("Relu", ["x"], ["y"]), []), "0 inputs.*1: 'x'"),
    ],
)
def test_what_is_wrong_is_said(call, message: str):
    with pytest.raises(InputError, match=message):
        call()

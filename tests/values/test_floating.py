"""Float runs agree with onnxruntime."""

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from archsim.frontend import load
from archsim.values import load_arrays, network_inputs, run_float
from archsim.values import windows as windows_module
from archsim.values.execution import execute
from archsim.values.floating import FloatRule
from tests.values.networks import MODELS, SHARED, graph_of, linear, model_of


def onnxruntime_outputs(model, inputs):
    data = model if isinstance(model, str) else model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs), strict=True))


def assert_close(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        assert ours[name].shape == expected.shape
        assert ours[name].dtype == expected.dtype
        np.testing.assert_allclose(ours[name], expected, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(expected).max()))


@st.composite
def convolutions(draw):
    spatial = draw(st.integers(1, 2))
    each = lambda strategy: draw(st.lists(strategy, min_size=spatial, max_size=spatial))  # noqa: E731
    kernel, strides, dilations = each(st.integers(1, 3)), each(st.integers(1, 3)), each(st.integers(1, 2))
    pads = each(st.integers(0, 2)) + each(st.integers(0, 2))
    groups, channels, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    size = [span + draw(st.integers(5, 7)) for span in kernel]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    inputs = ["x", "w", "b"][: draw(st.integers(2, 3))]
    constants = {
        "w": rng.normal(size=(groups * outputs, channels, *kernel)).astype(np.float32),
        "b": rng.normal(size=groups * outputs).astype(np.float32),
    }
    node = helper.make_node(
        "Conv", inputs, ["y"], "conv",
        kernel_shape=kernel, strides=strides, dilations=dilations, pads=pads, group=groups,
    )  # fmt: skip
    shape = [draw(st.integers(1, 3)), groups * channels, *size]
    return model_of([node], {"x": shape}, "y", {name: constants[name] for name in inputs[1:]}), rng.normal(
        size=shape
    ).astype(np.float32)


@given(convolutions(), st.sampled_from([1, 200, 2**22]))
@settings(max_examples=80, deadline=None)
def test_convolutions_agree_with_onnxruntime_whatever_is_computed_at_once(problem, elements):
    model, data = problem
    before = windows_module.ELEMENTS_AT_ONCE
    windows_module.ELEMENTS_AT_ONCE = elements
    try:
        ours = run_float(graph_of(model), {"x": data})
    finally:
        windows_module.ELEMENTS_AT_ONCE = before
    assert_close(ours, onnxruntime_outputs(model, {"x": data}))


def test_a_matrix_product_over_a_tensor_of_any_rank_agrees_with_onnxruntime():
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(7, 5)).astype(np.float32)
    for shape in ([7], [3, 7], [2, 3, 4, 7]):
        model = model_of([helper.make_node("MatMul", ["x", "w"], ["y"], "mm")], {"x": shape}, "y", {"w": weights})
        data = rng.normal(size=shape).astype(np.float32)
        assert_close(run_float(graph_of(model), {"x": data}), onnxruntime_outputs(model, {"x": data}))


def test_the_digits_network_agrees_with_onnxruntime():
    images = load_arrays(MODELS / "digits_test.npz")["images"][:20]
    graph = load(MODELS / "digits_cnn.onnx", shapes={"image": images.shape})
    theirs = onnxruntime_outputs(str(MODELS / "digits_cnn.onnx"), {"image": images})
    assert_close(run_float(graph, {"image": images}), theirs)


def test_several_batches_together_equal_one_after_the_other():
    images = load_arrays(MODELS / "digits_test.npz")["images"][:6].reshape(3, 2, 1, 8, 8)
    graph = load(MODELS / "digits_cnn.onnx", shapes={"image": (2, 1, 8, 8)})
    together = execute(graph, [{"image": batch} for batch in images], FloatRule(graph))
    for batch, outputs in zip(images, together, strict=True):
        np.testing.assert_array_equal(outputs["logits"], run_float(graph, {"image": batch})["logits"])


def test_weights_that_do_not_fit_the_cache_are_loaded_again(monkeypatch):
    monkeypatch.setattr("archsim.values.floating.KEPT_ELEMENTS", 3)
    monkeypatch.setattr("archsim.values.floating.WEIGHTS_AT_ONCE", 3)
    rule = FloatRule(graph := linear([[1, 2], [3, 4]]))
    batch = {"x": np.array([[1, 10]], np.float32)}
    for _ in range(2):
        assert execute(graph, [batch], rule)[0]["y"].tolist() == [[31, 42]]


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="the data are not there")
@pytest.mark.parametrize("name", ["mnist_conv", "residual_block", "digits/digits_res", "digits/digits_dw"])
def test_models_of_others_agree_with_onnxruntime(name):
    path = SHARED / f"{name}.onnx"
    graph = load(path)
    rng = np.random.default_rng(0)
    inputs = {tensor.name: rng.random(tensor.shape, np.float32) for tensor in graph.inputs}
    assert_close(run_float(graph, network_inputs(graph, inputs, "data")), onnxruntime_outputs(str(path), inputs))

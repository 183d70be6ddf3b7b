"""Convolutions of all ranks, transposed ones, pools and resizing: values of onnxruntime, work counted by hand."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from onnx import helper

import archsim
from archsim import frontend, values
from archsim.errors import InputError
from archsim.graph import LayoutLayer, MatrixLayer, Pointwise, VectorLayer
from tests.frontend.models import model, numbers
from tests.frontend.test_against_onnxruntime import assert_agrees

node = helper.make_node


def transposed(shape, weights, bias: bool = False, **attributes) -> onnx.ModelProto:
    constants = {"w": numbers(*weights)}
    if bias:
        constants["b"] = numbers(weights[1] * attributes.get("group", 1), seed=5)
    return model(
        [node("ConvTranspose", ["x", *constants], ["y"], name="n", **attributes)], {"x": shape}, ("y",), constants
    )


def imported(proto: onnx.ModelProto):
    return frontend.from_model(proto, source="net.onnx", base_dir=None)


TRANSPOSED = {
    "as large as its kernel": transposed((1, 3, 4, 5), (3, 2, 2, 2), bias=True, strides=[2, 2]),
    "overlapping": transposed((2, 3, 4, 5), (3, 2, 3, 3), bias=True, strides=[2, 2], pads=[1, 1, 1, 1]),
    "output_padding": transposed((1, 3, 4, 5), (3, 2, 3, 3), strides=[2, 3], output_padding=[1, 2]),
    "output_shape": transposed((1, 3, 4, 5), (3, 2, 3, 3), strides=[2, 2], output_shape=[8, 10]),
    "SAME_UPPER": transposed((1, 3, 4, 5), (3, 2, 4, 3), strides=[2, 2], auto_pad="SAME_UPPER"),
    "SAME_LOWER": transposed((1, 3, 4, 5), (3, 2, 3, 4), strides=[2, 2], auto_pad="SAME_LOWER"),
    "gaps": transposed((1, 3, 4, 5), (3, 2, 2, 1), bias=True, strides=[3, 2]),
    "groups": transposed((1, 6, 4, 5), (6, 2, 3, 2), bias=True, group=3, strides=[2, 1]),
    "dilated": transposed((1, 2, 4, 5), (2, 3, 3, 2), dilations=[2, 3], pads=[0, 1, 2, 1]),
    "1-D": transposed((1, 2, 7), (2, 3, 4), bias=True, strides=[2], pads=[1, 1]),
    "3-D": transposed((1, 2, 3, 4, 2), (2, 3, 2, 3, 2), bias=True, strides=[2, 1, 2], pads=[0, 1, 0, 1, 0, 0]),
}


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed_convolution_agrees_with_onnxruntime(name: str) -> None:
    proto = TRANSPOSED[name]
    shape = [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    assert_agrees(proto, {"x": numbers(*shape, seed=1)})


def test_transposed_convolution_is_a_matrix_with_one_window_for_each_input_position() -> None:
    matrix, places, sums = imported(TRANSPOSED["overlapping"]).layers
    assert isinstance(matrix, MatrixLayer)
    assert (matrix.rows, matrix.outputs, matrix.windows) == (3, 2 * 3 * 3, 2 * 4 * 5)
    assert matrix.macs == 3 * 2 * 9 * 40
    assert isinstance(places, LayoutLayer)
    assert isinstance(sums, VectorLayer)
    # Kernel 3 at stride 2: two products meet along each axis at most, four in all, and the bias.
    assert len(sums.operands) == 5
    assert sums.operations == 4 * math.prod((2, 2, 7, 9))
    assert sums.access == Pointwise()


def test_products_that_do_not_meet_take_no_additions() -> None:
    matrix, places = imported(TRANSPOSED["as large as its kernel"]).layers
    assert isinstance(matrix, MatrixLayer)
    assert isinstance(places, LayoutLayer)
    assert matrix.bias is not None
    np.testing.assert_array_equal(matrix.bias.load(), np.repeat(numbers(2, seed=5), 4))


def test_groups_of_a_transposed_convolution_are_matrices_of_their_own() -> None:
    matrix = imported(TRANSPOSED["groups"]).layers[0]
    assert isinstance(matrix, MatrixLayer)
    assert (matrix.groups, matrix.rows, matrix.outputs) == (3, 2, 6 * 3 * 2)
    assert matrix.weights.shape == (3, 2, 12)


VOLUMES = {
    "Conv": node("Conv", ["x", "w"], ["y"], strides=[1, 2, 1], pads=[1, 0, 1, 0, 2, 1], dilations=[1, 1, 2]),
    "MaxPool": node("MaxPool", ["x"], ["y"], kernel_shape=[2, 3, 2], strides=[1, 2, 2], pads=[0, 1, 1, 1, 0, 0]),
    "AveragePool": node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2, 2], strides=[2, 2, 2], ceil_mode=1),
    "LpPool": node("LpPool", ["x"], ["y"], kernel_shape=[2, 2, 2], p=3),
    "GlobalLpPool": node("GlobalLpPool", ["x"], ["y"], p=3),
    "GlobalMaxPool": node("GlobalMaxPool", ["x"], ["y"]),
}


@pytest.mark.parametrize("name", VOLUMES)
def test_convolutions_and_pools_over_three_axes_agree_with_onnxruntime(name: str) -> None:
    constants = {"w": numbers(4, 2, 2, 3, 2)} if name == "Conv" else {}
    proto = model([VOLUMES[name]], {"x": (1, 2, 5, 6, 7)}, constants=constants)
    assert_agrees(proto, {"x": numbers(1, 2, 5, 6, 7, seed=1)})


def test_convolution_over_three_axes_runs_window_by_window() -> None:
    proto = model([VOLUMES["Conv"]], {"x": (1, 2, 5, 6, 7)}, constants={"w": numbers(4, 2, 2, 3, 2)})
    graph = imported(proto)
    (layer,) = graph.matrix_layers
    windows = math.prod(graph.tensors["y"].shape) // 4
    assert (layer.rows, layer.windows) == (2 * 2 * 3 * 2, windows)
    # One copy, 16 reads a window at 16 bit, and the fixed latency behind the last of them.
    result = archsim.simulate(graph, "isaac", settings=["copies.policy=none"], ideal=True)
    assert result.latency_cycles == 16 * windows + 6


def test_places_of_the_largest_elements_are_those_of_onnxruntime_and_cost_as_much_again() -> None:
    for attributes in ({}, {"storage_order": 1}, {"strides": [2, 1], "pads": [1, 1, 0, 1]}):
        nodes = [node("MaxPool", ["x"], ["y", "z"], kernel_shape=[2, 3], **attributes)]
        proto = model(nodes, {"x": (2, 2, 5, 6)}, ("y", "z"))
        proto.graph.output[1].type.tensor_type.elem_type = onnx.TensorProto.INT64
        largest, places = imported(proto).layers
        assert isinstance(largest, VectorLayer)
        assert isinstance(places, VectorLayer)
        assert places.operations == largest.operations
        assert_agrees(proto, {"x": numbers(2, 2, 5, 6, seed=2)})


def resized(shape, opset: int = 18, scales=None, sizes=None, **attributes) -> onnx.ModelProto:
    constants = {"s": np.float32(scales)} if sizes is None else {"s": np.array(sizes)}
    inputs = ["x", "", "s"] if sizes is None else ["x", "", "", "s"]
    return model([node("Resize", inputs, ["y"], **attributes)], {"x": shape}, constants=constants, opset=opset)


RESIZED = {
    "bilinear": resized((1, 2, 3, 4), scales=[1, 1, 2, 2], mode="linear"),
    "bilinear, old": model(
        [node("Upsample", ["x", "s"], ["y"], mode="linear")],
        {"x": (1, 2, 3, 4)},
        constants={"s": np.float32([1, 1, 2, 3])},
        opset=9,
    ),
    "bilinear, oldest": model(
        [node("Upsample", ["x"], ["y"], mode="nearest", scales=[1.0, 1.0, 2.0, 3.0])], {"x": (1, 2, 3, 4)}, opset=7
    ),
    "corners": resized((1, 2, 3, 4), sizes=[1, 2, 5, 9], mode="linear", coordinate_transformation_mode="align_corners"),
    "trilinear": resized((1, 1, 3, 4, 2), scales=[1, 1, 2, 1.5, 2], mode="linear"),
    "bicubic": resized((1, 2, 5, 4), scales=[1, 1, 2, 1.6], mode="cubic", cubic_coeff_a=-0.5),
    "bicubic inside": resized((1, 1, 5, 4), scales=[1, 1, 2, 2], mode="cubic", exclude_outside=1),
    "antialiased": resized((1, 1, 9, 8), scales=[1, 1, 0.4, 0.5], mode="linear", antialias=1),
    "two axes": resized((1, 2, 3, 4), sizes=[6, 6], mode="linear", axes=[2, 3]),
}


@pytest.mark.parametrize("name", RESIZED)
def test_resizing_agrees_with_onnxruntime(name: str) -> None:
    proto = RESIZED[name]
    shape = [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    assert_agrees(proto, {"x": numbers(*shape, seed=1)})


def test_interpolation_takes_products_and_additions_of_its_neighbours() -> None:
    taps, sums = imported(RESIZED["bilinear"]).layers
    assert isinstance(taps, LayoutLayer)
    assert isinstance(sums, VectorLayer)
    assert len(sums.operands) == 4
    assert sums.operations == (4 + 3) * math.prod((1, 2, 6, 8))
    (cubic,) = [layer for layer in imported(RESIZED["bicubic"]).layers if isinstance(layer, VectorLayer)]
    assert cubic.operations == (16 + 15) * math.prod((1, 2, 10, 6))


def test_axes_that_stay_have_no_neighbours() -> None:
    (sums,) = [
        layer
        for layer in imported(resized((1, 2, 3, 4), scales=[1, 1, 1, 2], mode="linear")).layers
        if isinstance(layer, VectorLayer)
    ]
    assert sums.operations == (2 + 1) * math.prod((1, 2, 3, 8))
    assert not [layer for layer in imported(resized((1, 2, 3), scales=[1, 1, 1], mode="linear")).layers if layer.nodes][
        1:
    ]


def test_pixel_of_a_resized_map_waits_for_its_neighbours_alone() -> None:
    nodes = [
        node("Conv", ["x", "v"], ["c"]),
        node("Resize", ["c", "", "s"], ["r"], mode="linear"),
        node("Conv", ["r", "w"], ["y"]),
    ]
    constants = {"v": numbers(2, 1, 1, 1), "s": np.float32([1, 1, 2, 2]), "w": numbers(2, 2, 1, 1)}
    graph = imported(model(nodes, {"x": (1, 1, 6, 6)}, constants=constants))
    # The first pixel is done after 16 reads and the fixed latency of 6; from then on the 144 windows of the second
    # convolution never wait: the first is four times as fast.
    result = archsim.simulate(graph, "isaac", settings=["copies.policy=none"], ideal=True)
    assert result.latency_cycles == 16 + 6 + 16 * 144 + 6


def test_computed_indices_take_an_operation_for_each_element_they_move() -> None:
    nodes = [
        node("ArgMax", ["x"], ["i"], axis=1, keepdims=0),
        node("Gather", ["x", "i"], ["y"], axis=1, name="gather"),
    ]
    layer = next(layer for layer in imported(model(nodes, {"x": (3, 4)})).layers if layer.name == "gather")
    assert isinstance(layer, VectorLayer)
    assert layer.operations == 3 * 3
    assert_agrees(model(nodes, {"x": (3, 4)}), {"x": numbers(3, 4)})


def test_computed_index_out_of_the_data_is_an_error_of_the_run() -> None:
    nodes = [
        node("Cast", ["x"], ["i"], to=onnx.TensorProto.INT64),
        node("Gather", ["x", "i"], ["y"], name="gather"),
    ]
    graph = imported(model(nodes, {"x": (3,)}))
    with pytest.raises(InputError, match=r"node 'gather' \(Gather\): got index 3, expected -3 to 2"):
        values.run_float(graph, {"x": np.float32([0, 3, 1])})

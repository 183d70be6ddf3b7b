"""Whole networks: float outputs, shapes and MACs agree with onnxruntime and ONNX's shape inference."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, shape_inference

from archsim import frontend
from tests.frontend.evaluate import evaluate
from tests.frontend.models import LIGHT, SHARED, model, numbers

node = helper.make_node


def assert_agrees(proto: onnx.ModelProto, feeds: dict[str, np.ndarray], shapes=None, rtol: float = 1e-4) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, feeds)
    graph = frontend.from_model(proto, source="model", base_dir=None, shapes=shapes)
    got = evaluate(graph, feeds)
    for name, array in zip(graph.outputs, expected, strict=True):
        assert got[name].shape == array.shape
        assert array.std() > 0 or array.size == 1
        np.testing.assert_allclose(got[name], array, rtol=rtol, atol=1e-5 * max(1.0, float(np.abs(array).max())))


def conv(shape: tuple[int, ...], weights: tuple[int, ...], **attributes) -> onnx.ModelProto:
    return model([node("Conv", ["x", "w"], ["y"], **attributes)], {"x": shape}, constants={"w": numbers(*weights)})


CONVS = {
    "1-D": conv((2, 3, 11), (4, 3, 3), pads=[1, 0], strides=[2]),
    "grouped": conv((1, 6, 7, 7), (9, 2, 3, 3), group=3, pads=[1, 1, 1, 1]),
    "depthwise with multiplier": conv((1, 4, 6, 5), (8, 1, 3, 2), group=4, strides=[1, 2]),
    "dilated, uneven pads": conv((1, 2, 9, 8), (3, 2, 3, 3), dilations=[2, 1], pads=[2, 0, 1, 3], strides=[1, 3]),
    "SAME_UPPER": conv((1, 2, 7, 8), (3, 2, 4, 3), auto_pad="SAME_UPPER", strides=[2, 3]),
    "SAME_LOWER": conv((1, 2, 7, 8), (3, 2, 4, 3), auto_pad="SAME_LOWER", strides=[2, 2]),
    "VALID": conv((1, 2, 7, 8), (3, 2, 4, 3), auto_pad="VALID", strides=[2, 2]),
}


@pytest.mark.parametrize("name", CONVS)
def test_convolution_agrees_with_onnxruntime(name: str) -> None:
    proto = CONVS[name]
    shape = [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    assert_agrees(proto, {"x": numbers(*shape, seed=1)})


def single(op: str, shape, opset: int = 17, constants=None, **attributes) -> onnx.ModelProto:
    inputs = ["x", *(constants or {})]
    return model([node(op, inputs, ["y"], **attributes)], {"x": shape}, constants=constants, opset=opset)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


OLD_AND_NEW_FORMS = {
    "Softmax 11 flattens": single("Softmax", (2, 3, 4), 11, axis=1),
    "Softmax 11 default axis": single("Softmax", (2, 3, 4), 11),
    "Softmax 13": single("Softmax", (2, 3, 4), 13, axis=1),
    "Clip 7 attributes": single("Clip", (3, 4), 7, min=-0.5, max=0.25),
    "Clip 13 inputs": single("Clip", (3, 4), 13, {"low": np.float32(-0.5), "high": np.float32(0.25)}),
    "Pad 7 attribute": single("Pad", (1, 2, 3), 7, pads=[0, 1, 2, 0, 0, -1], value=1.5),
    "Pad 13 reflect": single("Pad", (1, 5, 6), 13, {"pads": ints(0, 1, 2, 0, 0, 3)}, mode="reflect"),
    "Pad 13 edge": single("Pad", (1, 5, 6), 13, {"pads": ints(0, 1, 2, 0, 0, 3)}, mode="edge"),
    "Squeeze 11": single("Squeeze", (1, 3, 1, 2), 11, axes=[0, -2]),
    "Squeeze all": single("Squeeze", (1, 3, 1, 2), 13),
    "Unsqueeze 11": single("Unsqueeze", (3, 2), 11, axes=[0, 2]),
    "Unsqueeze 13": single("Unsqueeze", (3, 2), 13, {"axes": ints(-1, 0)}),
    "Slice 9": single("Slice", (5, 6), 9, axes=[1], starts=[1], ends=[-1]),
    "Slice backwards": single("Slice", (5, 6), 13, {"s": ints(4), "e": ints(-100), "a": ints(0), "t": ints(-2)}),
    "ReduceMax 11": single("ReduceMax", (2, 3, 4), 11, axes=[1], keepdims=0),
    "ReduceSum 13": single("ReduceSum", (2, 3, 4), 13, {"axes": ints(-1)}, keepdims=1),
    "Dropout 11": single("Dropout", (2, 3), 11, ratio=0.3),
    "AveragePool with pads": single(
        "AveragePool", (1, 2, 7, 7), 19, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], count_include_pad=1
    ),
    "AveragePool ceil": single(
        "AveragePool", (1, 2, 8, 7), 19, kernel_shape=[3, 2], pads=[1, 0, 0, 1], strides=[3, 2], ceil_mode=1
    ),
    "AveragePool dilated": single("AveragePool", (1, 2, 8, 7), 19, kernel_shape=[3, 2], dilations=[2, 3]),
    "MaxPool ceil": single("MaxPool", (1, 2, 8, 6), 12, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "MaxPool SAME": single("MaxPool", (1, 2, 8, 7), 12, kernel_shape=[3, 2], strides=[3, 2], auto_pad="SAME_LOWER"),
    "MaxPool 1-D dilated": single("MaxPool", (1, 2, 9), 12, kernel_shape=[3], dilations=[3]),
    "LRN": single("LRN", (2, 5, 2, 2), size=3, alpha=0.3, beta=0.6, bias=2.0),
    "LeakyRelu": single("LeakyRelu", (3, 4), alpha=0.3),
    "HardSwish": single("HardSwish", (3, 4)),
    "DepthToSpace CRD": single("DepthToSpace", (1, 8, 2, 3), blocksize=2, mode="CRD"),
    "Upsample 9": single("Upsample", (1, 2, 3, 4), 9, {"s": np.float32([1, 1, 2, 1.5])}),
    "Upsample 7": single("Upsample", (1, 2, 3, 4), 7, scales=[1.0, 1.0, 2.0, 3.0]),
    "Resize 10": single("Resize", (1, 2, 3, 4), 10, {"s": np.float32([1, 1, 1.7, 1.5])}),
    "Flatten end": single("Flatten", (2, 3, 4), axis=3),
    "Gemm alpha, beta, transposed": model(
        [node("Gemm", ["x", "w", "c"], ["y"], alpha=0.5, beta=2.0, transB=1)],
        {"x": (3, 4)},
        constants={"w": numbers(5, 4), "c": numbers(5)},
    ),
    "Gemm transposed activations, C per window": model(
        [node("Gemm", ["x", "w", "c"], ["y"], transA=1, beta=3.0)],
        {"x": (4, 3)},
        constants={"w": numbers(4, 5), "c": numbers(3, 1)},
    ),
    "Gemm, C computed": model(
        [node("Relu", ["x"], ["c"]), node("Gemm", ["x", "w", "c"], ["y"])],
        {"x": (4, 4)},
        constants={"w": numbers(4, 4)},
    ),
    "MatMul of 1-D data": model([node("MatMul", ["x", "w"], ["y"])], {"x": (4,)}, constants={"w": numbers(4, 5)}),
    "MatMul of 4-D data": model(
        [node("MatMul", ["x", "w"], ["y"])], {"x": (2, 1, 3, 4)}, constants={"w": numbers(1, 4, 5)}
    ),
}


@pytest.mark.parametrize("name", OLD_AND_NEW_FORMS)
def test_forms_of_all_opsets_agree_with_onnxruntime(name: str) -> None:
    proto = OLD_AND_NEW_FORMS[name]
    shape = [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    assert_agrees(proto, {"x": numbers(*shape, seed=1)})


def test_corners_of_a_fractional_scale_are_those_of_the_onnx_reference_where_onnxruntime_differs() -> None:
    import onnxruntime
    from onnx.reference import ReferenceEvaluator

    scales = {"r": np.zeros(0, np.float32), "s": np.float32([1, 1, 1.7, 1.6])}
    attributes = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    proto = single("Resize", (1, 1, 3, 4), 17, scales, **attributes)
    feeds = {"x": numbers(1, 1, 3, 4)}
    got = evaluate(frontend.from_model(proto, source="model", base_dir=None), feeds)["y"]
    np.testing.assert_allclose(got, ReferenceEvaluator(proto).run(None, feeds)[0], rtol=1e-6)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    assert np.abs(got - session.run(None, feeds)[0]).max() > 0.1


def test_even_lrn_agrees_with_the_onnx_reference() -> None:
    from onnx.reference import ReferenceEvaluator

    # As many images as channels: the reference takes the one for the other.
    proto, data = single("LRN", (7, 7, 2, 2), size=4, alpha=0.3, beta=0.6, bias=2.0), numbers(7, 7, 2, 2)
    got = evaluate(frontend.from_model(proto, source="model", base_dir=None), {"x": data})["y"]
    np.testing.assert_allclose(got, ReferenceEvaluator(proto).run(None, {"x": data})[0], rtol=1e-5)


LIGHT_MODELS = sorted(path.stem for path in LIGHT.glob("*.onnx"))


@pytest.mark.parametrize("name", LIGHT_MODELS)
def test_macs_and_shapes_of_large_networks_are_those_of_onnx_shape_inference(name: str) -> None:
    graph = frontend.load(LIGHT / f"{name}.onnx")
    inferred = shape_inference.infer_shapes(onnx.load(LIGHT / f"{name}.onnx"), data_prop=True).graph
    shapes = {
        each.name: tuple(dim.dim_value for dim in each.type.tensor_type.shape.dim)
        for each in [*inferred.value_info, *inferred.output, *inferred.input]
    }
    macs = 0
    for proto in inferred.node:
        if proto.op_type == "Conv":
            macs += math.prod(shapes[proto.output[0]]) * math.prod(shapes[proto.input[1]][1:])
        elif proto.op_type == "Gemm":
            macs += math.prod(shapes[proto.input[1]]) * shapes[proto.output[0]][0]
    assert graph.macs == macs > 0
    assert graph.coverage.nodes == len(inferred.node)
    for tensor in graph.tensors.values():
        assert shapes[tensor.name] == tensor.shape


def with_numbers(name: str) -> onnx.ModelProto:
    """A large network with random numbers, scaled to keep activations in range, in place of its zeros, and
    without the Softmax at its end, which would hide differences."""
    proto = onnx.load(LIGHT / f"{name}.onnx")
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    kept = []
    for index, each in enumerate(proto.graph.node):
        if each.op_type == "ConstantOfShape":
            shape = tuple(constants[each.input[0]])
            array = numbers(*shape, seed=index)
            few = len(shape) == 1
            array = 0.5 + np.abs(array) / 2 if few else array * np.float32(math.sqrt(2 / math.prod(shape[1:])))
            proto.graph.initializer.append(numpy_helper.from_array(array, each.output[0]))
        else:
            kept.append(each)
    if kept[-1].op_type == "Softmax":
        proto.graph.output[0].name = kept.pop().input[0]
        proto.graph.output[0].type.tensor_type.ClearField("shape")
    del proto.graph.node[:]
    proto.graph.node.extend(kept)
    return proto


@pytest.mark.parametrize(
    "name",
    [
        "light_shufflenet",
        pytest.param("light_squeezenet", marks=pytest.mark.slow),
        pytest.param("light_resnet50", marks=pytest.mark.slow),
        pytest.param("light_inception_v2", marks=pytest.mark.slow),
        pytest.param("light_densenet121", marks=pytest.mark.slow),
    ],
)
def test_large_networks_agree_with_onnxruntime(name: str) -> None:
    proto = with_numbers(name)
    feeds = next(each.name for each in proto.graph.input if "data" in each.name)
    assert_agrees(proto, {feeds: numbers(1, 3, 224, 224, seed=3)}, rtol=1e-3)


TRAINED = {
    "mnist_conv": {"Input3": (1, 1, 28, 28)},
    "residual_block": {"global_in": (1, 1, 200, 200)},
    "espcn_nn_resize": {"onnx::Relu_0": (1, 3, 128, 128)},
    "espcn_subpixel": {"input": (1, 3, 4, 4)},
    "dnsmos_p808": {"input_1": (1, 900, 120)},
    "ppocr_cls": {"x": (1, 3, 48, 192)},
    "silero_enc": {"input": (2, 576)},
    "silero_dec": {"input": (3, 128), "state": (2, 3, 128)},
}


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the trained models are not part of this repository")
@pytest.mark.parametrize("name", TRAINED)
def test_trained_networks_agree_with_onnxruntime(name: str) -> None:
    feeds = {key: numbers(*shape, seed=4) for key, shape in TRAINED[name].items()}
    assert_agrees(onnx.load(SHARED / f"{name}.onnx"), feeds, shapes=TRAINED[name])

"""Quantised ops answer what onnxruntime answers, in floating point and through crossbars; sums of integers exactly."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from archsim import backend, frontend
from archsim.errors import InputError
from archsim.graph import MatrixLayer
from tests.frontend.models import model, numbers

MICROSOFT = "com.microsoft"


def integers(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max, shape, dtype, endpoint=True)


def network(op: str, feeds, inputs, constants=None, *, outputs=("y",), domain: str = "", **attributes):
    """One node; `feeds` holds the arrays fed, `inputs` its operands in order."""
    node = helper.make_node(op, inputs, list(outputs), "n", domain=domain, **attributes)
    graph = helper.make_graph(
        [node],
        "net",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in feeds.items()
        ],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10), feeds


def u8(number: int) -> np.ndarray:
    return np.uint8(number)


def f32(*numbers: float) -> np.ndarray:
    return np.array(numbers if len(numbers) > 1 else numbers[0], np.float32)


IMAGE = {"x": integers(2, 4, 6, 5)}
ROWS = {"x": integers(3, 20)}
SIGNED_ROWS = {"x": integers(3, 20, dtype=np.int8)}
QCONV = ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"]


def quantised_conv(weights, weight_scales, weight_zeros, bias=None, **attributes):
    constants = {
        "xs": f32(0.02), "xz": u8(113), "w": weights, "ws": weight_scales, "wz": weight_zeros,
        "ys": f32(0.3), "yz": u8(120), **({} if bias is None else {"b": bias}),
    }  # fmt: skip
    return network("QLinearConv", IMAGE, [*QCONV, *([] if bias is None else ["b"])], constants, **attributes)


SUMS = {
    "pads are zero points": network(
        "ConvInteger", IMAGE, ["x", "w", "xz"], {"w": integers(3, 4, 3, 3, seed=1), "xz": u8(131)}, pads=[1, 2, 0, 1]
    ),
    "zero point of each output": network(
        "ConvInteger",
        IMAGE,
        ["x", "w", "xz", "wz"],
        {"w": integers(3, 4, 3, 2, seed=1), "xz": u8(7), "wz": np.array([3, 128, 250], np.uint8)},
        strides=[2, 1],
    ),
    "groups": network(
        "ConvInteger", IMAGE, ["x", "w", "xz"], {"w": integers(6, 2, 3, 3, seed=1), "xz": u8(9)}, group=2
    ),
    "no zero points": network("ConvInteger", IMAGE, ["x", "w"], {"w": integers(3, 4, 3, 3, seed=1)}),
    "zero point known at run time": network(
        "ConvInteger",
        {**IMAGE, "z": np.array(77, np.uint8)},
        ["x", "w", "z"],
        {"w": integers(3, 4, 3, 3, seed=1)},
        pads=[1, 0, 2, 1],
        strides=[1, 2],
        dilations=[2, 1],
    ),
    "product": network("MatMulInteger", ROWS, ["x", "w", "z"], {"w": integers(20, 4, seed=1), "z": u8(200)}),
    "signed product": network(
        "MatMulInteger",
        SIGNED_ROWS,
        ["x", "w", "z", "wz"],
        {"w": integers(20, 4, dtype=np.int8, seed=1), "z": np.int8(-3), "wz": np.array([1, -9, 100, -128], np.int8)},
    ),
}


def onnxruntime_of(proto: onnx.ModelProto, feeds) -> list[np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


@pytest.mark.parametrize("precision", ["float", "int"])
@pytest.mark.parametrize("name", SUMS)
def test_sums_of_integers_are_those_of_onnx(name: str, precision: str):
    proto, feeds = SUMS[name]
    (expected,) = ReferenceEvaluator(proto).run(None, feeds)
    (got,) = backend.run_model(proto, feeds, precision=precision)
    assert got.dtype == expected.dtype == np.int32
    assert len(np.unique(expected)) > 4
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("precision", ["float", "int"])
def test_sums_beyond_32_bits_wrap_around_as_in_onnx(precision: str):
    feeds = {"x": np.full((1, 40_000), 255, np.uint8)}
    proto, _ = network("MatMulInteger", feeds, ["x", "w"], {"w": np.full((40_000, 1), 255, np.uint8)})
    (expected,) = ReferenceEvaluator(proto).run(None, feeds)
    assert expected.item() == 40_000 * 255 * 255 - 2**32
    np.testing.assert_array_equal(backend.run_model(proto, feeds, precision=precision)[0], expected)


@pytest.mark.parametrize("precision", ["float", "int"])
def test_a_zero_point_computed_at_run_time_is_subtracted_where_the_map_is(precision: str):
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("ConvInteger", ["q", "w", "z"], ["y"], pads=[1, 2, 0, 1], strides=[1, 2]),
    ]
    proto = model(nodes, {"x": [1, 2, 5, 6]}, ("y",), {"w": integers(3, 2, 3, 3)})
    proto.graph.output[0].ClearField("type")
    feeds = {"x": numbers(1, 2, 5, 6)}
    (expected,) = onnxruntime_of(proto, feeds)
    np.testing.assert_array_equal(backend.run_model(proto, feeds, precision=precision)[0], expected)


def two(op: str, *, shape=(3, 20), zero=True):
    feeds = {"x": integers(3, 20), "v": integers(*shape, seed=1)}
    constants = {"as": f32(0.03), "az": u8(120), "bs": f32(0.011), "bz": u8(99), "ys": f32(0.04), "yz": u8(100)}
    inputs = ["x", "as", "az" if zero else "", "v", "bs", "bz" if zero else "", "ys", *(["yz"] if zero else [])]
    return network(op, feeds, inputs, constants, domain=MICROSOFT)


def one(op: str, feeds=None, *, scale: float = 0.04, yz: int = 100, **attributes):
    constants = {"xs": f32(0.03), "xz": u8(120), "ys": f32(scale), "yz": u8(yz)}
    return network(op, feeds or ROWS, ["x", "xs", "xz", "ys", "yz"], constants, domain=MICROSOFT, **attributes)


def qgemm(*, bias=True, result=True, **attributes):
    weights = integers(20, 4, dtype=np.uint8, seed=1)
    constants = {"xs": f32(0.02), "xz": u8(113), "w": weights, "ws": f32(0.01, 0.02, 0.015, 0.03)}
    constants |= {"wz": np.array([120, 128, 131, 99], np.uint8), "b": np.array([100, -200, 3, 40], np.int32)}
    constants |= {"ys": f32(0.3), "yz": u8(120)} if result else {}
    inputs = ["x", "xs", "xz", "w", "ws", "wz", "b" if bias else "", *(["ys", "yz"] if result else [])]
    if attributes.get("transB"):
        constants["w"] = weights.T.copy()
    return network("QGemm", ROWS, inputs, constants, domain=MICROSOFT, **attributes)


def to_float(dynamic: bool):
    weights, zero = integers(20, 4, dtype=np.int8, seed=1), np.array([1, -9, 100, -128], np.int8)
    constants = {"w": weights, "ws": f32(0.01), "wz": np.int8(3), "b": numbers(4)}
    if dynamic:
        return network(
            "DynamicQuantizeMatMul", {"x": numbers(3, 20)}, ["x", "w", "ws", "wz", "b"], constants, domain=MICROSOFT
        )
    constants |= {"xs": f32(0.02), "xz": u8(113), "ws": f32(0.01, 0.02, 0.015, 0.03), "wz": zero}
    inputs = ["x", "w", "xs", "ws", "xz", "wz", "b"]
    return network("MatMulIntegerToFloat", ROWS, inputs, constants, domain=MICROSOFT)


def concatenation():
    feeds = {"x": integers(2, 3, 4), "v": integers(2, 5, 4, seed=1)}
    constants = {"ys": f32(0.04), "yz": u8(90), "as": f32(0.03), "az": u8(120), "bs": f32(0.05), "bz": u8(100)}
    return network(
        "QLinearConcat", feeds, ["ys", "yz", "x", "as", "az", "v", "bs", "bz"], constants, domain=MICROSOFT, axis=1
    )


STEPS = {
    "QLinearConv": quantised_conv(
        integers(6, 4, 3, 3, dtype=np.int8, seed=1), f32(*np.linspace(0.001, 0.03, 6)), np.zeros(6, np.int8),
        np.arange(-3000, 3000, 1000, np.int32), pads=[1, 1, 1, 1],
    ),
    "QLinearConv of uint8": quantised_conv(integers(3, 4, 2, 2, seed=1), f32(0.01), u8(140), group=1),
    "QLinearMatMul": network(
        "QLinearMatMul", ROWS, QCONV,
        {"xs": f32(0.02), "xz": u8(113), "w": integers(20, 4, dtype=np.int8), "ws": f32(0.01), "wz": np.int8(3),
         "ys": f32(0.5), "yz": u8(120)},
    ),
    "QGemm": qgemm(),
    "QGemm transposed": qgemm(transB=1, alpha=0.5, bias=False),
    "QGemm to numbers": qgemm(result=False),
    "MatMulIntegerToFloat": to_float(dynamic=False),
    "DynamicQuantizeMatMul": to_float(dynamic=True),
    "QLinearAdd": two("QLinearAdd"),
    "QLinearAdd broadcast": two("QLinearAdd", shape=(20,)),
    "QLinearMul": two("QLinearMul"),
    "QLinearLeakyRelu": one("QLinearLeakyRelu", alpha=0.2),
    "QLinearSigmoid": one("QLinearSigmoid", scale=1 / 256, yz=0),
    "QLinearSoftmax": one("QLinearSoftmax", scale=1 / 256, yz=0, opset=13, axis=1),
    "QLinearAveragePool": one("QLinearAveragePool", IMAGE, kernel_shape=[2, 3], strides=[2, 1], pads=[1, 0, 0, 1]),
    "QLinearGlobalAveragePool": one("QLinearGlobalAveragePool", IMAGE, channels_last=0),
    "QLinearConcat": concatenation(),
}  # fmt: skip


@pytest.mark.parametrize("precision", ["float", "int"])
@pytest.mark.parametrize("name", STEPS)
def test_results_are_within_a_step_of_onnxruntime(name: str, precision: str):
    proto, feeds = STEPS[name]
    (expected,) = onnxruntime_of(proto, feeds)
    (got,) = backend.run_model(proto, feeds, precision=precision)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    assert len(np.unique(expected)) > 4
    if expected.dtype == np.float32:
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    else:
        apart = np.abs(got.astype(int) - expected.astype(int))
        assert apart.max() <= 1
        assert np.mean(apart > 0) < 0.05


def test_zero_points_left_out_are_0():
    proto, feeds = two("QLinearMul", zero=False)
    (without,) = backend.run_model(proto, feeds)
    proto, _ = two("QLinearMul")
    for tensor in proto.graph.initializer:
        if tensor.name in ("az", "bz", "yz"):
            tensor.CopyFrom(numpy_helper.from_array(u8(0), tensor.name))
    np.testing.assert_array_equal(without, onnxruntime_of(proto, feeds)[0])


def test_zero_points_cost_nothing_where_they_are_known_and_two_operations_where_they_are_not():
    known = frontend.from_model(SUMS["pads are zero points"][0], source="net", base_dir=None)
    assert [type(layer) for layer in known.layers] == [MatrixLayer]
    late = frontend.from_model(SUMS["zero point known at run time"][0], source="net", base_dir=None)
    sums, correction = late.layers
    assert correction.operations == 2 * late.tensors["y"].elements
    assert (sums.nodes, correction.nodes) == (("n",), ())
    assert late.macs == 4 * 9 * late.tensors["y"].elements


@pytest.mark.parametrize(
    ("name", "per_element"),
    [("QLinearConv", 2), ("QGemm", 2), ("QGemm to numbers", 1), ("MatMulIntegerToFloat", 2)],
)
def test_what_follows_the_sums_is_charged(name: str, per_element: int):
    graph = frontend.from_model(STEPS[name][0], source="net", base_dir=None)
    _, behind = graph.layers
    assert behind.operations == per_element * graph.tensors["y"].elements


@pytest.mark.parametrize(("name", "operations"), [("QLinearAdd", 5 * 60), ("QLinearSoftmax", 6 * 60)])
def test_vector_work_on_integers_pays_for_the_change_of_scales(name: str, operations: int):
    (layer,) = frontend.from_model(STEPS[name][0], source="net", base_dir=None).layers
    assert layer.operations == operations


def test_a_matrix_used_by_two_nodes_stands_in_the_crossbars_once():
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["a"]),
        helper.make_node("DequantizeLinear", ["w", "s"], ["b"]),
        helper.make_node("DequantizeLinear", ["w", "t"], ["c"]),
        helper.make_node("MatMul", ["x", "a"], ["p"]),
        helper.make_node("MatMul", ["p", "b"], ["q"]),
        helper.make_node("MatMul", ["q", "c"], ["y"]),
    ]
    constants = {"w": integers(4, 4, dtype=np.int8), "s": f32(0.1), "t": f32(0.2)}
    graph = frontend.from_model(model(nodes, {"x": [1, 4]}, ("y",), constants), source="net", base_dir=None)
    first, second, third = (layer.weights.key for layer in graph.matrix_layers)
    assert first == second != third
    assert graph.parameters == 32


ROW = {"x": integers(1, 4)}
SCALES = {
    "s": f32(0.1), "v": f32(0.1, 0.2), "z": u8(3), "i": np.int8(3), "w": integers(4, 2), "c": np.int32(3),
    "k": integers(2, 1, 2), "l": np.array([1, 2], np.uint8), "f": np.array([1, 2, 3], np.uint8),
}  # fmt: skip
REAL = {"x": numbers(1, 4)}


@pytest.mark.parametrize(
    ("op", "feeds", "inputs", "attributes", "message"),
    [
        ("DequantizeLinear", ROW, "x v", {}, r"scales of shape \(2,\), expected \(\) or \(4,\)"),
        ("DequantizeLinear", ROW, "x s i", {}, "zero point of type int8, expected uint8"),
        ("DequantizeLinear", REAL, "x s", {}, "input 0 of type float32, expected int8"),
        ("QuantizeLinear", REAL, "x v z", {}, r"zero points of shape \(\), expected that of the scales, \(2,\)"),
        ("QuantizeLinear", REAL, "x s", {"axis": 5}, None),
        ("QuantizeLinear", REAL, "x v", {"axis": 5}, "axis 5, expected -2 to 1"),
        ("QuantizeLinear", REAL, "x v", {"block_size": 3}, r"shape \(2,\) in blocks of 3, expected \(1, 2\)"),
        ("QuantizeLinear", REAL, "x s z", {"output_dtype": 3}, "output_dtype int8, expected the type of the zero"),
        ("QuantizeLinear", REAL, "x s", {"output_dtype": 7}, None),
        ("QuantizeLinear", REAL, "x c", {}, "scales of type int32, expected float16, float32, float64"),
        ("MatMulInteger", REAL, "x w", {}, "input 0 of type float32, expected int8, uint8"),
        ("MatMulInteger", {"x": integers(1, 5)}, "x w", {}, r"data of shape \(1, 5\), expected 4 in the last axis"),
        ("MatMulInteger", ROW, "x w i", {}, "zero point of data of type int8, expected uint8"),
        ("MatMulInteger", ROW, "x w l", {}, r"zero point of data of shape \(2,\), expected a shape that broadcasts"),
        ("MatMulInteger", ROW, "x w z f", {}, r"3 zero points, expected 1 or 2"),
        (
            "ConvInteger",
            {"x": integers(1, 1, 4)},
            "x k l",
            {},
            r"zero point of data of shape \(2,\), expected 1 in all",
        ),
        ("ConvInteger", ROW, "x w", {}, r"weights of shape \(4, 2\), expected \(M, C / groups, kernel\)"),
    ],
)
def test_what_does_not_fit_is_refused(op: str, feeds, inputs: str, attributes, message: str | None):
    names = inputs.split()
    proto, _ = network(op, feeds, names, {name: SCALES[name] for name in names[1:]}, **attributes)
    if message is None:
        frontend.from_model(proto, source="net", base_dir=None)
        return
    with pytest.raises(InputError, match=message):
        frontend.from_model(proto, source="net", base_dir=None)


def test_zero_points_of_a_digital_product_are_those_of_rows_and_columns():
    feeds = {"x": integers(2, 3, 4), "v": integers(2, 4, 5, seed=1)}
    rows, columns = np.array([7, 0, 200], np.uint8), np.array([1, 2, 3, 4, 250], np.uint8)
    proto, _ = network("MatMulInteger", feeds, ["x", "v", "a", "b"], {"a": rows, "b": columns})
    (got,) = backend.run_model(proto, feeds)
    left, right = feeds["x"].astype(int) - rows[:, None], feeds["v"].astype(int) - columns
    np.testing.assert_array_equal(got, left @ right)
    proto, _ = network("MatMulInteger", feeds, ["x", "v", "b"], {"b": columns})
    with pytest.raises(
        InputError, match=r"zero point of shape \(5,\), expected a shape that broadcasts to \(2, 3, 4\)"
    ):
        frontend.from_model(proto, source="net", base_dir=None)


def test_zero_points_of_rows_are_taken_off_row_by_row():
    rows = np.array([7, 0, 200], np.uint8)
    weights = integers(20, 4, seed=1)
    proto, _ = network("MatMulInteger", ROWS, ["x", "w", "a"], {"w": weights, "a": rows})
    for precision in ("float", "int"):
        (got,) = backend.run_model(proto, ROWS, precision=precision)
        np.testing.assert_array_equal(got, (ROWS["x"].astype(int) - rows[:, None]) @ weights.astype(int))


def test_only_floats_are_quantised_dynamically():
    proto, _ = network("DynamicQuantizeLinear", ROW, ["x"], outputs=("q", "s", "z"))
    with pytest.raises(InputError, match="input 0 of type uint8, expected float32"):
        frontend.from_model(proto, source="net", base_dir=None)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("xs", f32(1, 2), r"scale of data of shape \(2,\), expected 1 in all"),
        ("ys", f32(1, 2), r"scale of the result of shape \(2,\), expected 1 in all"),
        ("yz", np.zeros(2, np.uint8), r"zero point of shape \(2,\), expected 1 in all"),
        ("ws", f32(1, 2), r"scale of weights of shape \(2,\), expected 1 or 3 in all"),
    ],
)
def test_scales_of_a_quantised_convolution_must_fit(name: str, wrong: np.ndarray, message: str):
    proto, _ = quantised_conv(integers(3, 4, 2, 2), f32(0.01), u8(140))
    for tensor in proto.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(wrong, name))
    with pytest.raises(InputError, match=message):
        frontend.from_model(proto, source="net", base_dir=None)


def test_operands_of_a_digital_product_must_fit():
    proto, _ = network("MatMulInteger", {"x": integers(2, 3, 4), "v": integers(3, 5, 2)}, ["x", "v"])
    with pytest.raises(InputError, match=r"shapes \(2, 3, 4\) and \(3, 5, 2\), expected \(\.\.\., rows, k\)"):
        frontend.from_model(proto, source="net", base_dir=None)


def qgemm_of(inputs=("b",), **changed):
    known = {"s": f32(0.1), "t": f32(0.1), "z": u8(1), "w": SCALES["w"], "b": np.array([1, 2], np.int32), **changed}
    return network("QGemm", ROW, ["x", "s", "z", "w", "t", "z", *inputs], known, domain=MICROSOFT)


MICROSOFT_REFUSED = {
    "data of type int16, expected int8 or uint8": one("QLinearSigmoid", {"x": integers(3, 4, dtype=np.int16)}),
    "data of type float32, expected integers, or floats of 8 or 4 bits": network(
        "DequantizeLinear", REAL, ["x", "s"], {"s": f32(0.1)}, domain=MICROSOFT
    ),
    "scales of type uint8, expected float16, float32, float64": network(
        "DequantizeLinear", ROW, ["x", "s"], {"s": u8(1)}, domain=MICROSOFT
    ),
    "quantised type float32, expected integers": network(
        "QuantizeLinear", REAL, ["x", "s", "z"], {"s": f32(0.1), "z": f32(0.0)}, domain=MICROSOFT
    ),
    "data of type float32, expected int8, uint8, int16, uint16": network(
        "MatMulIntegerToFloat", REAL, ["x", "w", "s", "s"], {"w": SCALES["w"], "s": f32(0.1)}, domain=MICROSOFT
    ),
    "data of type uint8, expected float32": network(
        "DynamicQuantizeMatMul", ROW, ["x", "w", "s"], {"w": SCALES["w"], "s": f32(0.1)}, domain=MICROSOFT
    ),
    "bias of type float32, expected int32": network(
        "QGemm",
        ROW,
        ["x", "s", "z", "w", "s", "z", "b"],
        {"w": SCALES["w"], "s": f32(0.1), "z": u8(1), "b": f32(1, 2)},
        domain=MICROSOFT,
    ),
    "a zero point of the result and no scale, expected both, or none": qgemm_of(z2=u8(3), inputs=("b", "", "z2")),
    r"scale of data of shape \(2,\), expected 1 in all": qgemm_of(s=f32(1, 2)),
    r"scale of weights of shape \(3,\), expected 1 or 2 in all": qgemm_of(t=f32(1, 2, 3)),
    "zero point of the result of type float32": qgemm_of(z2=f32(3), inputs=("b", "s", "z2")),
    r"result of shape \(2,\), expected 1 in all": qgemm_of(z2=f32(3, 4), inputs=("b", "z2", "")),
    r"weights of shape \(1, 4, 2\), expected a matrix": qgemm_of(w=integers(1, 4, 2)),
    r"bias of shape \(3,\), expected a shape that broadcasts to \(1, 2\)": network(
        "MatMulIntegerToFloat",
        ROW,
        ["x", "w", "s", "s", "", "", "b"],
        {"w": SCALES["w"], "s": f32(0.1), "b": f32(1, 2, 3)},
        domain=MICROSOFT,
    ),
    "channels_last 1, expected channels_last 0": one("QLinearGlobalAveragePool", IMAGE, channels_last=1),
    r"operands of shapes \(3, 20\) and \(3, 7\), expected shapes that broadcast": two("QLinearAdd", shape=(3, 7)),
    "transA 1, expected transA 0": qgemm(transA=1),
    "no attribute opset, expected that attribute": one("QLinearSoftmax"),
    "attribute slope, expected one of alpha": one("QLinearLeakyRelu", slope=0.5),
    "2 inputs, expected 4 to 5": network("QLinearSigmoid", ROWS, ["x", "x"], domain=MICROSOFT),
}


@pytest.mark.parametrize("message", MICROSOFT_REFUSED)
def test_what_onnxruntimes_ops_do_not_take_is_refused(message: str):
    with pytest.raises(InputError, match=message):
        frontend.from_model(MICROSOFT_REFUSED[message][0], source="net", base_dir=None)


def quantised_lstm(*, directions: int = 1, per_gate: bool = False, wrong=None):
    """An LSTM of 3 steps, batch 1, 5 features and 4 hidden units."""
    scales = (directions, 16) if per_gate else (directions,)
    rng = np.random.default_rng(3)
    constants = {
        "w": integers(directions, 5, 16, dtype=np.int8), "r": integers(directions, 4, 16, dtype=np.int8, seed=1),
        "b": numbers(directions, 32), "ws": rng.uniform(0.004, 0.01, scales).astype(np.float32),
        "wz": np.zeros(scales, np.int8), "rs": rng.uniform(0.004, 0.01, scales).astype(np.float32),
        "rz": np.zeros(scales, np.int8), **(wrong or {}),
    }  # fmt: skip
    inputs = ["x", "w", "r", "b", "", "", "", "", "ws", "wz", "rs", "rz"]
    direction = "bidirectional" if directions == 2 else "forward"
    return network(
        "DynamicQuantizeLSTM", {"x": numbers(3, 1, 5)}, inputs, constants, outputs=("y", "h", "c"), domain=MICROSOFT,
        direction=direction, hidden_size=4,
    )  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"directions": 2}, {"per_gate": True}])
def test_an_lstm_quantised_as_it_runs_gives_the_numbers_of_onnxruntime(options):
    proto, feeds = quantised_lstm(**options)
    expected = onnxruntime_of(proto, feeds)
    for got, wanted in zip(backend.run_model(proto, feeds), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)
    for got, wanted in zip(backend.run_model(proto, feeds, precision="int"), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=2e-3)


def test_quantising_the_states_of_an_lstm_is_charged():
    graph = frontend.from_model(quantised_lstm()[0], source="net", base_dir=None)
    *before, layer = graph.layers
    assert [each.operations for each in before] == [2 * 15, 2, 2, 2 * 15, 15]
    plain = frontend.from_model(
        model([helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=4)], {"x": [3, 1, 5]}, ("y",),
              {"w": numbers(1, 16, 5), "r": numbers(1, 16, 4)}), source="net", base_dir=None,
    )  # fmt: skip
    assert layer.operations == plain.layers[0].operations + 3 * (5 * 4 + 4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"w": numbers(1, 5, 16)}, "weights of type float32, expected int8, uint8"),
        ({"w": integers(5, 16, dtype=np.int8)}, r"weights of shape \(5, 16\), expected \(directions, rows, gates\)"),
        ({"wz": np.zeros(1, np.uint8)}, "zero point of type uint8, expected int8"),
        ({"rs": np.ones(3, np.float32)}, r"scales of shape \(3,\), expected \(1,\) or \(1, 16\)"),
        ({"rz": np.zeros(3, np.int8)}, r"zero points of shape \(3,\), expected \(1,\) or \(1, 16\)"),
    ],
)
def test_an_lstm_of_wrong_integers_is_refused(wrong, message: str):
    with pytest.raises(InputError, match=message):
        frontend.from_model(quantised_lstm(wrong=wrong)[0], source="net", base_dir=None)

"""What the digital units are charged for element-wise ops, reductions, normalizations and products of activations, by
hand, and that values keep the types and the arithmetic of ONNX."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from archsim import frontend
from archsim.errors import InputError
from archsim.graph import Graph, MatrixLayer, Reduced, VectorLayer, Whole
from archsim.hardware import load_design
from archsim.mapping.vector_work import visits
from tests.frontend.evaluate import evaluate
from tests.frontend.models import model, numbers

node = helper.make_node


def single(op: str, shape, opset: int = 20, constants=None, **attributes) -> onnx.ModelProto:
    inputs = ["x", *(constants or {})]
    return model([node(op, inputs, ["y"], "n", **attributes)], {"x": shape}, constants=constants, opset=opset)


def graph_of(proto: onnx.ModelProto) -> Graph:
    return frontend.from_model(proto, source="net.onnx", base_dir=None)


def typed(op: str, *operands: np.ndarray, opset: int = 20, **attributes) -> tuple[onnx.ModelProto, dict]:
    """A model of one node whose inputs have the types of `operands`, and what to feed it."""
    names = [f"x{index}" for index in range(len(operands))]
    proto = model([node(op, names, ["y"], "n", **attributes)], dict.fromkeys(names, ()), opset=opset)
    feeds = dict(zip(names, operands, strict=True))
    del proto.graph.input[:]
    for name, array in feeds.items():
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        proto.graph.input.append(helper.make_tensor_value_info(name, kind, array.shape))
    return proto, feeds


ROWS, COLUMNS = 3, 4
SIZE = ROWS * COLUMNS
COSTS = {
    "Sin": ({}, SIZE),
    "Erf": ({}, SIZE),
    "IsNaN": ({}, SIZE),
    "Elu": ({}, SIZE),
    "Celu": ({"alpha": 2.0}, SIZE),
    "Selu": ({}, 2 * SIZE),
    "Gelu": ({}, 2 * SIZE),
    "Mish": ({}, 3 * SIZE),
    "Softsign": ({}, 2 * SIZE),
    "Softmax": ({}, 3 * SIZE),
    "LogSoftmax": ({"axis": 1}, 3 * SIZE + ROWS),
    "Hardmax": ({"axis": 0}, 2 * SIZE),
    "ReduceL1": ({}, 2 * SIZE),
    "ReduceL2": ({}, 2 * SIZE + 1),
    "ReduceLogSum": ({}, SIZE + 1),
    "ReduceLogSumExp": ({}, 2 * SIZE + 1),
    "ReduceSumSquare": ({}, 2 * SIZE),
    "ReduceMean": ({}, SIZE),
    "ArgMax": ({"axis": 1}, SIZE),
    "LpNormalization": ({"axis": 1, "p": 2}, 3 * SIZE + ROWS),
    "MeanVarianceNormalization": ({"axes": [1]}, 5 * SIZE + ROWS),
    "Cast": ({"to": TensorProto.INT32}, SIZE),
}


@pytest.mark.parametrize("op", COSTS)
def test_operations_are_those_that_the_docstring_counts(op: str) -> None:
    attributes, operations = COSTS[op]
    (layer,) = graph_of(single(op, (ROWS, COLUMNS), **attributes)).layers
    assert isinstance(layer, VectorLayer)
    assert (layer.operations, layer.additions) == (operations, 0)


NORMALIZED = {
    "LayerNormalization": ({"s": numbers(4), "b": numbers(4)}, {}, 17, 7 * 24 + 6),
    "RMSNormalization": ({"s": numbers(4)}, {}, 23, 4 * 24 + 6),
    "InstanceNormalization": ({"s": numbers(3), "b": numbers(3)}, {}, 17, 6 * 24 + 6),
    "GroupNormalization": ({"s": numbers(3), "b": numbers(3)}, {"num_groups": 3}, 21, 6 * 24 + 2 * 3),
}


@pytest.mark.parametrize("op", NORMALIZED)
def test_a_normalization_costs_so_much_an_element_and_a_root_for_each_set(op: str) -> None:
    constants, attributes, opset, operations = NORMALIZED[op]
    if opset > onnx.defs.onnx_opset_version():
        pytest.skip(f"needs opset {opset}")
    graph = graph_of(single(op, (2, 3, 4), opset, constants, **attributes))
    assert [layer.operations for layer in graph.layers] == [operations]


def test_mean_and_deviation_of_a_layer_normalization_are_further_layers_where_they_are_used() -> None:
    outputs = ["y", "mean", "deviation"]
    proto = model(
        [node("LayerNormalization", ["x", "s"], outputs, "n")], {"x": (2, 3)}, outputs, {"s": numbers(3)}, opset=17
    )
    graph = graph_of(proto)
    assert [(layer.name, layer.operations) for layer in graph.layers] == [
        ("n", 6 * 6 + 2),
        ("n mean", 6 + 2),
        ("n deviation", 4 * 6 + 2),
    ]
    assert graph.coverage.timed == graph.coverage.nodes == 1
    del proto.graph.output[1:]
    assert [layer.name for layer in graph_of(proto).layers] == ["n"]


def attention() -> Graph:
    """Scores of 5 queries against 7 keys of 4 numbers each, in 2 heads."""
    nodes = [node("Relu", ["k"], ["r"]), node("MatMul", ["q", "r"], ["y"], "scores")]
    return graph_of(model(nodes, {"q": (2, 5, 4), "k": (1, 4, 7)}))


def test_a_product_of_activations_is_no_matrix_and_takes_a_product_and_an_addition_for_each_mac() -> None:
    graph = attention()
    assert graph.matrix_layers == ()
    layer = graph.layers[1]
    assert isinstance(layer, VectorLayer)
    assert (layer.unit, layer.operations, layer.additions) == ("multiplier", 2 * 5 * 4 * 7, 2 * 5 * 4 * 7)
    assert graph.tensors["y"].shape == (2, 5, 7)


def test_a_multiplier_adds_along_with_its_products_and_other_lanes_do_not() -> None:
    layer = attention().layers[1]
    assert isinstance(layer, VectorLayer)
    rnn, isaac = load_design("rnn"), load_design("isaac")
    macs = layer.operations
    assert visits([layer], 1, rnn) == (("multiplier", -(-macs // rnn.sfu.multiplier_lanes)),)
    assert visits([layer], 1, isaac) == (("sfu", -(-2 * macs // isaac.sfu.elementwise_lanes)),)


@pytest.mark.parametrize("over", [(2, 3), (3, -2)])
@pytest.mark.parametrize(("op", "pool"), [("ReduceMean", "GlobalAveragePool"), ("ReduceMax", "GlobalMaxPool")])
def test_a_reduction_over_the_positions_of_a_map_is_a_global_pool(op: str, pool: str, over: tuple[int, ...]) -> None:
    def figures(*nodes: onnx.NodeProto) -> tuple[object, ...]:
        constants = {"axes": np.int64(over)}
        (layer,) = frontend.from_model(
            model(nodes, {"x": (1, 4, 5, 6)}, constants=constants, opset=18), source="m", base_dir=None
        ).layers
        assert isinstance(layer, VectorLayer)
        return layer.unit, layer.operations, layer.access

    expected = figures(node(pool, ["x"], ["y"]))
    assert expected == ("pool", 4 * 5 * 6, Whole())
    assert figures(node(op, ["x", "axes"], ["y"])) == expected
    assert figures(node(op, ["x", "axes"], ["y"], keepdims=0)) == ("elementwise", 120, Reduced((2, 3), keepdims=False))


@pytest.mark.parametrize(
    ("op", "shape", "axes"),
    [
        ("ReduceMean", (1, 5, 8), (2,)),
        ("ReduceMean", (1, 4, 5, 6), (3,)),
        ("ReduceMean", (1, 4, 5, 6), (1, 2, 3)),
        ("ReduceSum", (1, 4, 5, 6), (2, 3)),
    ],
)
def test_other_reductions_take_up_elements_as_they_come(op: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    proto = model([node(op, ["x", "axes"], ["y"])], {"x": shape}, constants={"axes": np.int64(axes)}, opset=18)
    (layer,) = frontend.from_model(proto, source="m", base_dir=None).layers
    assert isinstance(layer, VectorLayer)
    assert (layer.unit, layer.access) == ("elementwise", Reduced(axes, keepdims=True))


@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_gemm_without_an_addend_takes_any_beta(beta: float) -> None:
    proto = model([node("Gemm", ["x", "w"], ["y"], beta=beta)], {"x": (2, 4)}, constants={"w": numbers(4, 3)})
    (layer,) = frontend.from_model(proto, source="m", base_dir=None).layers
    assert isinstance(layer, MatrixLayer)
    assert layer.bias is None
    np.testing.assert_array_equal(layer.weights.load()[0], numbers(4, 3))


def test_gemm_of_activations_charges_its_scalings_and_its_addend() -> None:
    nodes = [
        node("Relu", ["b"], ["r"]),
        node("Gemm", ["a", "r", "c"], ["y"], alpha=0.5, beta=2.0, transA=1, transB=1),
    ]
    proto = model(nodes, {"a": (4, 3), "b": (5, 4), "c": (3, 1)})
    layer = graph_of(proto).layers[1]
    assert isinstance(layer, VectorLayer)
    assert (layer.operations, layer.additions) == (3 * 5 * (4 + 2), 3 * 5 * (4 + 1))
    assert_equals_reference(proto, {"a": numbers(4, 3), "b": numbers(5, 4, seed=1), "c": numbers(3, 1, seed=2)})


@pytest.mark.parametrize(("shape", "windows"), [((4,), 1), ((4, 5), 5), ((2, 4, 5), 10)])
def test_weights_on_the_left_are_a_matrix_whose_windows_are_the_columns(shape: tuple[int, ...], windows: int) -> None:
    proto = model([node("MatMul", ["w", "x"], ["y"], "n")], {"x": shape}, constants={"w": numbers(3, 4)})
    graph = graph_of(proto)
    (layer,) = graph.matrix_layers
    assert (layer.rows, layer.outputs, layer.windows, layer.macs) == (4, 3, windows, 12 * windows)
    assert graph.coverage.timed == graph.coverage.nodes == 1
    assert_equals_reference(proto, {"x": numbers(*shape, seed=1)})


def test_product_of_two_constants_folds() -> None:
    nodes = [node("MatMul", ["a", "b"], ["c"]), node("Add", ["x", "c"], ["y"])]
    proto = model(nodes, {"x": (3, 2)}, constants={"a": numbers(3, 4), "b": numbers(4, 2)})
    assert graph_of(proto).coverage.folded == 1
    assert_equals_reference(proto, {"x": numbers(3, 2, seed=1)})


def test_matmul_of_two_inputs_whose_right_may_be_weights_asks_for_them() -> None:
    proto = model([node("MatMul", ["x", "w"], ["y"], "n")], {"x": (2, 3), "w": (3, 4)})
    with pytest.raises(InputError, match="weights 'w', a graph input without an initializer"):
        graph_of(proto)


def assert_equals_reference(proto: onnx.ModelProto, feeds: dict[str, np.ndarray], rtol: float = 1e-5) -> None:
    expected = ReferenceEvaluator(proto).run(None, feeds)
    got = evaluate(graph_of(proto), feeds)
    for output, array in zip(proto.graph.output, expected, strict=True):
        assert got[output.name].dtype == array.dtype
        np.testing.assert_allclose(got[output.name], array, rtol=rtol, atol=1e-6)


EINSUMS = {
    "bhid,bhjd->bhij": ((2, 2, 3, 4), (2, 2, 5, 4), 2 * 2 * 3 * 5 * 4),
    "...ij,...jk": ((2, 3, 4), (1, 4, 5), 2 * 3 * 5 * 4),
    "ij,kj": ((3, 4), (5, 4), 3 * 4 * 5),
    "i,i->": ((6,), (6,), 6),
    "ii...,i->...i": ((3, 3, 2), (3,), 3 * 2),
}


@pytest.mark.parametrize("equation", EINSUMS)
def test_einsum_takes_a_mac_for_each_combination_of_indices(equation: str) -> None:
    left, right, macs = EINSUMS[equation]
    proto = model([node("Einsum", ["x", "z"], ["y"], equation=equation)], {"x": left, "z": right})
    feeds = {"x": numbers(*left), "z": numbers(*right, seed=1)}
    (layer,) = graph_of(proto).layers
    assert isinstance(layer, VectorLayer)
    assert (layer.unit, layer.operations, layer.additions) == ("multiplier", macs, macs)
    got = evaluate(graph_of(proto), feeds)["y"]
    np.testing.assert_allclose(got, np.einsum(equation, *feeds.values()), rtol=1e-5, atol=1e-6)


def test_einsum_of_one_operand_adds_and_of_three_multiplies_twice() -> None:
    (trace,) = graph_of(single("Einsum", (4, 4), equation="ii")).layers
    assert isinstance(trace, VectorLayer)
    assert (trace.unit, trace.operations, trace.additions) == ("elementwise", 4, 0)
    proto = model([node("Einsum", ["a", "b", "c"], ["y"], equation="i,ij,j->")], {"a": (3,), "b": (3, 4), "c": (4,)})
    (form,) = graph_of(proto).layers
    assert isinstance(form, VectorLayer)
    assert (form.operations, form.additions) == (24, 24)


def test_determinant_counts_the_steps_of_elimination() -> None:
    (layer,) = graph_of(single("Det", (2, 3, 3))).layers
    assert isinstance(layer, VectorLayer)
    assert (layer.operations, layer.additions) == (2 * (8 + 3 + 2), 2 * 8)


@pytest.mark.parametrize(("count", "comparisons"), [(1, 1), (3, 2), (4, 3)])
def test_topk_compares_each_element_down_a_heap(count: int, comparisons: int) -> None:
    proto = model(
        [node("TopK", ["x", "k"], ["v", "i"], "n", largest=1)],
        {"x": (2, 6)},
        ("v", "i"),
        {"k": np.array([count], np.int64)},
    )
    graph = graph_of(proto)
    assert [(layer.name, layer.operations) for layer in graph.layers] == [
        ("n", 12 * comparisons),
        ("n places", 2 * count),
    ]
    data = np.array([[1, 3, 3, 2, 3, 0], [5, 5, 5, 5, 5, 5]], np.float32)
    assert_equals_reference(proto, {"x": data})


def test_topk_before_opset_10_has_k_as_an_attribute() -> None:
    graph = graph_of(model([node("TopK", ["x"], ["v", "i"], k=2)], {"x": (1, 4)}, ("v", "i"), opset=9))
    got = evaluate(graph, {"x": np.array([[1, 4, 2, 3]], np.float32)})
    assert got["v"].tolist() == [[4, 3]]
    assert got["i"].tolist() == [[1, 3]]


BYTES = np.array([-128, -7, -1, 0, 1, 7, 127], np.int8)
INTEGERS = {
    "Div rounds towards zero": ("Div", (BYTES, np.full(7, 2, np.int8)), {}, [-64, -3, 0, 0, 0, 3, 63]),
    "Mod has the divisor's sign": ("Mod", (BYTES, np.full(7, 3, np.int8)), {}, [1, 2, 2, 0, 1, 1, 1]),
    "fmod has the dividend's": ("Mod", (BYTES, np.full(7, 3, np.int8)), {"fmod": 1}, [-2, -1, -1, 0, 1, 1, 1]),
    "Add wraps around": ("Add", (BYTES, np.full(7, 1, np.int8)), {}, [-127, -6, 0, 1, 2, 8, -128]),
    "negative powers are cut off": ("Pow", (np.array([1, 2, -1]), np.array([-1, -1, -1])), {}, [1, 0, -1]),
    "BitwiseNot": ("BitwiseNot", (BYTES,), {}, [127, 6, 0, -1, -2, -8, -128]),
    "powers have the base's type": ("Pow", (np.array([2, 3], np.int32), np.array([2.0, 0.5])), {}, [4, 1]),
    "shift beyond the bits": (
        "BitShift",
        (np.array([255, 255, 3], np.uint8), np.array([4, 9, 8], np.uint8)),
        {"direction": "RIGHT"},
        [15, 0, 0],
    ),
    "shift to the left": (
        "BitShift",
        (np.array([255, 1, 3], np.uint8), np.array([4, 7, 8], np.uint8)),
        {"direction": "LEFT"},
        [240, 128, 0],
    ),
}


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_stay_exact(name: str) -> None:
    op, operands, attributes, expected = INTEGERS[name]
    proto, feeds = typed(op, *operands, **attributes)
    got = evaluate(graph_of(proto), feeds)["y"]
    assert got.dtype == operands[0].dtype
    assert got.tolist() == expected


def test_signed_numbers_keep_their_sign_when_shifted_right() -> None:
    if onnx.defs.get_schema("BitShift").since_version < 26:
        pytest.skip("needs BitShift of signed numbers")
    opset = onnx.defs.onnx_opset_version()
    operands = np.array([-8, -8, 8], np.int8), np.array([1, 9, 9], np.int8)
    proto, feeds = typed("BitShift", *operands, opset=opset, direction="RIGHT")
    assert evaluate(graph_of(proto), feeds)["y"].tolist() == [-4, -1, 0]


def test_casts_cut_off_fractions_and_saturate_floats_of_8_bits() -> None:
    numbers_ = np.array([-1.9, 0.5, 1e6], np.float32)
    assert evaluate(graph_of(typed("Cast", numbers_, to=TensorProto.INT32)[0]), {"x0": numbers_})["y"].tolist() == [
        -1,
        0,
        10**6,
    ]
    pytest.importorskip("ml_dtypes")
    proto, feeds = typed("Cast", numbers_, to=TensorProto.FLOAT8E4M3FN)
    assert evaluate(graph_of(proto), feeds)["y"].astype(float).tolist() == [-1.875, 0.5, 448.0]
    proto, feeds = typed("Cast", numbers_, to=TensorProto.FLOAT8E4M3FN, saturate=0)
    assert math.isnan(evaluate(graph_of(proto), feeds)["y"].astype(float)[2])


def test_packed_constants_of_4_bits_are_read() -> None:
    pytest.importorskip("ml_dtypes")
    packed = helper.make_tensor("k", TensorProto.INT4, [3], [-8, 7, 1])
    assert len(packed.int32_data) + len(packed.raw_data) <= 2
    nodes = [node("Cast", ["k"], ["c"], to=TensorProto.FLOAT), node("Add", ["x", "c"], ["y"])]
    proto = model(nodes, {"x": (3,)}, opset=21)
    proto.graph.initializer.append(packed)
    assert evaluate(graph_of(proto), {"x": np.zeros(3, np.float32)})["y"].tolist() == [-8, 7, 1]


def test_bit_cast_keeps_bits() -> None:
    opset = onnx.defs.onnx_opset_version()
    if not onnx.defs.has("BitCast"):
        pytest.skip("needs BitCast")
    ones = np.ones(2, np.float32)
    proto, feeds = typed("BitCast", ones, opset=opset, to=TensorProto.INT32)
    assert evaluate(graph_of(proto), feeds)["y"].tolist() == [0x3F800000] * 2


def test_constant_shapes_comparisons_and_ranges_fold() -> None:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Less", ["s", "five"], ["c"]),
        node("Where", ["c", "s", "five"], ["w"]),
        node("Range", ["zero", "five0", "two"], ["r"]),
        node("ReduceSum", ["r"], ["t"], keepdims=0),
        node("Mul", ["w", "t"], ["m"]),
        node("Cast", ["m"], ["f"], to=TensorProto.FLOAT),
        node("Add", ["x", "f"], ["y"]),
    ]
    fives = {"five": np.array([5]), "zero": np.array(0), "five0": np.array(5), "two": np.array(2)}
    graph = graph_of(model(nodes, {"x": (3, 2)}, constants=fives))
    assert (graph.coverage.folded, graph.coverage.timed) == (7, 1)
    got = evaluate(graph, {"x": np.zeros((3, 2), np.float32)})["y"]
    assert got.tolist() == [[18, 12]] * 3


WRONG = {
    "type": (typed("Sin", np.zeros(2, np.int64))[0], "node 'n' (Sin): got input 0 of type int64, expected float"),
    "Celu": (single("Celu", (2,), alpha=0.0), "alpha 0, expected a number other than 0"),
    "Gelu": (single("Gelu", (2,), approximate="erf"), "approximate erf, expected none or tanh"),
    "BitShift": (
        typed("BitShift", np.zeros(2, np.uint8), np.zeros(2, np.uint8), direction="UP")[0],
        "direction UP, expected LEFT or RIGHT",
    ),
    "Where": (
        typed("Where", np.zeros(2, bool), np.zeros(2, np.int32), np.zeros(2, np.int64))[0],
        "types int32 and int64, expected one element type",
    ),
    "CumSum": (single("CumSum", (2,), constants={"a": np.array([0, 0])}), "axis (0, 0), expected one axis"),
    "Range": (
        model(
            [node("Range", ["a", "b", "c"], ["k"]), node("Relu", ["x"], ["y"])],
            {"x": (1,)},
            constants={"a": np.int64(0), "b": np.int64(10**10), "c": np.int64(1)},
        ),
        "10000000000 numbers, expected at most 2147483648",
    ),
    "Range of many": (
        model(
            [node("Range", ["a", "a", "b"], ["k"]), node("Relu", ["x"], ["y"])],
            {"x": (1,)},
            constants={"a": np.array(0), "b": np.array([1, 1])},
        ),
        "start, limit and delta of 1, 1 and 2 elements, expected one number each",
    ),
    "Range step": (
        model(
            [node("Range", ["a", "a", "a"], ["k"]), node("Relu", ["x"], ["y"])],
            {"x": (1,)},
            constants={"a": np.array(0)},
        ),
        "delta 0, expected a number other than 0",
    ),
    "EyeLike": (single("EyeLike", (2, 2, 2)), "data of shape (2, 2, 2), expected a matrix"),
    "EyeLike type": (single("EyeLike", (2, 2), dtype=TensorProto.STRING), "dtype=STRING, expected float32"),
    "Trilu": (single("Trilu", (2,)), "data of shape (2,), expected (..., rows, columns)"),
    "TopK": (
        model([node("TopK", ["x", "k"], ["y", "i"])], {"x": (2,)}, constants={"k": np.array([3])}),
        "k 3, expected 1 to 2",
    ),
    "Det": (single("Det", (2, 3)), "data of shape (2, 3), expected square matrices"),
    "LpNormalization": (single("LpNormalization", (2,), p=3), "p 3, expected 1 or 2"),
    "GroupNormalization": (
        single("GroupNormalization", (1, 4, 2), 21, {"s": numbers(4), "b": numbers(4)}, num_groups=3),
        "3 groups of data of shape (1, 4, 2), expected a divisor of the channels of (N, C, ...)",
    ),
    "InstanceNormalization": (
        single("InstanceNormalization", (1, 4, 2), constants={"s": numbers(3), "b": numbers(4)}),
        "scale of shape (3,), expected (4,)",
    ),
    "InstanceNormalization rank": (
        single("InstanceNormalization", (4,), constants={"s": numbers(3), "b": numbers(4)}),
        "data of shape (4,), expected (N, C, ...)",
    ),
    "LayerNormalization": (
        single("LayerNormalization", (2, 4), constants={"s": numbers(3)}),
        "scale of shape (3,), expected a shape that broadcasts to (2, 4)",
    ),
    "product types": (
        typed("MatMul", np.zeros((1, 2, 2), np.int32), np.zeros((1, 2, 2), np.int64))[0],
        "types int32 and int64, expected one element type",
    ),
    "product batch": (
        typed("MatMul", np.zeros((2, 2, 2)), np.zeros((3, 2, 2)))[0],
        "operands of shapes (2, 2, 2) and (3, 2, 2), expected (..., rows, k) times (..., k, columns)",
    ),
    "product of a scalar": (
        typed("MatMul", np.zeros(()), np.zeros((3, 2, 2)))[0],
        "operands of shapes () and (3, 2, 2), expected (..., rows, k) times (..., k, columns)",
    ),
    "Gemm ranks": (typed("Gemm", np.zeros((2, 2)), np.zeros((1, 2, 2)))[0], "expected two matrices"),
    "Gemm sizes": (
        model([node("Relu", ["x"], ["r"]), node("Gemm", ["x", "r"], ["y"])], {"x": (2, 3)}),
        "matrices of 2 x 3 and 2 x 3, expected as many columns as rows",
    ),
    "Gemm C": (
        model([node("Relu", ["x"], ["r"]), node("Gemm", ["x", "r", "c"], ["y"])], {"x": (2, 2), "c": (3, 2)}),
        "C of shape (3, 2), expected a shape that broadcasts to (2, 2)",
    ),
    "Einsum letters": (single("Einsum", (2,), equation="i#->i"), "equation 'i#->i', expected letters, commas, dots"),
    "Einsum terms": (single("Einsum", (2,), equation="i,i->i"), "equation i,i->i for 1 operands, expected a term"),
    "Einsum rank": (
        single("Einsum", (2,), equation="ij->i"),
        "term ij for an operand of shape (2,), expected a letter",
    ),
    "Einsum result": (single("Einsum", (2,), equation="i->j"), "result j of equation i->j, expected letters of its"),
    "Einsum dots": (single("Einsum", (2, 2), equation="...i->i"), "equation ...i->i, expected dots in the result"),
    "Einsum sizes": (single("Einsum", (2, 3), equation="ii"), "sizes 2 and 3 of axis i, expected one size"),
    "Einsum weights": (
        single("Einsum", (2, 3), constants={"w": numbers(4, 2)}, equation="ij,oi->jo"),
        "equation ij,oi->jo with constants, expected activations alone, or data (..., rows) by constant weights",
    ),
    "CastLike rounding": (
        single("Cast", (2,), onnx.defs.onnx_opset_version(), to=TensorProto.FLOAT16, round_mode="sideways"),
        "round_mode sideways, expected up, down or nearest",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_node_is_refused_with_its_name(name: str) -> None:
    proto, message = WRONG[name]
    with pytest.raises(InputError) as caught:
        graph_of(proto)
    assert message in str(caught.value)

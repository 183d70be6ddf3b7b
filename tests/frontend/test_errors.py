"""Every wrong model is refused with one message that says what is wrong and what was expected."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from archsim import frontend
from archsim.errors import InputError
from archsim.frontend.attributes import attributes_of, schema_of
from archsim.graph import FreeLayer
from tests.frontend.models import LIGHT, model, numbers, value

node = helper.make_node


def refused(proto: onnx.ModelProto, **options) -> str:
    with pytest.raises(InputError) as caught:
        frontend.from_model(proto, source="net.onnx", base_dir=None, **options)
    return str(caught.value)


def single(op: str, shape, constants=None, opset: int = 17, **attributes) -> onnx.ModelProto:
    return model(
        [node(op, ["x", *(constants or {})], ["y"], name="n", **attributes)], {"x": shape}, ("y",), constants, opset
    )


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


# Files


def write(folder: Path, content: bytes) -> Path:
    (folder / "net.onnx").write_bytes(content)
    return folder / "net.onnx"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file, expected an ONNX file"),
        (b"this is no model at all", "got bytes that are no ONNX model, expected a whole ONNX file"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "got no graph with nodes, expected an ONNX model"),
        ((LIGHT / "light_squeezenet.onnx").read_bytes()[:5000], "expected a whole ONNX file"),
    ],
)
def test_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"net.onnx: .*{message}"):
        frontend.load(write(tmp_path, content))


def test_missing_file_directory_and_special_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got no such file, expected an ONNX file"):
        frontend.load(tmp_path / "none.onnx")
    with pytest.raises(InputError, match="got a directory, expected an ONNX file"):
        frontend.load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="got a special file, expected an ONNX file"):
        frontend.load(tmp_path / "pipe")


def test_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(InputError, match="got Permission denied, expected a readable file"):
        frontend.load(write(tmp_path, b"anything"))


def test_file_beyond_two_gibibytes_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "big.onnx").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(InputError, match="expected at most 2 GiB"):
        frontend.load(tmp_path / "big.onnx")


@pytest.mark.parametrize("cut", range(1, 12))
def test_file_cut_anywhere_is_refused_and_never_crashes(tmp_path: Path, cut: int) -> None:
    whole = (LIGHT / "light_squeezenet.onnx").read_bytes()
    with pytest.raises(InputError):
        frontend.load(write(tmp_path, whole[: len(whole) * cut // 12]))


def test_damaged_file_is_read_or_refused_and_never_crashes(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 1]),
        node("Clip", ["c", "low"], ["r"]),
        node("Reshape", ["r", "s"], ["f"]),
        node("Gemm", ["f", "m"], ["y"], transB=1),
    ]
    constants = {"w": numbers(2, 1, 3, 3), "low": np.float32(0), "s": ints(1, -1), "m": numbers(3, 24)}
    whole = model(nodes, {"x": (1, 1, 6, 4)}, constants=constants).SerializeToString()
    draw = np.random.default_rng(0)
    refusals = 0
    for _ in range(1500):
        damaged = bytearray(whole)
        damaged[draw.integers(len(damaged))] ^= 1 << draw.integers(8)
        try:
            frontend.load(write(tmp_path, bytes(damaged)))
        except InputError:
            refusals += 1
    assert refusals > 300


def test_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    whole = model([node("Relu", ["x"], ["namename"], name="n")], {"x": (2,)}, ("namename",)).SerializeToString()
    with pytest.raises(InputError, match=r"graph: got the name b'name\\xffame', expected names in UTF-8"):
        frontend.load(write(tmp_path, whole.replace(b"namename", b"name\xffame")))


# Ops and opsets


def test_unknown_ops_are_all_named_with_the_way_out() -> None:
    nodes = [
        node("Rleu", ["x"], ["a"], name="first"),
        node("Fancy", ["x"], ["b"], name="second", domain="my.ops"),
        node("Add", ["a", "b"], ["y"]),
    ]
    first, second = refused(model(nodes, {"x": (2,)})).splitlines()
    assert first == (
        "net.onnx: node 'first': got op Rleu, which is not supported, expected one of docs/operators.md, "
        "or --treat-as-free Rleu, which leaves it out of times and values (did you mean 'Relu'?)"
    )
    assert second == (
        "net.onnx: node 'second': got op my.ops:Fancy, which is not supported, expected one of docs/operators.md, "
        "or --treat-as-free my.ops::Fancy, which leaves it out of times and values"
    )


@pytest.mark.parametrize("version", [1, 6, 1000])
def test_opset_out_of_range_is_refused(version: int) -> None:
    message = refused(single("Relu", (2,), opset=version))
    assert message == f"net.onnx: opset: got {version}, expected 7 to {onnx.defs.onnx_opset_version()}"


def test_missing_opset_is_refused() -> None:
    proto = single("Relu", (2,))
    del proto.opset_import[:]
    assert "opset: got none, expected 7 to" in refused(proto)


def test_treat_as_free_takes_shapes_from_onnx() -> None:
    nodes = [node("Bernoulli", ["x"], ["a"], name="free"), node("Relu", ["a"], ["y"])]
    graph = frontend.from_model(model(nodes, {"x": (2, 3)}), source="m", base_dir=None, treat_as_free=["Bernoulli"])
    assert isinstance(graph.layers[0], FreeLayer)
    assert graph.tensors["a"].shape == (2, 3)
    assert graph.coverage.free == 1


def test_treat_as_free_takes_shapes_that_the_model_declares() -> None:
    proto = model([node("Fancy", ["x"], ["a"], domain="my"), node("Relu", ["a"], ["y"])], {"x": (2, 3)})
    message = refused(proto, treat_as_free=["my::Fancy"])
    assert "node 'a' (Fancy), --treat-as-free: got output 'a' of a shape that ONNX cannot infer" in message
    proto.graph.value_info.append(value("a", (5,)))
    graph = frontend.from_model(proto, source="m", base_dir=None, treat_as_free=["my::Fancy"])
    assert graph.tensors["y"].shape == (5,)


def test_treat_as_free_of_an_op_that_is_not_there_is_refused() -> None:
    message = refused(single("Relu", (2,)), treat_as_free=["Rleu"])
    assert message == "net.onnx: --treat-as-free: got Rleu, expected one of the model's ops Relu (did you mean 'Relu'?)"


def test_treat_as_free_of_a_supported_op_is_refused() -> None:
    message = refused(single("Relu", (2,)), treat_as_free=["Relu"])
    expected = "an op that is not supported: this one is, and its work counts"
    assert message == f"net.onnx: --treat-as-free: got Relu, expected {expected}"


# The graph


def test_graph_without_inputs_is_refused() -> None:
    proto = model([node("Relu", ["k"], ["y"])], {}, constants={"k": numbers(2)})
    assert refused(proto) == "net.onnx: graph: got no inputs, expected at least one input that is not an initializer"


def test_dangling_input_is_refused() -> None:
    message = refused(model([node("Relu", ["xx"], ["y"], name="n")], {"x1": (2,)}))
    assert "node 'n': got input 'xx' that nothing writes, expected a value of the graph" in message


def test_dangling_output_is_refused() -> None:
    message = refused(model([node("Relu", ["x"], ["y"])], {"x": (2,)}, ("z",)))
    assert message == "net.onnx: graph: got output 'z' that nothing writes, expected a value of the graph"


def test_cycle_is_refused() -> None:
    nodes = [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["x"], ["y"])]
    message = refused(model(nodes, {"x": (2,)}))
    assert message == "net.onnx: graph: got a cycle through or before a, b, expected a graph without cycles"


def test_value_written_twice_is_refused() -> None:
    nodes = [node("Relu", ["x"], ["y"], name="a"), node("Abs", ["x"], ["y"], name="b")]
    assert "node 'b': got output 'y', expected a name not written before" in refused(model(nodes, {"x": (2,)}))


def test_names_that_stand_for_two_things_are_refused() -> None:
    proto = single("Add", (2,), {"k": numbers(2)})
    proto.graph.initializer.append(numpy_helper.from_array(numbers(3), "k"))
    assert refused(proto) == "net.onnx: tensor 'k': got a second one, expected each name once"
    proto = single("Relu", (2,))
    proto.graph.input.append(value("x", (3,)))
    assert refused(proto) == "net.onnx: input 'x': got a second one, expected each name once"
    proto = single("Relu", (2,))
    own = helper.make_function("own", "Own", ["a"], ["b"], [node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 17)])
    proto.functions.extend([own, own])
    assert refused(proto) == "net.onnx: function 'Own': got a second one, expected each name once"


def test_stored_tensor_of_any_size_is_not_made_before_its_data_is_there() -> None:
    huge = TensorProto(name="k", dims=[10**6, 10**6], data_type=TensorProto.FLOAT)
    proto = single("Add", (2,), {"k": numbers(2)})
    proto.graph.initializer[0].CopyFrom(huge)
    assert proto.ByteSize() < 1000
    message = "tensor 'k': got 0 elements of data, expected 1000000000000 for shape (1000000, 1000000)"
    assert message in refused(proto)
    nodes = [node("Constant", [], ["k"], value=huge), node("Add", ["x", "k"], ["y"])]
    assert message in refused(model(nodes, {"x": (2,)}))


def test_problems_of_several_nodes_are_told_together() -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["a"], name="n1"),
        node("Squeeze", ["x", "axes"], ["b"], name="n2"),
        node("Add", ["a", "b"], ["y"]),
    ]
    message = refused(model(nodes, {"x": (2, 3)}, constants={"w": numbers(4, 5), "axes": ints(0)}))
    assert len(message.splitlines()) == 2
    assert "n1" in message
    assert "n2" in message


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.COMPLEX128, TensorProto.COMPLEX64])
def test_unsupported_element_types_are_refused(kind: int) -> None:
    name = TensorProto.DataType.Name(kind)
    proto = single("Relu", (2,))
    proto.graph.input[0].type.tensor_type.elem_type = kind
    assert f"input 'x': got element type {name}, expected float32, float16" in refused(proto)
    proto = single("Add", (2,), {"k": numbers(2)})
    proto.graph.initializer[0].data_type = kind
    assert f"tensor 'k': got element type {name}, expected float32, float16" in refused(proto)


def test_sparse_initializer_is_refused() -> None:
    proto = single("Relu", (2,))
    sparse = proto.graph.sparse_initializer.add()
    sparse.values.name = "s"
    assert "tensor 's': got a sparse initializer, expected a dense one" in refused(proto)


# Nodes: one line per way to be wrong

MATRIX = {"w": numbers(3, 2, 3, 3)}
WRONG = {
    "channels": (single("Conv", (1, 3, 5, 5), MATRIX), "2 x 1 channels of data, which has 3"),
    "weights' rank": (single("Conv", (1, 2, 5), MATRIX), "weights of shape (3, 2, 3, 3), expected 3 axes"),
    "data's rank": (single("Conv", (2, 5), MATRIX), "data of shape (2, 5), expected (N, C, spatial axes)"),
    "four spatial axes": (
        single("Conv", (1, 1, 4, 4, 4, 4), {"w": numbers(1, 1, 2, 2, 2, 2)}),
        "4 spatial axes, expected 1 to 3",
    ),
    "kernel too large": (single("Conv", (1, 2, 2, 5), MATRIX), "kernel extent 3, expected at most the padded size 2"),
    "kernel_shape": (
        single("Conv", (1, 2, 5, 5), MATRIX, kernel_shape=[2, 2]),
        "kernel_shape (2, 2), expected that of the weights, (3, 3)",
    ),
    "group": (single("Conv", (1, 2, 5, 5), MATRIX, group=2), "group 2, expected a divisor of the 3 outputs"),
    "strides": (
        single("Conv", (1, 2, 5, 5), MATRIX, strides=[1, 0]),
        "strides (1, 0), expected 2 numbers of 1 or more",
    ),
    "pads": (single("Conv", (1, 2, 5, 5), MATRIX, pads=[1, 0]), "pads (1, 0), expected 4 numbers of 0 or more"),
    "auto_pad": (single("Conv", (1, 2, 5, 5), MATRIX, auto_pad="SAME"), "auto_pad SAME, expected NOTSET, VALID"),
    "bias": (single("Conv", (1, 2, 5, 5), {**MATRIX, "b": numbers(2)}), "bias of shape (2,), expected (3,)"),
    "empty weights": (
        single("Conv", (1, 2, 5, 5), {"w": numbers(0, 2, 3, 3)}),
        "weights of shape (0, 2, 3, 3), expected no size 0",
    ),
    "weights' type": (
        single("Conv", (1, 2, 5, 5), {"w": numbers(3, 2, 3, 3).astype(np.float64)}),
        "weights of type float64, expected the data's type float32",
    ),
    "no weights": (model([node("Conv", ["x"], ["y"])], {"x": (1, 2, 5, 5)}), "got 1 inputs, expected 2 to 3"),
    "computed weights": (
        model([node("Conv", ["x", "x"], ["y"])], {"x": (1, 1, 2, 2)}),
        "weights 'x', a graph input without an initializer, expected constant weights: export ",
    ),
    "weights of activations": (
        model([node("Relu", ["x"], ["r"]), node("Conv", ["x", "r"], ["y"])], {"x": (1, 1, 2, 2)}),
        "weights 'r' computed at run time, expected constant weights",
    ),
    "weights that are fed": (
        model([node("MatMul", ["x", "w"], ["y"])], {"x": (2, 2), "w": (2, 2)}),
        "weights 'w', a graph input without an initializer, expected constant weights: export the model with its ",
    ),
    "constant data": (
        model([node("Conv", ["w", "w"], ["y"])], {"x": (1,)}, constants=MATRIX),
        "constant data, expected data computed at run time",
    ),
    "two activations": (
        model([node("Relu", ["x"], ["r"]), node("MatMul", ["x", "r"], ["y"], name="n")], {"x": (2, 3)}),
        "operands of shapes (2, 3) and (2, 3), expected (..., rows, k) times (..., k, columns)",
    ),
    "constant on the left": (
        model([node("Gemm", ["w", "x"], ["y"])], {"x": (2, 2)}, constants={"w": numbers(2, 2)}),
        "a constant on the left, expected activations on the left",
    ),
    "MatMul columns": (
        model([node("MatMul", ["w", "x"], ["y"])], {"x": (2, 3)}, constants={"w": numbers(4, 3)}),
        "data of shape (2, 3), expected 3 in the last axis but one",
    ),
    "MatMul stack on the left": (
        model([node("MatMul", ["w", "x"], ["y"])], {"x": (2, 3, 3)}, constants={"w": numbers(2, 3, 3)}),
        "weights of shape (2, 3, 3), expected a matrix (outputs, rows) or a vector",
    ),
    "MatMul rows": (
        single("MatMul", (2, 3), {"w": numbers(4, 5)}),
        "data of shape (2, 3), expected 4 in the last axis",
    ),
    "MatMul stack": (
        single("MatMul", (2, 2, 4), {"w": numbers(2, 4, 5)}),
        "weights of shape (2, 4, 5), expected a matrix (rows, outputs) or a vector",
    ),
    "Gemm rows": (single("Gemm", (2, 3), {"w": numbers(4, 5)}), "data of shape (2, 3), expected 4 in the last axis"),
    "Gemm rank": (single("Gemm", (2, 3, 4), {"w": numbers(4, 5)}), "expected two matrices"),
    "Gemm C": (
        single("Gemm", (2, 4), {"w": numbers(4, 5), "c": numbers(3, 5)}),
        "C of shape (3, 5), expected a shape that broadcasts to (2, 5)",
    ),
    "statistics": (
        single("BatchNormalization", (1, 3, 2), {k: numbers(2) for k in "sbmv"}),
        "scale of shape (2,), expected (3,), one per channel",
    ),
    "LRN size": (single("LRN", (1, 3, 2, 2), size=0), "size 0, expected 1 or more"),
    "broadcast": (
        single("Add", (2, 3), {"k": numbers(2, 2)}),
        "operands of shapes (2, 3), (2, 2), expected shapes that broadcast",
    ),
    "mixed types": (single("Add", (2, 3), {"k": ints(1)}), "types float32 and int64, expected one element type"),
    "Reshape": (single("Reshape", (2, 3), {"s": ints(4, 2)}), "shape (4, 2), expected one of 6 elements"),
    "Reshape -1 twice": (
        single("Reshape", (2, 3), {"s": ints(-1, -1)}),
        "shape (-1, -1), expected sizes, and -1 at most once",
    ),
    "Reshape 0 beyond": (single("Reshape", (2, 3), {"s": ints(2, 3, 0)}), "expected 0 only in the first 2 axes"),
    "Reshape 0 beside -1": (single("Reshape", (2, 3), {"s": ints(0, -1)}, allowzero=1), "no size 0 beside -1"),
    "Reshape by floats": (single("Reshape", (2, 3), {"s": numbers(1)}), "input 1 of type float32, expected int64"),
    "Squeeze": (single("Squeeze", (2, 3), {"s": ints(0)}), "axes (0,) of shape (2, 3), expected axes of size 1"),
    "axis": (single("Softmax", (2, 3), axis=2), "axis 2, expected -2 to 1"),
    "axis twice": (single("Unsqueeze", (2, 3), {"s": ints(0, -4)}), "axes (0, -4), expected each axis once"),
    "Unsqueeze": (
        model([node("Unsqueeze", ["x"], ["y"])], {"x": (2,)}, opset=11),
        "no attribute axes, expected that attribute",
    ),
    "perm": (single("Transpose", (2, 3), perm=[0, 0]), "perm (0, 0), expected each of 2 axes once"),
    "Concat": (
        single("Concat", (2, 3), {"k": numbers(3, 2)}, axis=1),
        "shapes (2, 3) and (3, 2), expected equal sizes but in axis 1",
    ),
    "Concat types": (
        single("Concat", (2,), {"k": ints(1)}, axis=0),
        "types float32 and int64, expected one element type",
    ),
    "Pad mode": (
        single("Pad", (2,), {"p": ints(1, 1)}, mode="mirror"),
        "mode mirror, expected constant, reflect, edge, wrap",
    ),
    "Pad count": (single("Pad", (2,), {"p": ints(1)}), "pads (1,), expected 2 numbers"),
    "Pad away": (
        single("Pad", (2,), {"p": ints(-1, -1)}),
        "pads (-1, -1) of shape (2,), expected at least one element left",
    ),
    "scalar": (single("Clip", (2,), {"low": numbers(2)}), "min of 2 elements, expected one number"),
    "pool kernel": (
        single("MaxPool", (1, 2, 5, 5), kernel_shape=[2]),
        "kernel_shape (2,), expected 2 sizes of 1 or more",
    ),
    "pool without kernel": (single("MaxPool", (1, 2, 5, 5)), "no attribute kernel_shape, expected that attribute"),
    "pool rank": (single("GlobalAveragePool", (2, 3)), "data of shape (2, 3), expected (N, C, spatial axes)"),
    "Gather by floats": (single("Gather", (4,), {"i": numbers(1)}), "input 1 of type float32, expected int32, int64"),
    "Gather of too many": (
        model(
            [
                node("ConstantOfShape", ["s"], ["i"], value=numpy_helper.from_array(ints(1))),
                node("Gather", ["x", "i"], ["y"]),
            ],
            {"x": (4,)},
            constants={"s": ints(2**25)},
        ),
        "33554432 constant indices, expected at most 16777216",
    ),
    "GatherElements": (
        single("GatherElements", (2, 3), {"i": ints(0, 1)}, axis=1),
        "indices of shape (2,), expected 2 axes, none but axis 1 beyond (2, 3)",
    ),
    "GatherND": (single("GatherND", (2, 3), {"i": ints(0, 3)}), "index 3, expected -3 to 2"),
    "GatherND depth": (single("GatherND", (2,), {"i": ints(0, 0)}), "index tuples of 2, expected 1 to 1 numbers"),
    "GatherND batch": (
        single("GatherND", (2, 3), {"i": ints(0, 1)}, batch_dims=1),
        "batch_dims 1, expected less than the axes of (2, 3) and (2,)",
    ),
    "ScatterND updates": (
        single("ScatterND", (4,), {"i": np.array([[1]]), "u": numbers(2)}),
        "updates of shape (2,), expected (1,)",
    ),
    "ScatterND reduction": (
        single("ScatterND", (4,), {"i": np.array([[1]]), "u": numbers(1)}, opset=18, reduction="sum"),
        "reduction sum, expected add, mul, max, min, none",
    ),
    "ScatterElements types": (
        single("ScatterElements", (4,), {"i": ints(1), "u": ints(1)}),
        "updates of type int64, expected the data's type float32",
    ),
    "TensorScatter": (
        single("TensorScatter", (1, 4, 2), {"u": numbers(1, 2, 2), "i": ints(3)}, opset=24),
        "index 3, expected 0 to 2",
    ),
    "TensorScatter update": (
        single("TensorScatter", (1, 4, 2), {"u": numbers(1, 5, 2)}, opset=24),
        "an update of shape (1, 5, 2), expected one that fits into (1, 4, 2) along axis 1",
    ),
    "TensorScatter mode": (
        single("TensorScatter", (1, 4, 2), {"u": numbers(1, 2, 2)}, opset=24, mode="round"),
        "mode round, expected linear or circular",
    ),
    "TensorScatter axis": (
        single("TensorScatter", (1, 4, 2), {"u": numbers(1, 2, 2)}, opset=24, axis=0),
        "axis 0, expected an axis behind the first, the samples",
    ),
    "TensorScatter places": (
        single("TensorScatter", (1, 4, 2), {"u": numbers(1, 2, 2), "i": ints(0, 0)}, opset=24),
        "write_indices of shape (2,), expected (1,)",
    ),
    "ReverseSequence axes": (
        single("ReverseSequence", (2, 3), {"l": ints(1, 1, 1)}, time_axis=0, batch_axis=0),
        "axes 0 and 0 of 2, expected axes 0 and 1",
    ),
    "ReverseSequence lengths": (
        single("ReverseSequence", (2, 3), {"l": ints(1, 1)}),
        "lengths of shape (2,), expected (3,)",
    ),
    "ReverseSequence steps": (single("ReverseSequence", (2, 3), {"l": ints(1, 3, 1)}), "index 3, expected 0 to 2"),
    "OneHot depth": (
        model(
            [node("Cast", ["x"], ["i"], to=TensorProto.INT64), node("OneHot", ["i", "d", "v"], ["y"])],
            {"x": (2,)},
            constants={"d": ints(0), "v": numbers(2)},
        ),
        "depth 0, expected 1 or more",
    ),
    "OneHot values": (
        model(
            [node("Cast", ["x"], ["i"], to=TensorProto.INT64), node("OneHot", ["i", "d", "v"], ["y"])],
            {"x": (2,)},
            constants={"d": ints(3), "v": numbers(3)},
        ),
        "values of shape (3,), expected (2,)",
    ),
    "Compress": (
        single("Compress", (2,), {"c": np.array([True] * 3)}),
        "a condition of 3 elements, expected at most 2",
    ),
    "Compress by numbers": (single("Compress", (2,), {"c": ints(1)}), "input 1 of type int64, expected bool"),
    "Compress at run time": (
        model([node("Greater", ["x", "x"], ["c"]), node("Compress", ["x", "c"], ["y"])], {"x": (2,)}),
        "condition 'c' computed at run time, expected constant condition",
    ),
    "NonZero at run time": (single("NonZero", (2,)), "data 'x', a graph input without an initializer"),
    "Range without steps": (
        model(
            [node("Range", ["a", "b", "a"], ["k"]), node("Relu", ["x"], ["y"])],
            {"x": (1,)},
            constants={"a": np.int64(0), "b": np.int64(3)},
        ),
        "delta 0, expected a number other than 0",
    ),
    "Trilu": (single("Trilu", (4,)), "data of shape (4,), expected (..., rows, columns)"),
    "EyeLike": (single("EyeLike", (4,)), "data of shape (4,), expected a matrix"),
    "EyeLike type": (
        single("EyeLike", (4, 4), dtype=TensorProto.COMPLEX64),
        "dtype=COMPLEX64, expected float32",
    ),
    "CenterCropPad": (
        single("CenterCropPad", (4, 4), {"s": ints(1)}, opset=18),
        "shape (1,), expected 2 numbers of 0 or more",
    ),
    "Col2Im": (
        single("Col2Im", (1, 4, 5), {"i": ints(4, 4), "b": ints(2, 2)}, opset=18),
        "data of shape (1, 4, 5), expected (3, 3) positions",
    ),
    "Col2Im block": (
        single("Col2Im", (1, 3, 9), {"i": ints(4, 4), "b": ints(2, 2)}, opset=18),
        "data of shape (1, 3, 9), expected (N, C x 4, positions)",
    ),
    "Col2Im image": (
        single("Col2Im", (1, 4, 9), {"i": ints(0, 4), "b": ints(2, 2)}, opset=18),
        "image_shape (0, 4), expected 1 to 3 sizes of 1 or more",
    ),
    "Col2Im sizes": (
        single("Col2Im", (1, 4, 9), {"i": ints(4, 4), "b": ints(2)}, opset=18),
        "block_shape (2,), expected 2 sizes of 1 or more",
    ),
    "Col2Im pads": (
        single("Col2Im", (1, 4, 9), {"i": ints(4, 4), "b": ints(2, 2)}, opset=18, pads=[1, 1]),
        "pads (1, 1), expected numbers per axis",
    ),
    "AffineGrid size": (
        single("AffineGrid", (1, 2, 3), {"s": ints(1, 1, 2)}, opset=20),
        "size (1, 1, 2), expected (N, C, 2 or 3 spatial sizes), 1 or more each",
    ),
    "AffineGrid theta": (
        single("AffineGrid", (1, 2, 2), {"s": ints(1, 1, 2, 2)}, opset=20),
        "theta of shape (1, 2, 2), expected (1, 2, 3)",
    ),
    "GridSample grid": (
        single("GridSample", (1, 1, 2, 2), {"g": numbers(1, 2, 2, 3)}, opset=20),
        "grid of shape (1, 2, 2, 3), expected (1, 2 sizes, 2)",
    ),
    "GridSample mode": (
        single("GridSample", (1, 1, 2, 2), {"g": numbers(1, 2, 2, 2)}, opset=20, mode="best"),
        "mode best, expected nearest, linear, cubic",
    ),
    "GridSample padding": (
        single("GridSample", (1, 1, 2, 2), {"g": numbers(1, 2, 2, 2)}, opset=20, padding_mode="none"),
        "padding_mode none, expected zeros, border, reflection",
    ),
    "GridSample rank": (
        single("GridSample", (1, 1), {"g": numbers(1, 0)}, opset=20),
        "data of shape (1, 1), expected (N, C, 1 to 3 spatial axes)",
    ),
    "transposed channels": (
        single("ConvTranspose", (1, 2, 5), {"w": numbers(3, 2, 3)}),
        "weights of shape (3, 2, 3) in 1 groups, expected 2 channels of data, in groups",
    ),
    "transposed rank": (
        single("ConvTranspose", (1, 2, 5), {"w": numbers(2, 2, 3, 3)}),
        "weights of shape (2, 2, 3, 3), expected 3 axes like the data",
    ),
    "transposed data": (single("ConvTranspose", (1, 2), MATRIX), "data of shape (1, 2), expected (N, C, 1 to 3 "),
    "transposed kernel_shape": (
        single("ConvTranspose", (1, 2, 5), {"w": numbers(2, 2, 3)}, kernel_shape=[2]),
        "kernel_shape (2,), expected that of the weights, (3,)",
    ),
    "transposed strides": (
        single("ConvTranspose", (1, 2, 5), {"w": numbers(2, 2, 3)}, strides=[0]),
        "strides (0,), expected 1 numbers of 1 or more",
    ),
    "transposed bias": (
        single("ConvTranspose", (1, 2, 5), {"w": numbers(2, 2, 3), "b": numbers(3)}),
        "bias of shape (3,), expected (2,)",
    ),
    "transposed auto_pad": (
        single("ConvTranspose", (1, 2, 5), {"w": numbers(2, 2, 3)}, auto_pad="SAME"),
        "auto_pad SAME, expected NOTSET, VALID",
    ),
    "transposed away": (
        single("ConvTranspose", (1, 2, 1), {"w": numbers(2, 2, 3)}, pads=[2, 2]),
        "a result of spatial shape (-1,), expected 1 to ",
    ),
    "transposed output_shape": (
        single("ConvTranspose", (1, 2, 1, 1), {"w": numbers(2, 2, 3, 3)}, output_shape=[3]),
        "output_shape (3,), expected 2 sizes",
    ),
    "transposed without end": (
        single("ConvTranspose", (1, 1, 2**30), {"w": numbers(1, 1, 3)}),
        "products and places, expected at most 67108864",
    ),
    "transposed weights": (
        single("ConvTranspose", (1, 2, 2), {"w": numbers(2, 0, 3)}),
        "weights of shape (2, 0, 3), expected no size 0",
    ),
    "MaxUnpool kernel": (
        single("MaxUnpool", (1, 1, 2), {"i": np.zeros((1, 1, 2), np.int64)}, kernel_shape=[2, 2]),
        "kernel_shape (2, 2), expected 1 sizes of 1 or more",
    ),
    "MaxUnpool indices": (
        single("MaxUnpool", (1, 1, 2), {"i": np.zeros((1, 1, 3), np.int64)}, kernel_shape=[2]),
        "indices of shape (1, 1, 3), expected (1, 1, 2)",
    ),
    "MaxUnpool strides": (
        single("MaxUnpool", (1, 1, 2), {"i": np.zeros((1, 1, 2), np.int64)}, kernel_shape=[2], strides=[2, 2]),
        "strides (2, 2), pads (0, 0), expected 1 and 2 numbers",
    ),
    "p-norm": (single("LpPool", (1, 1, 4), kernel_shape=[2], p=0), "p 0, expected 1 or more"),
    "global p-norm": (single("GlobalLpPool", (1, 1, 4), p=0), "p 0, expected 1 or more"),
    "Slice step": (
        single("Slice", (4,), {"s": ints(0), "e": ints(1), "a": ints(0), "t": ints(0)}),
        "step 0, expected steps other than 0",
    ),
    "Slice counts": (single("Slice", (4,), {"s": ints(0), "e": ints(1, 2)}), "expected as many of each"),
    "Split": (
        model([node("Split", ["x", "k"], ["y", "z"])], {"x": (4,)}, constants={"k": ints(1, 2)}),
        "parts (1, 2) for 2 outputs, expected a size for each, 4 together",
    ),
    "Gather": (single("Gather", (4,), {"i": ints(4)}), "index 4, expected -4 to 3"),
    "Split into many": (
        model([node("Split", ["x"], ["y"], num_outputs=2**62)], {"x": (4,)}, opset=18),
        "4611686018427387904 parts, expected 1, as many as outputs",
    ),
    "Expand": (single("Expand", (4,), {"s": ints(3)}), "shape (3,), expected one that (4,) broadcasts to"),
    "Tile": (single("Tile", (4,), {"s": ints(3, 1)}), "repeats (3, 1), expected 1 numbers of 0 or more"),
    "blocks": (single("DepthToSpace", (1, 3, 2, 2), blocksize=2), "3 channels, expected a multiple of 4"),
    "block mode": (single("DepthToSpace", (1, 4, 2, 2), blocksize=2, mode="X"), "mode X, expected DCR or CRD"),
    "space blocks": (single("SpaceToDepth", (1, 3, 3, 2), blocksize=2), "a map of 3 x 2, expected multiples of 2"),
    "Resize scales": (
        model([node("Resize", ["x", "", "s"], ["y"])], {"x": (1, 2)}, constants={"s": np.float32([1])}),
        "scales [1.0], expected 2 positive numbers",
    ),
    "Resize away": (
        model([node("Resize", ["x", "", "s"], ["y"])], {"x": (1, 2)}, constants={"s": np.float32([1, 0.1])}),
        "a result of shape (1, 0), expected 1 to ",
    ),
    "Resize smaller": (
        model([node("Resize", ["x", "s"], ["y"])], {"x": (2,)}, constants={"s": np.float32([0.5])}, opset=10),
        "scales [0.5], expected 1 or more before opset 11",
    ),
    "Resize coordinates": (
        model(
            [node("Resize", ["x", "", "s"], ["y"], coordinate_transformation_mode="centre")],
            {"x": (2,)},
            constants={"s": np.float32([2])},
        ),
        "coordinate mode centre, expected half_pixel, ",
    ),
    "Resize rounding": (
        model(
            [node("Resize", ["x", "", "s"], ["y"], nearest_mode="up")], {"x": (2,)}, constants={"s": np.float32([2])}
        ),
        "nearest_mode up, expected round_prefer_floor, ",
    ),
    "Resize mode": (
        model([node("Resize", ["x", "", "s"], ["y"], mode="best")], {"x": (2,)}, constants={"s": np.float32([2])}),
        "mode best, expected nearest, linear, cubic",
    ),
    "Resize antialias": (
        model(
            [node("Resize", ["x", "", "s"], ["y"], antialias=1)],
            {"x": (2,)},
            constants={"s": np.float32([2])},
            opset=18,
        ),
        "antialias with mode nearest, expected mode linear or cubic",
    ),
    "Resize policy": (
        model(
            [node("Resize", ["x", "", "", "s"], ["y"], keep_aspect_ratio_policy="fit")],
            {"x": (2,)},
            constants={"s": ints(2)},
            opset=18,
        ),
        "keep_aspect_ratio_policy fit, expected stretch, not_larger, not_smaller",
    ),
    "Resize roi": (
        model(
            [node("Resize", ["x", "r", "s"], ["y"], coordinate_transformation_mode="tf_crop_and_resize")],
            {"x": (2,)},
            constants={"r": np.float32([0]), "s": np.float32([2])},
        ),
        "roi [0.0], expected 2 numbers",
    ),
    "Resize without end": (
        model([node("Resize", ["x", "", "s"], ["y"])], {"x": (1,)}, constants={"s": np.float32([1e9])}),
        "a result of shape (1000000000,), expected sizes of at most 16777216",
    ),
    "Resize by many": (
        model(
            [node("Resize", ["x", "", "s"], ["y"], mode="linear", antialias=1)],
            {"x": (2**24,)},
            constants={"s": np.float32([0.5])},
            opset=18,
        ),
        "4 neighbours of 8388608 places, expected at most 16777216 together",
    ),
    "Cast": (single("Cast", (2,), to=TensorProto.STRING), "to=STRING, expected float32"),
    "PRelu": (
        single("PRelu", (2,), {"s": numbers(3, 2)}),
        "slope of shape (3, 2), expected one that broadcasts to (3, 2)",
    ),
    "misspelt attribute": (
        single("LeakyRelu", (2,), alfa=0.1),
        "attribute alfa, expected one of alpha (did you mean 'alpha'?)",
    ),
    "attribute of an op without any": (single("Relu", (2,), alpha=0.1), "attribute alpha, expected no attributes"),
    "attribute's type": (single("LeakyRelu", (2,), alpha=1), "attribute alpha of another type, expected FLOAT"),
    "huge constant": (
        model(
            [node("ConstantOfShape", ["s"], ["k"]), node("Add", ["x", "k"], ["y"])],
            {"x": (1,)},
            constants={"s": ints(2**30, 2**30)},
        ),
        "expected at most 2147483648 elements and 32 axes",
    ),
    "negative constant": (
        model(
            [node("ConstantOfShape", ["s"], ["k"]), node("Add", ["x", "k"], ["y"])],
            {"x": (1,)},
            constants={"s": ints(-1)},
        ),
        "shape (-1,), expected no negative size",
    ),
    "huge integers": (
        model(
            [
                node("ConstantOfShape", ["s"], ["k"], value=numpy_helper.from_array(ints(1))),
                node("Reshape", ["x", "k"], ["y"]),
            ],
            {"x": (1,)},
            constants={"s": ints(10**6)},
        ),
        "shape of 1000000 elements, expected at most 65536",
    ),
    "axes without end": (single("Unsqueeze", (2,), {"a": ints(*range(32))}), "elements, 32 axes at most"),
    "constant axes without end": (
        model(
            [node("Unsqueeze", ["k", "a"], ["c"]), node("Relu", ["x"], ["y"])],
            {"x": (1,)},
            constants={"k": ints(1), "a": ints(*range(32))},
        ),
        "a constant made of 2 elements by 1 nodes, expected at most 2147483648 elements, 100 nodes and 32 axes",
    ),
    "pool pads": (
        single("MaxPool", (1, 1, 5), kernel_shape=[2], pads=[0, 2]),
        "pads (0, 2), expected less than the kernel's extent 2",
    ),
    "Range without end": (
        model(
            [node("Range", ["a", "b", "c"], ["k"]), node("Relu", ["x"], ["y"])],
            {"x": (1,)},
            constants={"a": np.int64(0), "b": np.int64(10**10), "c": np.int64(1)},
        ),
        "10000000000 numbers, expected at most 2147483648",
    ),
    "huge result": (single("Expand", (1,), {"s": ints(2**21, 2**21)}), "expected 1 to 1099511627776 elements"),
    "fold that fails": (
        model(
            [node("Where", ["a", "b", "b"], ["k"]), node("Relu", ["x"], ["y"])],
            {"x": (1,)},
            constants={"a": ints(1, 2), "b": ints(1, 2, 3)},
        ),
        "node 'k' (Where)",
    ),
    "Constant of a string": (
        model([node("Constant", [], ["k"], value_string="a"), node("Relu", ["x"], ["y"])], {"x": (1,)}),
        "attributes ['value_string'], expected one of value, ",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_node_is_refused_with_its_name(name: str) -> None:
    proto, message = WRONG[name]
    told = refused(proto)
    assert message in told
    assert told.startswith("net.onnx: node '")


@pytest.mark.parametrize(("alpha", "unread"), [(0.01, set()), (0.5, {"alpha"})])
def test_an_attribute_must_be_looked_at_unless_it_says_what_a_node_without_it_says(alpha: float, unread: set) -> None:
    proto = node("LeakyRelu", ["x"], ["y"], alpha=alpha)
    assert attributes_of(proto, schema_of("LeakyRelu", 17), "net.onnx", "n").unread == unread

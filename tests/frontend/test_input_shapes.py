"""Dynamic dimensions of inputs are bound by the user, by their names, or, for the batch, by rule."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import helper

from archsim import frontend
from archsim.errors import InputError
from tests.frontend.models import model


def inputs_of(inputs, shapes=None) -> dict[str, tuple[int, ...]]:
    nodes = [helper.make_node("Relu", [next(iter(inputs))], ["y"])]
    graph = frontend.from_model(model(nodes, inputs), source="net.onnx", base_dir=None, shapes=shapes)
    return {tensor.name: tensor.shape for tensor in graph.inputs}


def refused(inputs, shapes=None) -> str:
    with pytest.raises(InputError) as caught:
        inputs_of(inputs, shapes)
    return str(caught.value)


def test_batch_alone_is_one_by_default() -> None:
    assert inputs_of({"x": ("N", 3, 8)}) == {"x": (1, 3, 8)}
    assert inputs_of({"x": (None, 3, 8)}) == {"x": (1, 3, 8)}


def test_shape_option_binds_whole_shapes() -> None:
    assert inputs_of({"x": ("N", 3, "width")}, {"x": (4, 3, 9)}) == {"x": (4, 3, 9)}


def test_dimension_of_one_name_has_one_size() -> None:
    assert inputs_of({"x": ("batch", 8), "h": (2, "batch", 8)}) == {"x": (1, 8), "h": (2, 1, 8)}
    bound = inputs_of({"x": ("batch", 8), "h": (2, "batch", 8)}, {"h": (2, 5, 8)})
    assert bound == {"x": (5, 8), "h": (2, 5, 8)}
    message = refused({"x": ("batch", 8), "h": (2, "batch", 8)}, {"x": (4, 8), "h": (2, 5, 8)})
    assert message == (
        "net.onnx: --shape h: got size 5 in axis 1, expected 4, the size that 'batch' has already: [2, batch, 8]"
    )


def test_unbound_dimensions_are_named_with_the_option_that_binds_them() -> None:
    expected = "of [N, 3, width, ?]), expected its size: --shape x=D,D,.."
    assert refused({"x": ("N", 3, "width", None)}).splitlines() == [
        f"net.onnx: input 'x': got dynamic dimension 'width' (axis 2 {expected}",
        f"net.onnx: input 'x': got dynamic dimension 3 (axis 3 {expected}",
    ]


def test_question_marks_and_minus_one_are_dynamic_and_name_nothing() -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": ("?", 3, "?")})
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    with pytest.raises(InputError, match=r"dynamic dimension '\?' \(axis 2 of \[\?, 3, \?\]\)"):
        frontend.from_model(proto, source="m", base_dir=None)
    assert frontend.from_model(proto, source="m", base_dir=None, shapes={"x": (2, 3, 4)}).inputs[0].shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"X": (1, 3)}, "--shape: got X, expected one of the inputs x"),
        ({"images": (1, 3)}, "--shape: got images, expected one of the inputs x"),
        ({"x": (1, 3, 4)}, "--shape x: got 1,3,4, 3 axes, expected 2 axes: [N, 3]"),
        ({"x": (1, 4)}, "--shape x: got size 4 in axis 1, expected 3, as in the model: [N, 3]"),
        ({"x": (0, 3)}, "--shape x: got size 0 in axis 0, expected 1 or more"),
        ({"x": (-2, 3)}, "--shape x: got size -2 in axis 0, expected 1 or more"),
        ({"x": (2**50, 3)}, "expected at most 32 axes and 1099511627776 elements"),
    ],
)
def test_wrong_shape_options_are_refused(shapes: dict[str, tuple[int, ...]], message: str) -> None:
    assert message in refused({"x": ("N", 3)}, shapes)


def test_near_name_is_proposed() -> None:
    assert "(did you mean 'input_1'?)" in refused({"input_1": ("N", 3)}, {"input1": (1, 3)})


def test_input_of_size_zero_holds_nothing_and_what_is_made_of_it_is_known() -> None:
    node = helper.make_node
    nodes = [node("Relu", ["x"], ["a"]), node("Concat", ["a", "z"], ["y"], axis=0), node("Abs", ["z"], ["e"])]
    proto = model(nodes, {"x": (2, 3), "z": (0, 3)}, ("y", "e"))
    graph = frontend.from_model(proto, source="net.onnx", base_dir=None)
    assert [layer.op for layer in graph.layers] == ["Relu", "Concat", "Constant"]
    assert graph.tensors["y"].shape == (2, 3)
    assert graph.tensors["e"].shape == (0, 3)


def test_input_without_a_shape_needs_one() -> None:
    assert "input 'x': got no shape, expected its size: --shape x=D,D,.." in refused({"x": None})
    assert inputs_of({"x": None}, {"x": (2, 3)}) == {"x": (2, 3)}


def test_graph_is_named_after_the_file_or_the_onnx_graph(tmp_path: Path) -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": (2,)})
    onnx.save(proto, tmp_path / "tiny.onnx")
    assert frontend.load(tmp_path / "tiny.onnx").name == "tiny"
    assert frontend.load(str(tmp_path / "tiny.onnx")).name == "tiny"
    assert frontend.from_model(proto, source="m", base_dir=None).name == "net"


def fed(**shapes: tuple[int, ...]):
    return lambda names: {name: shape for name, shape in shapes.items() if name in names}


def bound(inputs, feed, shapes=None, tmp: Path | None = None) -> dict[str, tuple[int, ...]]:
    assert tmp is not None
    nodes = [helper.make_node("Relu", [next(iter(inputs))], ["y"])]
    onnx.save(model(nodes, inputs), tmp / "net.onnx")
    graph = frontend.load(tmp / "net.onnx", shapes=shapes, fed=feed)
    return {tensor.name: tensor.shape for tensor in graph.inputs}


def test_sizes_that_nothing_else_says_are_those_of_the_data(tmp_path: Path) -> None:
    whole = fed(x=(7, 3, 20, 30))
    assert bound({"x": ("N", 3, "H", "W")}, whole, tmp=tmp_path) == {"x": (1, 3, 20, 30)}
    assert bound({"x": ("N", 3, "H", "W")}, fed(x=(3, 20, 30)), tmp=tmp_path) == {"x": (1, 3, 20, 30)}
    assert bound({"x": ("N", 3, None, None)}, whole, tmp=tmp_path) == {"x": (1, 3, 20, 30)}
    assert bound({"x": ("N", 3, "H", "W")}, whole, {"x": (2, 3, 4, 5)}, tmp=tmp_path) == {"x": (2, 3, 4, 5)}


def test_data_of_another_rank_binds_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"dynamic dimension 'H' \(axis 2 of \[N, 3, H\]\), expected its size: --shape"
    ):
        bound({"x": ("N", 3, "H")}, fed(x=(7,)), tmp=tmp_path)


def test_data_is_not_asked_where_all_is_known(tmp_path: Path) -> None:
    def never(names):
        raise AssertionError(names)

    assert bound({"x": ("N", 3)}, never, tmp=tmp_path) == {"x": (1, 3)}

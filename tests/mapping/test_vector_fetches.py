"""What vector layers fetch: no more than their operations take."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from archsim.engine import simulate
from archsim.errors import InputError
from archsim.frontend import from_model
from archsim.hardware import load_design
from archsim.mapping import Placement, place


def placed(nodes: list[onnx.NodeProto], shape: tuple[int, ...], weights: dict[str, np.ndarray]) -> Placement:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    return place(from_model(model, source="net.onnx", base_dir=None), load_design("isaac"))


def normalized(side: int) -> Placement:
    weights = {"w": np.ones((8, 3, 1, 1), np.float32), "s": np.ones(8, np.float32), "b": np.zeros(8, np.float32)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv"),
        helper.make_node("InstanceNormalization", ["c", "s", "b"], ["y"], "norm"),
    ]
    return placed(nodes, (1, 3, side, side), weights)


def test_a_position_that_waits_for_a_map_does_not_fetch_it_all_again() -> None:
    """6 operations an element of 8 channels and a few for each channel: 97 values a position, not 16 x 16 x 8."""
    placement = normalized(16)
    assert placement.plans[1].stage.windows == 256
    assert placement.plans[1].copies[0].parts[0].inputs == 2 * 6 * 8 + 1
    result = simulate(placement)
    assert result.ok
    assert result.moved_bytes.array_inputs == 2 * 256 * (3 + 97)


def test_positions_that_wait_for_too_much_are_refused() -> None:
    message = r"layer 'norm': got 9216 positions that each wait for all 9216 of 'c', expected at most 67108864 of"
    with pytest.raises(InputError, match=message):
        normalized(96)


def test_a_row_of_a_product_is_a_position_and_its_softmax_waits_for_that_row_alone() -> None:
    """Scores of 6 queries and keys of 4 values, and their softmax: 6 positions of 6 values, each of which fetches a
    query and all keys."""
    weights = {"q": np.ones((5, 4), np.float32), "k": np.ones((5, 4), np.float32)}
    nodes = [
        helper.make_node("MatMul", ["x", "q"], ["queries"], "queries"),
        helper.make_node("MatMul", ["x", "k"], ["keys"], "keys"),
        helper.make_node("Transpose", ["keys"], ["turned"], "turn", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["queries", "turned"], ["scores"], "scores"),
        helper.make_node("Softmax", ["scores"], ["y"], "softmax", axis=-1),
    ]
    placement = placed(nodes, (1, 6, 5), weights)
    (scores,) = [plan for plan in placement.plans if plan.stage.name == "scores"]
    assert (scores.stage.windows, scores.stage.channels) == (6, 6)
    assert [layer.name for layer in scores.stage.vector_layers] == ["scores", "softmax"]
    assert scores.copies[0].parts[0].inputs == 4 + 6 * 4
    assert simulate(placement).ok


def test_a_product_of_the_shape_of_an_operand_has_its_rows_for_positions_too() -> None:
    """Batches of 2 squares of 4: the result has the shape of both operands, whose positions are 4 x 4 of 2 values."""
    weights = {"a": np.ones((2, 2, 1, 1), np.float32), "b": np.ones((2, 2, 1, 1), np.float32)}
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["first"], "first"),
        helper.make_node("Conv", ["x", "b"], ["second"], "second"),
        helper.make_node("MatMul", ["first", "second"], ["y"], "product"),
    ]
    placement = placed(nodes, (1, 2, 4, 4), weights)
    (product,) = [plan for plan in placement.plans if plan.stage.name == "product"]
    assert (product.stage.windows, product.stage.channels) == (2 * 4, 4)
    assert simulate(placement).ok

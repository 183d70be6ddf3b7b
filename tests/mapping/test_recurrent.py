"""Recurrent layers in arrays, and how many copies they get."""

from __future__ import annotations

import pytest
from onnx import helper

from archsim.frontend import from_model, load
from archsim.hardware import load_design
from archsim.mapping import Placement, place
from archsim.mapping.dividing import build_stages
from archsim.mapping.tiling import share, tile_layer
from tests.engine.networks import MODELS, Net
from tests.recurrent import single


def placed(*chosen: str) -> Placement:
    return place(load(MODELS / "lstm_ptb.onnx"), load_design("isaac", list(chosen)))


def copies(placement: Placement) -> list[int]:
    return [len(plan.copies) for plan in placement.plans]


def test_an_lstm_of_1024_stands_fused_in_2048_arrays_of_8_bit_weights() -> None:
    """2048 rows are 16 row blocks; 4096 outputs of 4 cells are 128 column blocks."""
    proto = single("LSTM", features=1024, hidden=1024)
    (layer,) = from_model(proto, source="net.onnx", base_dir=None).matrix_layers
    assert tile_layer(layer, load_design("isaac", ["precision.weight_bits=8"])).arrays == 2048


@pytest.mark.parametrize(
    ("features", "hidden", "rows", "blocks"), [(100, 100, 100, 2), (130, 20, 128, 3), (8, 32, 32, 2)]
)
def test_the_rows_of_input_and_hidden_state_of_a_gru_share_no_array(
    features: int, hidden: int, rows: int, blocks: int
) -> None:
    """An LSTM of as many rows has ceil((features + hidden) / 128) row blocks."""
    design = load_design("isaac", ["adc.rows_per_read=1"])
    proto = single("GRU", features=features, hidden=hidden)
    (layer,) = from_model(proto, source="net.onnx", base_dir=None).matrix_layers
    tiling = tile_layer(layer, design)
    assert (tiling.row_blocks, tiling.read_cycles) == (blocks, 16 * rows)
    parts = [share(layer, tiling, design, block, block + 1) for block in range(blocks)]
    spans = [(part.first_row, part.last_row) for part in parts]
    assert spans[0][0] == 0
    assert spans[-1][1] == features + hidden
    assert features in {last for _, last in spans}
    assert all(last - first <= 128 for first, last in spans)
    assert sum(part.inputs for part in parts) == features + hidden


@pytest.mark.parametrize(
    ("policy", "expected"), [("none", [1, 1, 1]), ("isaac", [1, 1, 1]), ("greedy", [1, 1, 3]), ("optimal", [1, 1, 3])]
)
def test_only_explicit_copies_replicate_a_recurrent_layer(policy: str, expected: list[int]) -> None:
    """One chip of 16,128 arrays holds two LSTMs of 1,793 and three classifiers of 3,750."""
    assert copies(placed(f"copies.policy={policy}")) == expected


def test_explicit_copies_of_a_recurrent_layer_are_as_many_as_asked_for() -> None:
    assert copies(placed("copies.explicit=[2,3]")) == [2, 3, 1]


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_position_of_the_input_is_a_step_whichever_axis_comes_first(batch_first: bool) -> None:
    """PyTorch's batch_first is a Transpose before the LSTM: its first step needs one position of the input all the
    same, not one of every feature."""
    proto = single("LSTM", steps=5, batch=2, features=6)
    if batch_first:
        proto.graph.node.insert(0, helper.make_node("Transpose", ["batches"], ["x"], "t", perm=[1, 0, 2]))
        proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("batches", 1, (2, 5, 6)))
    placement = place(from_model(proto, source="net.onnx", base_dir=None), load_design("isaac", []))
    (source,) = placement.stages.inputs
    assert (source.channels, source.grid.size) == (6, 10)
    needed = placement.plans[0].stage.inputs[0].need.table[:, 0].tolist()
    order = [0, 5, 1, 6, 2, 7, 3, 8, 4, 9] if batch_first else list(range(10))
    assert needed == order


def test_a_row_of_an_image_that_is_a_step_is_one_position_of_the_input() -> None:
    """As PyTorch exports `image[:, 0]` before an LSTM: a Gather of the only channel, then a Transpose."""
    proto = single("LSTM", steps=8, features=8)
    proto.graph.node.insert(0, helper.make_node("Transpose", ["rows"], ["x"], "t", perm=[1, 0, 2]))
    proto.graph.node.insert(0, helper.make_node("Gather", ["image", "first"], ["rows"], "g", axis=1))
    proto.graph.initializer.append(helper.make_tensor("first", 7, (), [0]))
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("image", 1, (1, 1, 8, 8)))
    placement = place(from_model(proto, source="net.onnx", base_dir=None), load_design("isaac", []))
    assert [(source.channels, source.grid.size) for source in placement.stages.inputs] == [(8, 8)]


def test_a_flattened_image_keeps_its_channels() -> None:
    net = Net(3, 4, 4)
    net.fc("image", 5)
    assert [(source.channels, source.grid.size) for source in build_stages(net.graph()).inputs] == [(3, 16)]

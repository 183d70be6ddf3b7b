"""Recurrent layers in arrays, and how many copies they get."""

from __future__ import annotations

import pytest

from archsim.frontend import from_model, load
from archsim.hardware import load_design
from archsim.mapping import Placement, place
from archsim.mapping.tiling import share, tile_layer
from tests.engine.networks import MODELS
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
    assert (features in {last for _, last in spans}) and all(last - first <= 128 for first, last in spans)
    assert sum(part.inputs for part in parts) == features + hidden


@pytest.mark.parametrize(
    ("policy", "expected"), [("none", [1, 1, 1]), ("isaac", [1, 1, 1]), ("greedy", [1, 1, 3]), ("optimal", [1, 1, 3])]
)
def test_only_explicit_copies_replicate_a_recurrent_layer(policy: str, expected: list[int]) -> None:
    """One chip of 16,128 arrays holds two LSTMs of 1,793 and three classifiers of 3,750."""
    assert copies(placed(f"copies.policy={policy}")) == expected


def test_explicit_copies_of_a_recurrent_layer_are_as_many_as_asked_for() -> None:
    assert copies(placed("copies.explicit=[2,3]")) == [2, 3, 1]

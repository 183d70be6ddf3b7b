"""The crossbar of a design has the design's figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.crossbar import encodings, program
from archsim.errors import InputError
from archsim.hardware import load_design
from archsim.mapping.tiling import tile_layer
from archsim.values import crossbar_spec
from tests.values.networks import linear


def test_isaac_is_a_lossless_8_bit_adc_behind_128_rows_of_2_bit_cells():
    spec = crossbar_spec(load_design("isaac"))
    assert (spec.rows, spec.columns, spec.cell_bits, spec.dac_bits) == (128, 128, 2, 1)
    assert (spec.weight_bits, spec.input_bits, spec.adc_bits, spec.rows_per_read) == (16, 16, 8, 128)
    assert spec.sign == "offset"
    assert spec.adc_step == 1


def test_an_unknown_sign_is_refused():
    design = load_design("isaac")
    other = design.model_copy(update={"array": design.array.model_copy(update={"sign": "pairs"})})
    with pytest.raises(InputError, match=r"array\.sign: got pairs, expected one of .*did you mean 'pair'"):
        crossbar_spec(other)


def test_precision_that_numbers_cannot_have_names_the_setting_and_the_range():
    design = load_design("isaac")
    precision = design.precision.model_copy(update={"weight_bits": 1, "input_bits": 32})
    with pytest.raises(InputError) as caught:
        crossbar_spec(design.model_copy(update={"precision": precision}))
    key, binary = "precision", "or 1 with array.sign=binary"
    where = "where numbers are computed"
    assert str(caught.value).splitlines() == [
        f"design isaac: precision.weight_bits: got 1, expected 2 to 16 {where}, {binary}: --set {key}.weight_bits=2",
        f"design isaac: precision.input_bits: got 32, expected 1 to 16 {where}: --set {key}.input_bits=16",
    ]


@pytest.mark.parametrize("sign", sorted(encodings()))
@given(st.integers(2, 16), st.integers(1, 8), st.integers(1, 600), st.integers(1, 200))
@settings(max_examples=15, deadline=None)
def test_a_matrix_takes_the_columns_and_arrays_that_the_mapping_counts(sign, weight_bits, cell_bits, rows, outputs):
    bits = [f"precision.weight_bits={weight_bits}"]
    if sign == "binary":
        bits = ["precision.weight_bits=1", "precision.input_bits=1"]
    design = load_design("isaac", [f"array.sign={sign}", f"array.cell_bits={cell_bits}", *bits])
    matrix = program(np.ones((rows, outputs), dtype=np.int64), crossbar_spec(design))
    assert matrix.slices == design.cells_per_weight
    assert matrix.arrays_per_block == design.arrays_per_block
    (layer,) = linear(np.zeros((rows, outputs))).matrix_layers
    assert matrix.arrays == tile_layer(layer, design).arrays

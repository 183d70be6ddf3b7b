"""What follows from a design's figures: read cycles, cells, peak rate."""

from __future__ import annotations

from fractions import Fraction

import pytest

from archsim.hardware import load_design
from archsim.hardware.units import period_ns


@pytest.mark.parametrize(
    ("settings", "rows", "cycles"),
    [
        ((), 128, 16),
        ((), 1, 16),
        (("precision.input_bits=8",), 128, 8),
        (("array.dac_bits=2",), 128, 8),
        (("array.dac_bits=3",), 128, 6),  # 16 bits in slices of 3
        (("adc.conversions_per_read=32",), 128, 16 * 4),
        (("adc.conversions_per_read=100",), 128, 16 * 2),
        (("adc.conversions_per_read=1000",), 128, 16),
        # PRIME, Chi et al., ISCA 2016: 6-bit inputs through 3-bit drivers, a sense amplifier behind 32 columns
        (
            ("precision.input_bits=6", "array.dac_bits=3", "adc.columns_per_adc=32", "adc.conversions_per_read=1"),
            128,
            2 * 32,
        ),
        # an ADC behind 8 columns that converts one a read
        (("adc.columns_per_adc=8", "adc.conversions_per_read=1"), 128, 16 * 8),
        (("adc.rows_per_read=8",), 128, 16 * 16),
        (("adc.rows_per_read=8",), 27, 16 * 4),
        (("adc.rows_per_read=7", "adc.conversions_per_read=64", "precision.input_bits=8"), 128, 8 * 2 * 19),
    ],
)
def test_read_cycles_are_slices_times_conversions_times_row_groups(
    settings: tuple[str, ...], rows: int, cycles: int
) -> None:
    assert load_design("isaac", settings).read_cycles(rows) == cycles


@pytest.mark.parametrize(
    ("settings", "cells"),
    [
        ((), 8),
        (("precision.weight_bits=8",), 4),
        (("precision.weight_bits=8", "array.cell_bits=1"), 8),
        (("precision.weight_bits=7", "array.cell_bits=2"), 4),
        (("array.sign=pair",), 16),
        (("array.sign=pair_arrays",), 8),
        (("array.sign=offset_unflipped",), 8),
        (("array.sign=twos_complement",), 9),  # 15 bits in 8 cells, and the sign
        (("array.sign=twos_complement", "precision.weight_bits=7"), 4),
        (("array.sign=twos_complement", "array.cell_bits=1"), 16),
        (("array.cell_bits=8",), 2),
    ],
)
def test_cells_per_weight(settings: tuple[str, ...], cells: int) -> None:
    assert load_design("isaac", settings).cells_per_weight == cells


def test_isaac_has_16128_arrays_and_41_tops_at_its_peak() -> None:
    """Shafiee et al., ISCA 2016, Table I: 168 tiles of 12 IMAs of 8 arrays; 4,096 operations each in 1.6 us."""
    design = load_design("isaac")
    assert (design.tile_arrays, design.chip_arrays) == (96, 16_128)
    assert design.peak_tops() == pytest.approx(16_128 * 4_096 / 1.6e-6 / 1e12, rel=1e-12)
    assert round(design.peak_tops(), 2) == 41.29
    assert design.peak_tops(3) == pytest.approx(3 * design.peak_tops())


def test_a_sign_in_a_cell_of_its_own_takes_room_at_the_peak() -> None:
    """9 columns a weight: 14 weights in 128 columns, where ISAAC has 16."""
    plain, other = (load_design("isaac", settings).peak_tops() for settings in ((), ("array.sign=twos_complement",)))
    assert other == pytest.approx(plain * 14 / 16)


def test_binary_networks_take_two_arrays_and_one_read() -> None:
    """128 x 128 weights in two arrays of 128 x 128 cells, read in 100 ns."""
    settings = ("array.sign=binary", "precision.weight_bits=1", "precision.input_bits=1")
    design = load_design("isaac", settings)
    assert (design.cells_per_weight, design.arrays_per_block, design.read_cycles(128)) == (1, 2, 1)
    assert design.peak_tops() == pytest.approx(16_128 / 2 * 2 * 128 * 128 / 100e-9 / 1e12)


def test_the_low_partial_product_that_is_left_out_is_that_of_the_lowest_of_all_slices() -> None:
    """PRIME, Chi et al., ISCA 2016: 8 bits, the sign in a third 4-bit cell: of 2 x 32 rounds floor(32 / 3) fewer."""
    settings = ("array.sign=twos_complement", "precision.weight_bits=8", "adc.skip_low_low=true")
    design = load_design("prime", settings)
    assert design.weight_slices == 3
    assert design.read_cycles(256) == 54
    assert design.conversions(256) == 2 * 256 - 256 // 3


def test_arrays_that_share_converters_take_turns_at_the_peak() -> None:
    assert load_design("isaac", ["adc.arrays_per_set=4"]).peak_tops() == load_design("isaac").peak_tops() / 4


@pytest.mark.parametrize(("bits", "size"), [(16, 2), (8, 1), (9, 2), (17, 3), (1, 1)])
def test_a_value_takes_whole_bytes(bits: int, size: int) -> None:
    assert load_design("isaac", [f"precision.input_bits={bits}"]).value_bytes == size


def test_times_are_exact_fractions() -> None:
    design = load_design("isaac", ["array.read_ns=29.31", "sfu.clock_ghz=1.2"])
    assert design.cycle_ns == Fraction(2931, 100)
    assert period_ns(design.sfu.clock_ghz) == Fraction(5, 6)

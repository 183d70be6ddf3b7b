"""Bytes moved by level and conversions, counted by the simulation, against hand calculations."""

from __future__ import annotations

import pytest

from archsim.engine import simulate
from archsim.hardware import Design, load_design
from archsim.mapping import place
from archsim.result import MovedBytes, Result
from tests.engine.networks import Net, placed
from tests.oracle.arrays import VGG16_ARRAYS

BITS_8 = ("precision.weight_bits=8", "precision.input_bits=8")
TILES = ("tile.pes=1", "noc.concentration=1", "chip.mesh_width=1", "chips=1")


def without(*units: str) -> Design:
    """ISAAC at 8 bit with units of which nothing is known."""
    return load_design("isaac", BITS_8).model_copy(update=dict.fromkeys(units))


def on_two_tiles(split: str, *settings: str, images: int = 1) -> Result:
    """A 1 x 1 convolution of 4 positions of 200 channels of a byte to 40 outputs: 2 row blocks x 2 column blocks of 2
    arrays each, on two tiles."""
    net = Net(200, 2, 2)
    net.conv("image", 40)
    small = ("pe.arrays=2", "chip.tiles=2", f"tiling.split={split}")
    return simulate(placed(net, *BITS_8, *TILES, *small, *settings, copies=[1]), images=images)


@pytest.mark.parametrize("model", ["ideal", "bus"])
@pytest.mark.parametrize("images", [1, 3])
def test_a_copy_divided_by_columns_moves_every_input_to_both_tiles(model: str, images: int) -> None:
    """A pixel enters at tile 0, goes on to tile 1, is written and fetched on both; tile 0 sends its 32 outputs as sums
    of 4 bytes to tile 1, and 40 outputs leave through tile 0 again."""
    result = on_two_tiles("columns", f"noc.model={model}", images=images)
    pixels = 4 * images
    assert result.moved_bytes == MovedBytes(
        array_inputs=pixels * 200 * 2,
        handed_over=0,
        buffer_writes=pixels * 200 * 2,
        noc=pixels * (200 + 32 * 4 + 40),
        partial_sums=pixels * 32 * 4,
        offchip=pixels * (200 + 40),
    )


def test_a_copy_divided_by_rows_moves_its_rows_to_each_tile() -> None:
    """128 rows on tile 0 and 72 on tile 1, and a sum of 4 bytes for each of 40 outputs between them."""
    result = on_two_tiles("rows")
    assert result.moved_bytes == MovedBytes(
        array_inputs=4 * 200,
        handed_over=0,
        buffer_writes=4 * 200,
        noc=4 * (72 + 40 * 4 + 40),
        partial_sums=4 * 40 * 4,
        offchip=4 * (200 + 40),
    )


def test_levels_that_are_not_simulated_are_none() -> None:
    net = Net(3, 2, 2)
    net.conv("image", 4)
    moved = simulate(place(net.graph(), without("noc", "offchip"))).moved_bytes
    assert (moved.array_inputs, moved.noc, moved.partial_sums, moved.offchip) == (12, None, None, None)
    ideal = simulate(placed(net, *BITS_8, copies=[1]), ideal=True).moved_bytes
    assert (ideal.array_inputs, ideal.noc, ideal.partial_sums, ideal.offchip) == (12, None, None, None)
    assert (moved.memory_reads, moved.memory_writes, moved.weights) == (None, None, None)


def test_a_value_that_two_layers_read_is_fetched_by_each_and_written_once_for_each() -> None:
    net = Net(3, 2, 2)
    stem = net.conv("image", 8)
    outputs = [net.conv(stem, 4), net.conv(stem, 4)]
    moved = simulate(placed(net, *BITS_8, copies=[1] * 3, outputs=outputs)).moved_bytes
    assert moved.array_inputs == moved.buffer_writes == 4 * (3 + 8 + 8)
    assert (moved.noc, moved.offchip) == (0, 4 * (3 + 4 + 4))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((), 4 * 8 * 4 * 128),
        (("precision.input_bits=16",), 4 * 16 * 4 * 128),
        (("array.dac_bits=2",), 4 * 4 * 4 * 128),
        (("adc.rows_per_read=32",), 4 * 8 * 4 * 4 * 128),
        (("adc.columns_per_adc=8", "adc.conversions_per_read=1"), 4 * 8 * 4 * 128),  # longer, not more
        (("array.sign=pair",), 4 * 8 * 6 * 128),  # 40 outputs of 8 cells: 3 column blocks
        (("array.sign=pair_arrays",), 4 * 8 * 4 * 128),  # 8 arrays, the difference of two converted
        (("array.dac_bits=2", "adc.skip_low_low=true"), 4 * (4 * 128 - 128 // 4) * 4),
    ],
)
def test_every_column_of_every_array_is_converted_in_every_read(settings: tuple[str, ...], expected: int) -> None:
    """4 windows of 200 rows x 40 outputs of 4 cells: 2 x 2 arrays of 128 columns, read 8 times at 8 bit."""
    net = Net(200, 2, 2)
    net.conv("image", 40)
    for copies in (1, 4):
        placement = placed(net, *BITS_8, *settings, copies=[copies])
        assert simulate(placement, images=2).adc_conversions == 2 * expected
        assert simulate(placement, ideal=True).adc_conversions == expected


def test_conversions_are_none_without_converters() -> None:
    net = Net(3, 2, 2)
    net.conv("image", 4)
    assert simulate(place(net.graph(), without("adc"))).adc_conversions is None


def test_vgg16_at_16_bit_takes_16_billion_conversions() -> None:
    """ISAAC, Shafiee et al., ISCA 2016: 128 columns of each array in each of 16 reads, 1.041 a MAC."""
    result = simulate(placed("vgg16"), ideal=True)
    assert result.adc_conversions == sum(windows * arrays * 128 * 16 for *_, windows, _, arrays in VGG16_ARRAYS)
    assert round(result.adc_conversions / 1e9, 2) == 16.10
    assert round(result.adc_conversions / result.model.macs, 3) == 1.041

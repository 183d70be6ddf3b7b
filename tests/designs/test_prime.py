"""PRIME (Chi et al., ISCA 2016) as `mappings/prime.yaml` has it, against what the paper says."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from archsim.crossbar import program
from archsim.engine import simulate
from archsim.errors import InputError
from archsim.frontend import load
from archsim.hardware import load_design
from archsim.mapping import Placement, place
from archsim.values import crossbar_spec
from tests.engine.networks import MODELS, Net


def on_prime(model: Net | str, *settings: str) -> Placement:
    graph = model.graph() if isinstance(model, Net) else load(MODELS / f"{model}.onnx")
    return place(graph, load_design("prime", settings))


def full_pair(*settings: str) -> Placement:
    """One window on a pair of mats that a matrix of 256 x 128 fills."""
    net = Net(256, 1, 1)
    net.conv("image", 128)
    return on_prime(net, "copies.policy=none", *settings)


@pytest.mark.parametrize(("skip", "rounds"), [("false", 64), ("true", 48)])
def test_a_window_takes_64_rounds_of_conversions_and_48_without_the_low_partial_product(skip: str, rounds: int) -> None:
    placement = full_pair(f"adc.skip_low_low={skip}")
    assert placement.plans[0].read_cycles == rounds
    assert simulate(placement, ideal=True).latency_cycles == rounds + 6


@pytest.mark.parametrize("input_bits", [3, 4, 6, 8, 16])
@pytest.mark.parametrize("weight_bits", [4, 5, 8, 16])
def test_other_precisions_take_32_rounds_for_3_bits_of_input_and_a_cell_for_4_of_a_weight(
    input_bits: int, weight_bits: int
) -> None:
    design = load_design("prime", [f"precision.input_bits={input_bits}", f"precision.weight_bits={weight_bits}"])
    assert design.read_cycles(256) == math.ceil(input_bits / 3) * 32
    assert design.cells_per_weight == math.ceil(weight_bits / 4)


@pytest.mark.parametrize(("skip", "a_mac"), [("false", Fraction(4, 256)), ("true", Fraction(3, 256))])
def test_a_multiply_accumulate_takes_3_or_4_of_256_conversions(skip: str, a_mac: Fraction) -> None:
    """64 to 85 times fewer than ISAAC's one at 16 bit."""
    result = simulate(full_pair(f"adc.skip_low_low={skip}"))
    assert Fraction(result.adc_conversions or 0, result.model.macs) == a_mac
    assert 64 <= 1 / a_mac <= 86


def test_a_rank_holds_270_million_synapses_in_16384_mats() -> None:
    design = load_design("prime")
    mats = 8 * (design.chip_arrays or 0)
    assert mats == 2 * 8 * 8 * 128 == 16_384
    synapses = mats // design.arrays_per_block * 256 * (256 // design.cells_per_weight)
    assert round(synapses / 1e8, 1) == 2.7


def test_a_tiles_buffer_is_a_subarray_of_the_memory() -> None:
    assert load_design("prime").tile.buffer_bytes == 16 * 2**30 // (8 * 8 * 64)


def test_vgg16_takes_half_of_a_rank_and_copies_fill_it_further() -> None:
    """Published: 53.9 % before replication, 73.6 % after."""
    used = [
        on_prime("vgg16", "chips=8", f"copies.policy={policy}").arrays_used / 16_384 for policy in ("none", "isaac")
    ]
    assert [round(share, 3) for share in used] == [0.516, 0.853]


def test_vgg16_needs_units_that_prime_has_and_resnet18_others() -> None:
    assert on_prime("vgg16").chips == 5
    with pytest.raises(InputError) as caught:
        on_prime("resnet18")
    has = "expected an operation that prime has a unit for (sfu.operations: Sigmoid, Relu, MaxPool)"
    assert str(caught.value).splitlines() == [
        f"resnet18: layer 'layer1.0.add' and 7 more: got Add, {has}",
        f"resnet18: layer 'avgpool': got GlobalAveragePool, {has}",
    ]


def test_alexnet_runs_over_the_shared_bus_of_each_chip() -> None:
    result = simulate(on_prime("alexnet"))
    assert result.ok
    assert (result.chips, result.noc.packets is not None) == (2, True)
    assert 0 < (result.noc.max_link_utilisation or 0) < 1
    assert {use.unit for use in result.busiest} >= {"arrays", "noc", "link"}


@pytest.mark.slow
def test_vgg16_runs_and_converts_512_columns_of_each_pair_a_window() -> None:
    placement = on_prime("vgg16")
    result = simulate(placement)
    assert result.ok
    assert (result.latency_ns or 0) > result.interval_bound_ns
    matrices = [plan.stage.matrix for plan in placement.plans if plan.stage.matrix]
    pairs = [math.ceil(m.rows / 256) * math.ceil(m.outputs / 128) * m.windows for m in matrices]
    assert result.adc_conversions == 512 * sum(pairs) == 323_862_528


def test_mats_are_exact_with_converters_wide_enough_and_clip_the_difference_with_6_bits() -> None:
    """256 rows x 15 x 7 are 15 bits."""
    rng = np.random.default_rng(1)
    weights, inputs = rng.integers(-128, 128, (300, 9)), rng.integers(0, 64, (4, 300))
    exact = program(weights, crossbar_spec(load_design("prime", ["adc.bits=15"])))
    assert exact.lossless
    assert np.array_equal(exact.read_all_conversions(inputs), inputs @ weights)
    clipped = program(weights, crossbar_spec(load_design("prime")))
    assert not clipped.lossless
    # both halves of an input and of a weight, and two row blocks, of at most 63 each
    assert np.abs(clipped.read(inputs)).max() <= 2 * 63 * (1 + 8) * (1 + 16)

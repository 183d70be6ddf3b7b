"""The references of array counts and copies against worked figures and exhaustive search."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.oracle import arrays
from tests.oracle.arrays import Layer, arrays_per_copy, copies_for, layers_of, optimal_windows, used
from tests.oracle.network import read_network

MODELS = Path(__file__).parents[2] / "models"
CHIP = 16_128  # arrays of an ISAAC chip: 168 tiles x 12 x 8


@pytest.fixture(scope="module")
def vgg16() -> list[Layer]:
    return layers_of(read_network(MODELS / "vgg16.onnx"), 128, 128, 8)


@pytest.fixture(scope="module")
def convolutions(vgg16: list[Layer]) -> list[Layer]:
    """VGG-16's 13 convolutions as a network of their own."""
    layers = [layer for layer in vgg16 if layer.convolution]
    return [replace(layer, consumers={j: s for j, s in layer.consumers.items() if j < 13}) for layer in layers]


@pytest.mark.parametrize("row", arrays.VGG16_ARRAYS, ids=lambda row: row[0])
def test_every_layer_of_vgg16_takes_the_arrays_of_the_worked_table(row: tuple[str, int, int, int, int, int]) -> None:
    name, rows, outputs, windows, with_4_cells, with_8_cells = row
    nodes = {node.name: node.matrix for node in read_network(MODELS / "vgg16.onnx").matrix_nodes}
    matrix = nodes[name]
    assert matrix is not None
    assert (matrix.rows, matrix.outputs, matrix.windows) == (rows, outputs, windows)
    assert arrays_per_copy(rows, outputs, 1, 128, 128, 4) == with_4_cells
    assert arrays_per_copy(rows, outputs, 1, 128, 128, 8) == with_8_cells


@pytest.mark.parametrize(("cells", "total"), [(2, 16_902), (4, 33_804), (8, 67_576), (16, 135_120)])
def test_vgg16_takes_the_published_arrays_in_all(cells: int, total: int) -> None:
    layers = layers_of(read_network(MODELS / "vgg16.onnx"), 128, 128, cells)
    assert used(layers, arrays.none(layers)) == total
    assert sum(layer.windows for layer in layers) == 137_791


def test_resnet18_takes_5724_arrays_at_16_bit() -> None:
    layers = layers_of(read_network(MODELS / "resnet18.onnx"), 128, 128, 8)
    assert used(layers, arrays.none(layers)) == 5_724


@pytest.mark.parametrize(
    ("rows", "outputs", "groups", "cells", "expected"),
    [
        (1024, 1024, 1, 4, 8 * 32),
        (1024, 1024, 1, 8, 8 * 64),
        (9, 32, 32, 8, 3),  # 14 groups of 9 rows on a diagonal: rows bind
        (9, 32, 32, 16, 4),  # 8 groups of 16 columns: columns bind
        (128, 32, 2, 8, 2),  # one group fills the rows
        (129, 32, 2, 8, 4),  # a group spills into a second row of arrays
        (64, 64, 2, 8, 4),  # 64 rows allow two, 256 columns none
    ],
)
def test_groups_share_an_array_only_on_its_diagonal(
    rows: int, outputs: int, groups: int, cells: int, expected: int
) -> None:
    assert arrays_per_copy(rows, outputs, groups, 128, 128, cells) == expected


def test_isaac_rule_on_vgg16_convolutions(convolutions: list[Layer]) -> None:
    whole = [256, 256, 64, 64, 16, 16, 16, 4, 4, 4, 1, 1, 1]
    assert arrays.isaac(convolutions, 10**9) == (whole, 1)
    copies, divisor = arrays.isaac(convolutions, CHIP)
    assert (copies, divisor) == ([64, 64, 16, 16, 4, 4, 4, 1, 1, 1, 1, 1, 1], 4)
    assert used(convolutions, copies) == 12_544


def test_isaac_rule_on_whole_vgg16_divides_by_4_on_5_chips_and_not_on_7(vgg16: list[Layer]) -> None:
    assert math.ceil(used(vgg16, arrays.none(vgg16)) / CHIP) == 5
    copies, divisor = arrays.isaac(vgg16, 5 * CHIP)
    assert (used(vgg16, copies), divisor) == (72_928, 4)
    assert arrays.isaac(vgg16, 7 * CHIP)[1] == 1
    assert arrays.isaac(vgg16, 6 * CHIP)[1] == 2


def test_isaac_rule_follows_strides_through_pools_and_joins_of_resnet18() -> None:
    layers = layers_of(read_network(MODELS / "resnet18.onnx"), 128, 128, 8)
    copies, divisor = arrays.isaac(layers, 10**9)
    assert (copies, divisor) == ([256] + [64] * 4 + [16] * 5 + [4] * 5 + [1] * 6, 1)


def test_greedy_on_vgg16_convolutions(convolutions: list[Layer]) -> None:
    copies = arrays.greedy(convolutions, CHIP)
    assert copies == [65, 65, 17, 17, 5, 5, 5, 2, 2, 1, 1, 1, 1]
    assert used(convolutions, copies) == 15_128
    assert max(math.ceil(layer.windows / count) for layer, count in zip(convolutions, copies, strict=True)) == 784


def test_optimal_on_whole_vgg16_with_5_chips(vgg16: list[Layer]) -> None:
    assert optimal_windows(vgg16, 5 * CHIP) == 448
    bare = copies_for(vgg16, 448)
    assert bare == [112, 112, 28, 28, 7, 7, 7, 2, 2, 2, 1, 1, 1, 1, 1, 1]
    assert used(vgg16, bare) == 80_464
    copies = arrays.optimal(vgg16, 5 * CHIP)
    assert copies == [113, 113, 29, 29, 7, 7, 7, 2, 2, 2, 1, 1, 1, 1, 1, 1]
    assert used(vgg16, copies) == 80_600


@pytest.mark.parametrize("seed", range(20))
def test_optimal_is_never_beaten_by_exhaustive_search(seed: int) -> None:
    draw = random.Random(seed)
    layers = [Layer(draw.randint(1, 6), draw.randint(1, 5), True, {}) for _ in range(4)]
    budget = used(layers, arrays.none(layers)) + draw.randint(0, 30)
    choices = itertools.product(*(range(1, layer.windows + 1) for layer in layers))
    best = min(_busiest(layers, list(copies)) for copies in choices if used(layers, list(copies)) <= budget)
    copies = arrays.optimal(layers, budget)
    assert used(layers, copies) <= budget
    assert optimal_windows(layers, budget) == best
    assert _busiest(layers, copies) == best


def test_no_policy_gives_more_copies_than_windows() -> None:
    layers = [Layer(4, 1, True, {1: 4}), Layer(3, 1, True, {2: 4}), Layer(2, 1, True, {})]
    assert arrays.isaac(layers, 100) == ([4, 3, 1], 1)
    assert arrays.greedy(layers, 100) == [4, 3, 2]
    assert arrays.optimal(layers, 100) == [4, 3, 2]


def test_greedy_prefers_the_earlier_of_equal_layers_and_stops_at_the_first_that_does_not_fit() -> None:
    assert arrays.greedy([Layer(8, 1, True, {}), Layer(8, 1, True, {})], 3) == [2, 1]
    assert arrays.greedy([Layer(8, 5, True, {}), Layer(4, 1, True, {})], 10) == [1, 1]


@pytest.mark.parametrize("policy", [arrays.isaac, arrays.optimal])
def test_a_budget_below_one_copy_of_each_layer_is_refused(policy: object) -> None:
    assert callable(policy)
    with pytest.raises(ValueError, match="one copy of every layer does not fit in 7 arrays"):
        policy([Layer(4, 4, True, {1: 1}), Layer(4, 4, True, {})], 7)


def _busiest(layers: list[Layer], copies: list[int]) -> int:
    return max(math.ceil(layer.windows / count) for layer, count in zip(layers, copies, strict=True))

"""The reference against numbers worked out by hand, published figures, and a closed form of another shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from onnx import helper

from tests.oracle.network import read_network
from tests.oracle.recurrence import simulate
from tests.oracle.small import conv, save

MODELS = Path(__file__).parents[2] / "models"
VGG16_COPIES = [64, 64, 16, 16, 4, 4, 4] + [1] * 9
RESNET18_COPIES = [64] + [16] * 4 + [4] * 5 + [1] * 11
POINT: dict[str, tuple[int, ...]] = {"a.weight": (1, 1, 1, 1)}
Cycles = npt.NDArray[np.int64]


@pytest.mark.parametrize(
    ("read_cycles", "assignment", "convolutions", "network", "interval"),
    [
        (16, "round_robin", 16_270, 16_336, 12_544),
        (8, "round_robin", 8_174, 8_216, 6_272),
        (16, "strips", 16_750, 16_816, 12_544),
    ],
)
def test_vgg16_gives_the_published_cycles(
    read_cycles: int, assignment: str, convolutions: int, network: int, interval: int
) -> None:
    times = simulate(MODELS / "vgg16.onnx", VGG16_COPIES, read_cycles, images=2, assignment=assignment)
    done = {layer.name: layer.done[0] for layer in times.layers}
    assert done["conv5_3"] == convolutions
    assert done["fc8"] == times.done[0] == network
    assert times.interval == interval


@pytest.mark.parametrize(("assignment", "network"), [("round_robin", 5_388), ("strips", 5_676)])
def test_resnet18_gives_the_published_cycles(assignment: str, network: int) -> None:
    times = simulate(MODELS / "resnet18.onnx", RESNET18_COPIES, 16, images=2, assignment=assignment)
    assert (times.done[0], times.interval) == (network, 3_136)


def test_vgg16_with_greedy_copies_keeps_the_interval_of_its_slowest_layer() -> None:
    copies = [65, 65, 17, 17, 5, 5, 5, 2, 2, 1, 1, 1, 1, 1, 1, 1]
    times = simulate(MODELS / "vgg16.onnx", copies, 16, images=3)
    assert times.interval == 784 * 16
    first = times.layers[0].starts
    assert first[2][0] - first[1][0] == 12_352  # ceil(50,176 / 65) * 16: the early layers run ahead


def test_a_layer_whose_inputs_are_there_starts_as_many_windows_as_it_has_copies(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", (1, 1, 2, 3), [conv("a", "image", 1)], POINT)
    layer = simulate(path, [2], 16).layers[0]
    assert layer.starts == ((0, 0, 16, 16, 32, 32),)
    assert layer.done == (32 + 16 + 6,)


def test_round_robin_counts_windows_on_through_the_images(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", (1, 1, 1, 4), [conv("a", "image", 1)], POINT)
    times = simulate(path, [3], 16, images=2)
    assert times.layers[0].starts == ((0, 0, 0, 16), (16, 16, 32, 32))
    assert times.done == (38, 54)


def test_a_window_waits_for_its_receptive_field_clamped_at_the_border(tmp_path: Path) -> None:
    nodes = [conv("a", "image", 1), conv("b", "a", 3, pad=1)]
    path = save(tmp_path / "a.onnx", (1, 1, 3, 3), nodes, {**POINT, "b.weight": (1, 1, 3, 3)})
    first, second = simulate(path, [1, 1], 4).layers
    assert first.starts == (tuple(range(0, 36, 4)),)
    # values of `a` are done at 10, 14, 18 / 22, 26, 30 / 34, 38, 42
    assert second.starts == ((26, 30, 34, 38, 42, 46, 50, 54, 58),)
    assert second.done == (68,)


@pytest.mark.parametrize(
    ("assignment", "starts"),
    [
        ("round_robin", (26, 30, 30, 38, 42, 42, 42, 42, 42)),
        ("strips", (26, 30, 30, 38, 42, 42, 38, 42, 42)),
    ],
)
def test_only_round_robin_holds_a_window_until_the_one_before_has_started(
    tmp_path: Path, assignment: str, starts: tuple[int, ...]
) -> None:
    """The last row's first window has what it reads before the window to its upper right has."""
    nodes = [conv("a", "image", 1), conv("b", "a", 3, pad=1)]
    path = save(tmp_path / "a.onnx", (1, 1, 3, 3), nodes, {**POINT, "b.weight": (1, 1, 3, 3)})
    assert simulate(path, [1, 9], 4, assignment=assignment).layers[1].starts == (starts,)


def test_a_pooled_value_is_done_with_the_last_value_it_reads(tmp_path: Path) -> None:
    pool = helper.make_node("MaxPool", ["a"], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2])
    nodes = [conv("a", "image", 1), pool, conv("b", "pool", 1)]
    path = save(tmp_path / "a.onnx", (1, 1, 2, 4), nodes, {**POINT, "b.weight": (1, 1, 1, 1)})
    second = simulate(path, [1, 1], 4).layers[1]
    assert second.starts == ((5 * 4 + 10, 7 * 4 + 10),)


def test_joins_and_reductions_wait_for_their_last_operand(tmp_path: Path) -> None:
    nodes = [
        conv("a", "image", 1),
        conv("b", "a", 1),
        helper.make_node("Add", ["b", "a"], ["sum"], "sum"),
        helper.make_node("Concat", ["image", "sum"], ["both"], "both", axis=1),
        conv("c", "both", 1),
        helper.make_node("GlobalAveragePool", ["c"], ["mean"], "mean"),
        helper.make_node("Flatten", ["mean"], ["flat"], "flat"),
        helper.make_node("Gemm", ["flat", "d.weight"], ["d"], "d"),
    ]
    weights = {**POINT, "b.weight": (1, 1, 1, 1), "c.weight": (1, 2, 1, 1), "d.weight": (1, 5)}
    path = save(tmp_path / "a.onnx", (1, 1, 1, 2), nodes, weights)
    layers = simulate(path, [2, 2, 2, 1], 4).layers
    assert [layer.starts[0] for layer in layers] == [(0, 0), (10, 10), (20, 20), (30,)]
    assert layers[-1].done == (40,)


def test_strips_give_each_copy_a_column_strip_and_order_windows_per_copy(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", (1, 1, 2, 4), [conv("a", "image", 1)], POINT)
    layer = simulate(path, [2], 16, assignment="strips").layers[0]
    assert layer.starts == ((0, 16, 0, 16, 32, 48, 32, 48),)


def test_strips_of_uneven_width_are_balanced_over_rows(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", (1, 1, 2, 6), [conv("a", "image", 1)], POINT)
    layer = simulate(path, [4], 16, assignment="strips").layers[0]
    # copies 0 0 1 2 2 3 in the upper row, 0 1 1 2 3 3 in the lower
    assert layer.starts == ((0, 16, 0, 0, 16, 0, 32, 16, 32, 32, 16, 32),)


def test_bands_give_each_copy_a_part_of_the_raster_order(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", (1, 1, 2, 2), [conv("a", "image", 1)], POINT)
    assert simulate(path, [2], 16, assignment="bands").layers[0].starts == ((0, 16, 0, 16),)


def test_strips_of_a_map_of_one_row_are_round_robin_in_raster_order(tmp_path: Path) -> None:
    column = helper.make_node("Conv", ["a", "b.weight"], ["b"], "b", kernel_shape=[2, 1])
    path = save(tmp_path / "a.onnx", (1, 1, 2, 4), [conv("a", "image", 1), column], {**POINT, "b.weight": (1, 1, 2, 1)})
    first, second = simulate(path, [2, 4], 16, assignment="strips").layers
    assert first.starts == ((0, 16, 0, 16, 32, 48, 32, 48),)
    # what the columns need is done at 54, 70, 54, 70
    assert second.starts == ((54, 70, 70, 70),)


@pytest.mark.parametrize("copies", [VGG16_COPIES, [65, 65, 17, 17, 5, 5, 5, 2, 2, 1, 1, 1, 1, 1, 1, 1], [3] * 16])
def test_vgg16_equals_the_closed_form_with_the_bottom_right_pixel(copies: list[int]) -> None:
    """start[w] = max over u <= w of dep[u] + S * floor((w - u) / R), dep at the bottom-right input pixel."""
    times = simulate(MODELS / "vgg16.onnx", copies, 16)
    done: Cycles = np.zeros((224, 224), np.int64)
    for layer in times.layers[:13]:
        side = len(done)
        below = np.minimum(np.arange(side) + 1, side - 1)
        starts = _closed_form(done[np.ix_(below, below)].ravel(), layer.copies, 16)
        assert tuple(starts.tolist()) == layer.starts[0]
        done = starts.reshape(side, side) + 22
        if layer.name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3"):
            done = done[1::2, 1::2]


def _closed_form(ready: Cycles, copies: int, read_cycles: int) -> Cycles:
    """The recurrence of one layer and one image as two running maxima over rounds of all copies."""
    rounds = -(-len(ready) // copies)
    grid = np.full(rounds * copies, -(2**40), np.int64)
    grid[: len(ready)] = ready
    shift = read_cycles * np.arange(rounds)[:, None]
    grid = np.maximum.accumulate(np.maximum.accumulate(grid.reshape(rounds, copies) - shift, axis=1), axis=0)
    grid[1:] = np.maximum(grid[1:], grid[:-1, -1:] - read_cycles)
    return (grid + shift).ravel()[: len(ready)]


def test_an_unknown_operation_is_refused_not_treated_as_free(tmp_path: Path) -> None:
    node = helper.make_node("Softsign", ["a"], ["b"], "b")
    path = save(tmp_path / "a.onnx", (1, 1, 2, 2), [conv("a", "image", 1), node], POINT)
    with pytest.raises(ValueError, match="b: operation Softsign is not covered"):
        simulate(path, [1], 16)


def test_an_unknown_assignment_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", (1, 1, 2, 2), [conv("a", "image", 1)], POINT)
    with pytest.raises(ValueError, match="unknown assignment 'rows'"):
        simulate(path, [1], 16, assignment="rows")


def test_a_convolution_with_computed_weights_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["image", "image"], ["a"], "a")
    path = save(tmp_path / "a.onnx", (1, 1, 2, 2), [node], {})
    with pytest.raises(ValueError, match="a: only constant weights are covered"):
        read_network(path)

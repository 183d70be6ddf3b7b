"""Which values a window fetches from a tile's buffer, by `pe.input_reuse`."""

from __future__ import annotations

import pytest

from archsim.engine import simulate
from archsim.mapping import Placement, StagePlan
from tests.engine.networks import Net, placed

BITS_8 = ("precision.weight_bits=8", "precision.input_bits=8")


def mapped(reuse: str, *settings: str, copies: int = 1, **conv: int) -> StagePlan:
    """A 3 x 3 convolution of a 6 x 8 map of 4 channels to 5."""
    net = Net(4, 6, 8)
    net.conv("image", 5, 3, **conv)
    return placed(net, f"pe.input_reuse={reuse}", *settings, copies=[copies]).plans[0]


def test_without_reuse_every_window_fetches_its_whole_kernel() -> None:
    plan = mapped("none", pad=1)
    assert (plan.positions, set(plan.fresh.tolist()), len(plan.fresh)) == (9, {9}, 48)


def test_handed_over_positions_are_fetched_once() -> None:
    """4 x 6 windows without padding: the first fetches its kernel, the others of the first row a column, the first of
    each further row a row, the rest a position; in all the 6 x 8 positions of the map."""
    fresh = mapped("handover").fresh.reshape(4, 6)
    assert fresh[0].tolist() == [9, 3, 3, 3, 3, 3]
    assert fresh[1:].tolist() == [[3, 1, 1, 1, 1, 1]] * 3
    assert fresh.sum() == 48


def test_padding_is_fetched_by_nobody_where_positions_are_handed_over() -> None:
    fresh = mapped("handover", pad=1).fresh.reshape(6, 8)
    assert fresh[0].tolist() == [4, 2, 2, 2, 2, 2, 2, 0]
    assert fresh[-1].tolist() == [0] * 8
    assert fresh.sum() == 48


@pytest.mark.parametrize(("stride", "needed"), [(2, 5 * 7), (4, 3 * 6), (3, 6 * 6)])
def test_positions_that_no_window_needs_are_not_handed_over(stride: int, needed: int) -> None:
    """At stride 2 the last row and column of the map are needed by no window, at 4 those between kernels neither."""
    assert mapped("handover", stride=stride).fresh.sum() == needed


def test_each_copy_fetches_what_its_own_windows_need() -> None:
    """Two strips of 3 windows of the 6 of a row need 5 of 8 columns each; round robin needs nearly all for both."""
    strips, in_turn = (
        mapped("handover", f"copies.assignment={name}", copies=2).fresh for name in ("strips", "round_robin")
    )
    assert strips.sum() == 2 * 6 * 5
    assert in_turn.sum() == 2 * 6 * 7
    assert strips.reshape(4, 6)[0].tolist() == [9, 3, 3, 9, 3, 3]
    assert in_turn.reshape(4, 6)[0].tolist() == [9, 9, 6, 6, 6, 6]


@pytest.mark.parametrize(
    ("conv", "row"),
    [
        ({}, [9, 3, 3, 3, 3, 3]),
        ({"stride": 2}, [9, 6, 6]),
        ({"stride": 4}, [9, 9]),
        ({"dilation": 2}, [9, 9, 9, 9]),  # its neighbour needs other columns
    ],
)
def test_a_ladder_shifts_each_row_of_the_map(conv: dict[str, int], row: list[int]) -> None:
    fresh = mapped("ladder", **conv).fresh.reshape(-1, len(row))
    assert set(map(tuple, fresh.tolist())) == {tuple(row)}


def test_a_kernel_over_maps_that_stand_side_by_side_has_no_reuse() -> None:
    """Two maps of 3 rows, one above the other: no window has all its positions in one of them."""
    net = Net(4, 3, 8)
    first, second = net.conv("image", 4), net.conv("image", 4)
    both = net.node("Concat", first, second, shape=(1, 4, 6, 8), axis=2)
    net.conv(both, 5, 3)
    plan = placed(net, "pe.input_reuse=handover", copies=[1]).plans[-1]
    assert (plan.positions, set(plan.fresh.tolist())) == (1, {1})


def test_channels_of_several_layers_are_handed_over_together() -> None:
    net = Net(4, 6, 8)
    net.conv(net.concat(net.conv("image", 4), net.conv("image", 4)), 5, 3)
    plan = placed(net, "pe.input_reuse=handover", copies=[1]).plans[-1]
    assert (plan.positions, int(plan.fresh.sum())) == (9, 48)


@pytest.mark.parametrize("reuse", ["none", "ladder", "handover"])
def test_matrices_without_a_kernel_fetch_their_windows(reuse: str) -> None:
    net = Net(4, 2, 2)
    net.fc("image", 5)
    plan = placed(net, f"pe.input_reuse={reuse}", copies=[1]).plans[0]
    assert (plan.positions, plan.fresh.tolist()) == (1, [1])


def fetched(placement: Placement, images: int = 1) -> tuple[int | None, int | None]:
    result = simulate(placement, images=images)
    assert result.ok
    return result.moved_bytes.array_inputs, result.moved_bytes.handed_over


@pytest.mark.parametrize("filter_rows", ["channels", "positions"])
def test_a_simulation_fetches_k2_c_in_w_out_a_row_without_reuse_and_c_in_w_in_with_it(filter_rows: str) -> None:
    """Peng, Liu and Yu, ISCAS 2019: a row of the map is K^2 C_in W_out reads of the buffer, or C_in W_in where pixels
    are handed on. 6 rows of 8 windows, 4 channels of a byte."""
    found = {}
    for reuse in ("none", "handover"):
        net = Net(4, 6, 8)
        net.conv("image", 5, 3, pad=1)
        found[reuse] = fetched(
            placed(net, *BITS_8, f"pe.input_reuse={reuse}", f"tiling.filter_rows={filter_rows}", copies=[1])
        )
    assert found == {"none": (6 * 9 * 4 * 8, 0), "handover": (6 * 4 * 8, 6 * 9 * 4 * 8 - 6 * 4 * 8)}


def test_tiles_that_divide_a_copy_fetch_their_share_of_the_positions() -> None:
    """Split by rows over two tiles, 5 and 4 of 9 positions of 128 channels: each hands on what it has, as a share of
    its inputs, rounded up to a value."""
    net = Net(128, 6, 8)
    net.conv("image", 16, 3)
    settings = ("tiling.filter_rows=positions", "tile.pes=1", "pe.arrays=5", "adc.arrays_per_set=1")
    placement = placed(net, *BITS_8, *settings, "pe.input_reuse=handover", copies=[1])
    (plan,) = placement.plans
    parts = plan.copies[0].parts
    assert [part.inputs for part in parts] == [5 * 128, 4 * 128]
    expected = sum(-(-part.inputs * fresh // 9) for part in parts for fresh in plan.fresh.tolist())
    assert fetched(placement)[0] == expected
    assert 128 * 48 <= expected <= 128 * 48 + len(parts) * len(plan.fresh)


def test_fewer_fetched_bytes_take_the_bus_for_less_time() -> None:
    """A byte takes the bus 400 ns: 24 windows of 36 bytes, or the bytes that are not handed on."""
    net = Net(4, 6, 8)
    net.conv("image", 5, 3)
    ends = {}
    for reuse in ("none", "handover"):
        slow = ("tile.bus.width_bytes=1", "tile.bus.clock_ghz=0.0025", f"pe.input_reuse={reuse}")
        ends[reuse] = simulate(placed(net, *BITS_8, *slow, copies=[1])).latency_ns
    assert ends["none"] > 24 * 36 * 400 > ends["handover"] > 4 * 48 * 400

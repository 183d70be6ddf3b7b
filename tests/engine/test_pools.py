"""Pools: overlapping, over copies on one tile or on several, and the vector layers that stand alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from archsim.engine import simulate
from archsim.engine.chip import Chip
from archsim.frontend import from_model
from archsim.hardware import load_design
from archsim.mapping import Placement, estimate, place
from tests.engine.networks import SMALL, Net, placed
from tests.engine.observed import Slices
from tests.oracle.recurrence import simulate as reference
from tests.recurrent import model_of

# a tile for each copy of these networks' first layer
APART = ("tile.pes=1", "pe.arrays=1")


def pooled(kernel: int, stride: int, pad: int = 0) -> Net:
    """A convolution on 9 x 9 pixels, a pool, a convolution."""
    net = Net(3, 9, 9)
    net.conv(net.pool(net.conv("image", 8, 3, pad=1), kernel, stride, pad), 8, 3, pad=1)
    return net


def pool_tiles(placement: Placement) -> list[int]:
    """Over how many tiles the raw results of each pooled value of the first stage are spread."""
    plan = placement.plans[0]
    need = plan.stage.pool_need
    assert need is not None
    homes = np.array([copy.home for copy in plan.copies])[plan.assignment.copy_of]
    return [len({int(homes[w]) for w in row if w >= 0}) for row in need.table]


@pytest.mark.parametrize("settings", [(), APART], ids=["one tile", "tiles apart"])
@pytest.mark.parametrize("assignment", ["round_robin", "strips", "bands"])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [(2, 2, 0), (3, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (3, 3, 0)]
)
def test_pools_take_the_time_of_the_reference_wherever_their_values_are(
    tmp_path: Path, kernel: int, stride: int, pad: int, assignment: str, settings: tuple[str, ...]
) -> None:
    net = pooled(kernel, stride, pad)
    placement = placed(net, *settings, f"copies.assignment={assignment}", copies=[5, 2])
    times = reference(net.save(tmp_path), [5, 2], 16, images=3, assignment=assignment)
    result = simulate(placement, images=3, ideal=True)
    assert result.latency_cycles == times.done[0]
    assert result.interval_ns == times.interval * 100
    assert estimate(placement, 3).image_done == times.done
    real = simulate(placement, images=3)
    assert real.ok
    assert (real.latency_cycles or 0) > times.done[0]


def sent_by_first_stage(placement: Placement) -> int:
    """Messages over the mesh in one image whose values come from the first stage, which is on tiles of its own."""
    machine = Chip(placement, 1, ideal=False)
    machine.run()
    tiles = {copy.home for copy in placement.plans[0].copies}
    traffic = machine.fabric.meshes[0].model.traffic
    return sum(count for (source, _, _), count in traffic.sent.items() if source in tiles - {0})


def test_a_pool_whose_values_leave_one_tile_sends_a_value_for_each_window_of_the_pool() -> None:
    """Bands of 2 rows on tiles of their own: 2 x 2 windows are local, 6 columns of them a band. Tile 0 apart."""
    net = Net(3, 12, 12)
    net.conv(net.pool(net.conv("image", 8, 1), 2, 2), 8)
    local = placed(net, *APART, "copies.assignment=bands", copies=[6, 1])
    assert set(pool_tiles(local)) == {1}
    assert sent_by_first_stage(local) == 5 * 6


def test_a_pool_over_several_tiles_sends_each_raw_result_once() -> None:
    """Round robin over 5 copies on tiles of their own: every 2 x 2 window is spread, and all 144 results travel
    (those of the copy on tile 0, 29 of them, apart)."""
    net = Net(3, 12, 12)
    net.conv(net.pool(net.conv("image", 8, 1), 2, 2), 8)
    spread = placed(net, *APART, "copies.assignment=round_robin", copies=[5, 1])
    assert min(pool_tiles(spread)) > 1
    assert spread.plans[0].copies[0].home == 0
    assert sent_by_first_stage(spread) == 144 - 29


def test_copies_that_share_the_windows_of_a_pool_are_put_on_one_tile() -> None:
    """Strips of one column each: a 2 x 2 window needs two, so they go to tiles in pairs."""
    net = Net(3, 12, 12)
    net.conv(net.pool(net.conv("image", 8, 1), 2, 2), 8)
    placement = placed(net, "tile.pes=1", "pe.arrays=3", copies=[12, 1])
    assert set(pool_tiles(placement)) == {1}


@pytest.mark.parametrize("assignment", ["round_robin", "strips", "bands"])
@pytest.mark.parametrize("name", ["squeeze", "inception"])
def test_vector_layers_alone_run_every_window_of_theirs(name: str, assignment: str) -> None:
    net = SMALL[name]()
    copies = [5, 3, 2, 1, 4, 2, 1, 3][: net.matrices]
    placement = placed(net, f"copies.assignment={assignment}", copies=copies)
    alone = [plan.stage for plan in placement.plans if plan.stage.matrix is None]
    assert alone
    machine = Chip(placement, 2, ideal=False)
    machine.run()
    for stage in alone:
        assert [count for count, _, _ in machine.stages[stage.index].seen] == [stage.windows] * 2
    assert not machine.output.missing


def test_a_vector_layer_alone_takes_the_time_of_its_lanes_and_transfers() -> None:
    """A map read twice: by a global mean and by the product with what a convolution makes of the mean."""
    slow, fast = (
        simulate(placed(SMALL["squeeze"](), f"sfu.clock_ghz={clock}")).latency_ns or 0 for clock in (0.001, 1.2)
    )
    assert slow - fast > 8 * 1000  # at least the 8 channels of the last product on 2 lanes at 1 us each


def test_a_batch_normalisation_after_a_concatenation_is_a_layer_of_its_own() -> None:
    net = Net(3, 6, 6)
    both = net.concat(net.conv("image", 4), net.conv("image", 4))
    net.weights |= dict.fromkeys(("scale", "bias", "mean", "var"), (8,))
    normed = net.node("BatchNormalization", both, "scale", "bias", "mean", "var")
    net.conv(net.node("Relu", normed), 4)
    placement = placed(net)
    assert [plan.stage.matrix is None for plan in placement.plans] == [False, False, True, False]
    result = simulate(placement, images=4)
    assert result.ok
    assert simulate(placement, ideal=True).latency_cycles == estimate(placement).latency_cycles


def test_part_of_a_pooled_result_leaves_the_chip_alone_and_is_complete() -> None:
    """The output is the third row of a padded 3 x 3 pool on 4 x 4 pixels, whose raw results come from several tiles:
    the host is sent those of rows 1 to 3 alone. They are all that the fourth row is pooled from, too, which is none
    of the output."""
    nodes = [
        helper.make_node("Conv", ["image", "weights"], ["map"], "conv"),
        helper.make_node("MaxPool", ["map"], ["pooled"], "pool", kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Slice", ["pooled", "two", "three", "two"], ["row"], "slice"),
    ]
    bounds = {name: np.array([number]) for name, number in (("two", 2), ("three", 3))}
    constants = {"weights": np.zeros((4, 3, 1, 1), np.float32), **bounds}
    graph = from_model(model_of(nodes, {"image": (1, 3, 4, 4)}, ["row"], constants), source="net.onnx", base_dir=None)
    placement = place(graph, load_design("isaac", [*APART, "copies.assignment=round_robin", "copies.explicit=[8]"]))
    (leaving,) = placement.stages.outputs
    assert leaving.need.table.tolist() == [[8], [9], [10], [11]]
    slices = Slices()
    assert simulate(placement, images=2, observer=slices).ok
    assert len(slices.spans[-1, "host out"]) == 2 * 12
    assert simulate(placement, ideal=True).ok

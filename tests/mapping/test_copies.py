"""How many copies each policy gives, against plain references and the check figures of the contract."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.hardware import load_design
from archsim.mapping import Placement, place
from archsim.mapping.copies import POLICIES, Demand
from archsim.mapping.grids import Grid
from archsim.mapping.stages import Stages
from tests.engine.networks import MODELS, Net, placed
from tests.oracle import arrays
from tests.oracle.arrays import Layer, layers_of, used
from tests.oracle.network import read_network

CHIP = 16_128


def copies_in(placement: Placement) -> list[int]:
    return [len(plan.copies) for plan in placement.plans if plan.tiling]


def layers(model: str) -> list[Layer]:
    return layers_of(read_network(MODELS / f"{model}.onnx"), 128, 128, 8)


def test_optimal_on_whole_vgg16_with_5_chips_uses_all_but_40_arrays() -> None:
    placement = placed("vgg16", "copies.policy=optimal", "chips=5")
    assert copies_in(placement) == [113, 113, 29, 29, 7, 7, 7, 2, 2, 2, 1, 1, 1, 1, 1, 1]
    assert (placement.arrays_used, placement.arrays_available) == (80_600, 80_640)


def test_isaac_on_vgg16_is_not_divided_with_7_chips() -> None:
    placement = placed("vgg16", "chips=7")
    assert copies_in(placement) == [256, 256, 64, 64, 16, 16, 16, 4, 4, 4] + [1] * 6


@pytest.mark.parametrize("model", ["lenet5", "alexnet", "vgg16", "resnet18", "resnet50", "mobilenet_v2"])
@pytest.mark.parametrize("policy", ["none", "isaac", "greedy", "optimal"])
@pytest.mark.parametrize("spare", [0, 100, 5_000, 60_000])
def test_policies_equal_the_reference(model: str, policy: str, spare: int) -> None:
    """With so many arrays more than one copy of each layer takes."""
    reference = layers(model)
    budget = used(reference, arrays.none(reference)) + spare
    expected = {
        "none": lambda: arrays.none(reference),
        "isaac": lambda: arrays.isaac(reference, budget)[0],
        "greedy": lambda: arrays.greedy(reference, budget),
        "optimal": lambda: arrays.optimal(reference, budget),
    }[policy]()
    assert _copies(model, policy, budget) == expected


def _copies(model: str, policy: str, budget: int) -> list[int]:
    """The policy alone: packing is another matter."""
    from archsim.frontend import load
    from archsim.mapping.copies import copies_of
    from archsim.mapping.dividing import build_stages
    from archsim.mapping.tiling import tile_layer
    from archsim.mapping.uses import uses_of

    design = load_design("isaac", [f"copies.policy={policy}"])
    stages = build_stages(load(MODELS / f"{model}.onnx"))
    tilings = {stage.index: tile_layer(stage.matrix, design) for stage in stages.stages if stage.matrix}
    return list(copies_of(stages, tilings, design, budget, uses_of(stages)).values())


LAYERS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=6)


@settings(deadline=None, derandomize=True)
@given(LAYERS, st.integers(0, 200), st.sampled_from(["greedy", "optimal"]))
def test_policies_equal_the_reference_on_random_layers(chosen: list[tuple[int, int]], spare: int, policy: str) -> None:
    """(windows, arrays of a copy) of layers that stand in no order."""
    reference = [Layer(windows, size, True, {}) for windows, size in chosen]
    budget = used(reference, arrays.none(reference)) + spare
    net = Net(1, 1, 1)
    net.conv("image", 1)
    (stage,) = (plan.stage for plan in placed(net).plans)
    demands = [Demand(size, (replace(stage, grid=Grid(1, windows)),), 1 << 60) for windows, size in chosen]
    found = POLICIES[policy](demands, Stages((), (), ()), load_design("isaac"), budget)
    assert found == {"greedy": arrays.greedy, "optimal": arrays.optimal}[policy](reference, budget)
    assert used(reference, found) <= budget


@pytest.mark.parametrize("policy", ["isaac", "greedy", "optimal"])
def test_no_policy_gives_more_copies_than_windows(policy: str) -> None:
    net = Net(3, 8, 8)
    last = net.conv(net.conv("image", 4, 3, stride=2, pad=1), 4, 3, stride=2, pad=1)
    net.fc(last, 4)
    copies = copies_in(placed(net, f"copies.policy={policy}"))
    assert copies == {"isaac": [4, 1, 1]}.get(policy, [16, 4, 1])


def test_the_isaac_rule_counts_strides_of_pools_but_not_of_a_global_pool() -> None:
    net = Net(3, 24, 24)
    last = net.pool(net.conv("image", 4, 3, pad=1), 2, 2)
    last = net.pool(net.conv(last, 4, 3, stride=2, pad=1), 3, 3)
    last = net.conv(last, 4)
    net.fc(net.node("GlobalAveragePool", last, shape=(1, 4, 1, 1)), 2)
    # back from the last convolution, 1: a pool of stride 3 x 3, 9; a stride of 2 x 2 and a pool of 2 x 2, 144
    assert copies_in(placed(net, "copies.policy=isaac")) == [9 * 4 * 4, 9, 1, 1]


def test_the_isaac_rule_takes_the_most_that_any_consumer_asks_for() -> None:
    net = Net(3, 16, 16)
    stem = net.conv("image", 4)
    side = net.conv(stem, 4, 1, stride=4)
    net.concat(side, net.conv(net.conv(stem, 4, 3, stride=2, pad=1), 4, 3, stride=2, pad=1))
    assert copies_in(placed(net, "copies.policy=isaac")) == [16, 1, 4, 1]


def test_a_list_shorter_than_the_layers_leaves_the_rest_at_one() -> None:
    assert copies_in(placed("lenet5", "copies.explicit=[7]")) == [7, 1, 1, 1, 1]


def test_a_list_longer_than_the_layers_is_an_error() -> None:
    with pytest.raises(InputError) as caught:
        placed("lenet5", "copies.explicit=[1, 1, 1, 1, 1, 2]")
    assert str(caught.value) == ("copies.explicit: got 6 numbers, expected at most 5, one a matrix layer")


def test_a_list_may_give_a_layer_more_copies_than_windows() -> None:
    net = Net(3, 2, 2)
    net.conv("image", 4)
    assert copies_in(placed(net, "copies.explicit=[9]")) == [9]


def test_a_list_decides_how_many_chips_there_are() -> None:
    net = Net(3, 8, 8)
    net.conv("image", 16)
    settings_of_one_array = ("tile.pes=1", "pe.arrays=1", "chip.tiles=4", "chip.mesh_width=2")
    assert placed(net, *settings_of_one_array, "copies.explicit=[9]").chips == 3


@pytest.mark.parametrize("budget", [42, 100, 1000])
def test_a_budget_bounds_the_arrays(budget: int) -> None:
    for policy in ("isaac", "greedy", "optimal"):
        assert placed("lenet5", f"copies.budget_arrays={budget}", f"copies.policy={policy}").arrays_used <= budget


@pytest.mark.parametrize("policy", ["isaac", "greedy", "optimal"])
def test_a_larger_budget_never_makes_the_busiest_layer_busier(policy: str) -> None:
    slots = []
    for budget in (42, 60, 80, 400):
        graph = placed("lenet5").graph
        placement = place(graph, load_design("isaac", [f"copies.budget_arrays={budget}", f"copies.policy={policy}"]))
        slots.append(max(plan.slots for plan in placement.plans if plan.tiling))
    assert slots == sorted(slots, reverse=True)

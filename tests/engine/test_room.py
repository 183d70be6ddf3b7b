"""Layers whose part of a map is too large for a tile: another order of production, or more tiles."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from archsim.engine import simulate
from archsim.errors import InputError
from archsim.mapping import Placement
from archsim.mapping.plans import resident
from archsim.mapping.production import PRODUCTIONS, Production, as_inputs_come, on_demand
from tests.engine.networks import SMALL, Net, placed
from tests.engine.test_recurrence import networks


def minima(placement: Placement) -> dict[str, int]:
    """Values that each input and join of each layer needs room for."""
    names = {plan.stage.index: plan.stage.name for plan in placement.plans}
    return {f"{names[port.key[0]]} {port.key[1]}": port.minimum for port in placement.ports}


@pytest.mark.parametrize("order", PRODUCTIONS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(net=networks(alone=True))
def test_no_run_stalls_with_what_either_order_says_is_needed_at_least(order: Production, net: Net) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resident, "PRODUCTIONS", (order,))
        placement = placed(net, "copies.policy=none", "tile.pes=1", "pe.arrays=4")
    least = replace(placement, ports=tuple(replace(port, capacity=port.minimum) for port in placement.ports))
    assert simulate(least, images=2).ok


@pytest.mark.parametrize(("order", "needed"), [(on_demand, (63, 1)), (as_inputs_come, (1, 63))])
def test_where_a_layer_waits_for_all_of_an_input_the_other_one_waits_or_runs_ahead(
    order: Production, needed: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 values go to a convolution of one position each, and to one that needs them all; their results are added. By
    demand the first has run once when the last value comes, and holds 63; as inputs come its results wait instead."""
    net = Net(3, 8, 8)
    every = net.conv("image", 4)
    net.node("Add", every, net.conv("image", 4, 8))
    monkeypatch.setattr(resident, "PRODUCTIONS", (order,))
    found = minima(placed(net, "copies.policy=none"))
    assert (found["conv0 0"], found["add2 0"]) == needed


@pytest.mark.parametrize(("size", "copies"), [(2000, 1), (1000, 2), (300, 4)])
def test_a_vector_layer_is_divided_over_tiles_until_they_have_room(size: int, copies: int) -> None:
    """What scales a map by its squeezed channels holds the map until they are there: 8 x 8 positions of 8 channels at
    2 bytes, and the channels; a strip of it each with several copies."""
    placement = placed(SMALL["squeeze"](), f"tile.buffer_bytes={size}", "copies.policy=none")
    assert [len(plan.copies) for plan in placement.plans] == [1, 1, 1, 1, copies, 1]
    result = simulate(placement, images=2)
    assert result.ok
    told = [note for note in result.notes if "mul6" in note]
    assert told == ([] if copies == 1 else [
        "divided over more copies than asked for, since no tile's buffer holds their part of a map else: mul6"
    ])  # fmt: skip


def test_a_matrix_layer_is_divided_too_where_the_policy_may_choose() -> None:
    """3 rows of 16 x 16 positions of 8 channels at 2 bytes are 2 x 16 + 3 values; a quarter of them in a strip of 4."""
    net = Net(8, 16, 16)
    net.conv("image", 4, 3, pad=1)
    size = "tile.buffer_bytes=300"
    assert [len(plan.copies) for plan in placed(net, size).plans] == [4]
    assert placed(net, size).spread == ("conv0",)
    for policy in ("copies.policy=none", "copies.explicit=[1]", "copies.budget_arrays=3"):
        with pytest.raises(InputError, match="conv0': got a tile's share of the layer needs 560 bytes of buffer at l"):
            placed(net, size, policy)

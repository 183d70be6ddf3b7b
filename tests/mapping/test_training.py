"""Where the arrays of a backward pass stand, how many copies it has, and what is refused."""

from __future__ import annotations

import pytest

from archsim.engine import simulate
from archsim.errors import InputError
from archsim.mapping import Placement
from tests.engine.networks import Net, chain, on


def copies_of(placement: Placement, kind: str) -> list[int]:
    return [len(job.placement.plans[0].copies) for job in placement.jobs if job.kind == kind]


def test_the_backward_pass_has_the_copies_of_the_forward_pass_unless_the_policy_is_granularity() -> None:
    """The forward matrices of the chain have 144, 36 and 1 windows, their gradients as many as outputs: 8, 8, 10."""
    explicit = on("pipelayer", chain(), "copies.explicit=[6,9,1]", batch=2)
    assert copies_of(explicit, "forward") == [6, 9, 1]
    assert copies_of(explicit, "error") == [9, 1]
    assert copies_of(explicit, "gradient") == [6, 8, 1]
    granular = on("pipelayer", chain(), "pipelayer.steps=4", batch=2)
    assert copies_of(granular, "forward") == [36, 9, 1]
    assert copies_of(granular, "gradient") == [2, 2, 3]


def test_a_chip_without_room_for_the_backward_pass_is_refused_with_the_chips_that_have_it() -> None:
    small = ("chip.tiles=1", "chip.mesh_width=1", "tile.pes=8", "copies.policy=none", "chips=1")
    assert simulate(on("pipelayer", chain(), *small)).ok
    with pytest.raises(InputError) as caught:
        on("pipelayer", chain(), *small, batch=2)
    placement = on("pipelayer", chain(), "copies.policy=none", batch=2)
    parts = (placement.arrays_used, placement.arrays_of("error"), placement.arrays_of("gradient"))
    said = str(caught.value)
    assert f"got {sum(parts)} arrays: {parts[0]} of the forward pass, {parts[1]} for transposed copies" in said
    assert f"at most 16 in training; chips={-(-sum(parts) // 16)}, or fewer copies" in said


def grouped(first: int, second: int, groups: int) -> Net:
    net = Net(4, 5, 5)
    last = net.concat(net.conv("image", first), net.conv("image", second))
    net.conv(last, first + second, 3, pad=1, groups=groups)
    return net


def test_groups_behind_a_concat_are_trained_where_each_reads_one_tensor() -> None:
    placement = on("pipelayer", grouped(2, 6, 8), batch=1)
    errors = [job.placement.plans[0].stage.matrix for job in placement.jobs if job.kind == "error"]
    assert [(error.groups, error.outputs) for error in errors if error] == [(2, 2), (6, 6)]
    assert simulate(placement, images=2).ok


def test_a_group_that_reads_two_tensors_is_refused_in_training() -> None:
    assert simulate(on("pipelayer", grouped(3, 5, 2))).ok
    with pytest.raises(InputError, match="groups that each read one tensor, in training"):
        on("pipelayer", grouped(3, 5, 2), batch=1)

"""How much of a buffer a layer needs at least, in closed form."""

from __future__ import annotations

import pytest

from archsim.mapping import Placement, estimate
from tests.engine.networks import VGG16_COPIES, Net, placed


def minima(placement: Placement) -> dict[str, int]:
    """Values that each layer's first port needs room for."""
    names = {plan.stage.index: plan.stage.name for plan in placement.plans}
    return {names[port.key[0]]: port.minimum for port in placement.ports if port.key[1] == 0}


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (2, 1), (3, 1), (5, 1), (3, 2), (2, 2)])
@pytest.mark.parametrize("width", [9, 12])
def test_a_kernel_needs_its_rows_but_one_and_its_width(kernel: int, stride: int, width: int) -> None:
    """ISAAC: ((k - 1) x width + k) values, from the first that a window needs to the last; columns that no
    window needs left out."""
    net = Net(3, 9, width)
    needed = (width - kernel) // stride * stride + kernel
    net.conv("image", 4, kernel, stride=stride)
    assert list(minima(placed(net, "copies.policy=none")).values()) == [(kernel - 1) * needed + kernel]


def test_a_padded_kernel_needs_no_more() -> None:
    net = Net(3, 9, 9)
    net.conv("image", 4, 3, pad=1)
    assert list(minima(placed(net, "copies.policy=none")).values()) == [2 * 9 + 3]


def test_dilation_widens_what_a_kernel_needs() -> None:
    net = Net(3, 9, 9)
    net.conv("image", 4, 3, dilation=2)
    assert list(minima(placed(net, "copies.policy=none")).values()) == [4 * 9 + 5]


def test_a_classifier_needs_its_whole_input() -> None:
    net = Net(3, 5, 5)
    net.fc(net.conv("image", 4), 2)
    assert list(minima(placed(net, "copies.policy=none")).values()) == [1, 25]


def test_a_skip_waits_as_long_as_the_branch_it_is_added_to() -> None:
    """Two 3 x 3 convolutions lag two rows and two values behind what they are added to."""
    net = Net(3, 9, 9)
    stem = net.conv("image", 4)
    last = net.conv(net.conv(stem, 4, 3, pad=1), 4, 3, pad=1)
    net.node("Add", last, stem)
    placement = placed(net, "copies.policy=none")
    (skip,) = [port.minimum for port in placement.ports if port.key[1] == 1]
    assert skip == 2 * 9 + 2 + 1


def test_vgg16_needs_59_kb_for_its_hungriest_layer() -> None:
    """conv4_2 and conv4_3: (2 x 28 + 3) values of 512 channels and 2 bytes, why ISAAC's 64 KB are enough."""
    placement = placed("vgg16", "copies.assignment=round_robin", copies=VGG16_COPIES)
    names = {plan.stage.index: plan.stage.name for plan in placement.plans}
    needed: dict[str, int] = {}
    for port in placement.ports:
        name = names[port.key[0]]
        needed[name] = max(needed.get(name, 0), port.minimum * port.value_bytes)
    assert needed["conv4_2"] == needed["conv4_3"] == (2 * 28 + 3) * 512 * 2
    assert max(size for name, size in needed.items() if name.startswith("conv")) == needed["conv4_2"]


@pytest.mark.parametrize("assignment", ["round_robin", "strips"])
@pytest.mark.parametrize(("copies", "images"), [([6, 4], 9), ([5, 3], 15), ([4, 9], 6)])
def test_the_interval_bound_is_never_above_the_interval(assignment: str, copies: list[int], images: int) -> None:
    """Round robin counts on through the images, so the bound is a mean over images; strips begin anew."""
    net = Net(3, 6, 6)
    net.conv(net.conv("image", 4, 3, pad=1), 4, 3, pad=1)
    found = estimate(placed(net, f"copies.assignment={assignment}", copies=copies), images)
    mean = (found.image_done[-1] - found.image_done[images // 3]) / (images - 1 - images // 3)
    assert found.interval_bound <= mean + 1
    if assignment == "strips":
        assert found.interval_bound == found.image_done[-1] - found.image_done[-2]

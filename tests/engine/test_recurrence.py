"""The engine without limits equals the recurrence of the timing contract, window by window, and the estimate."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.engine import simulate
from archsim.frontend import load
from archsim.hardware import load_design
from archsim.mapping import Placement, estimate, place
from tests.engine.networks import MODELS, RESNET18_COPIES, SMALL, VGG16_COPIES, Net, placed
from tests.engine.observed import Reads
from tests.oracle.recurrence import NetworkTimes
from tests.oracle.recurrence import simulate as reference

ASSIGNMENTS = ("round_robin", "strips", "bands")


@pytest.mark.parametrize(
    ("settings", "convolutions", "network", "interval"),
    [
        ((), 16_270, 16_336, 12_544),
        (("precision.input_bits=8",), 8_174, 8_216, 6_272),
        (("copies.assignment=strips",), 16_750, 16_816, 12_544),
    ],
    ids=["16 bit", "8 bit inputs", "strips"],
)
def test_vgg16_gives_the_published_cycles_in_the_estimate(
    settings: tuple[str, ...], convolutions: int, network: int, interval: int
) -> None:
    placement = placed("vgg16", "copies.assignment=round_robin", *settings, copies=VGG16_COPIES)
    found = estimate(placement, 2)
    ends = {plan.stage.name: end for plan, end in zip(placement.plans, found.ends, strict=True)}
    assert (ends["conv5_3"], found.latency_cycles) == (convolutions, network)
    assert found.image_done[1] - found.image_done[0] == interval == found.interval_bound


def test_resnet18_gives_the_published_cycles_in_the_estimate() -> None:
    for assignment, network in (("round_robin", 5_388), ("strips", 5_676)):
        found = estimate(placed("resnet18", f"copies.assignment={assignment}", copies=RESNET18_COPIES), 2)
        assert (found.latency_cycles, found.image_done[1] - found.image_done[0]) == (network, 3_136)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "convolutions", "network", "interval"),
    [
        ((), 16_270, 16_336, 12_544),
        (("precision.input_bits=8",), 8_174, 8_216, 6_272),
        (("copies.assignment=strips",), 16_750, 16_816, 12_544),
    ],
    ids=["16 bit", "8 bit inputs", "strips"],
)
def test_vgg16_gives_the_published_cycles_in_the_engine(
    settings: tuple[str, ...], convolutions: int, network: int, interval: int
) -> None:
    placement = placed("vgg16", "copies.assignment=round_robin", *settings, copies=VGG16_COPIES)
    result = simulate(placement, images=2, ideal=True)
    ends = {layer.name: layer.end_ns for layer in result.layers}
    assert ends["conv5_3"] == convolutions * 100
    assert (result.latency_cycles, result.interval_ns) == (network, interval * 100)
    assert all(result.checks.values())


def test_vgg16_convolutions_end_after_16270_cycles_in_the_engine() -> None:
    placement = placed("vgg16", "copies.assignment=round_robin", copies=VGG16_COPIES)
    result = simulate(placement, ideal=True)
    ends = {layer.name: layer.end_ns for layer in result.layers}
    assert (ends["conv5_3"], result.latency_cycles) == (1_627_000, 16_336)


@pytest.mark.parametrize(
    ("assignment", "network"), [("strips", 5_676), pytest.param("round_robin", 5_388, marks=pytest.mark.slow)]
)
def test_resnet18_gives_the_published_cycles(assignment: str, network: int) -> None:
    placement = placed("resnet18", f"copies.assignment={assignment}", copies=RESNET18_COPIES)
    result = simulate(placement, images=2, ideal=True)
    assert (result.latency_cycles, result.interval_ns) == (network, 313_600)


def test_a_single_window_takes_22_cycles() -> None:
    net = Net(3, 1, 1)
    net.conv("image", 4)
    result = simulate(placed(net), ideal=True)
    assert (result.latency_cycles, result.latency_ns) == (22, 2_200)


@pytest.mark.parametrize(
    ("setting", "cycles"),
    [
        ("precision.input_bits=8", 8 + 6),
        ("array.dac_bits=4", 4 + 6),
        ("array.dac_bits=3", 6 + 6),  # ceil(16 / 3) reads
        ("pipeline.latency_cycles=9", 16 + 9),
        ("adc.rows_per_read=1", 3 * 16 + 6),  # one of 3 rows at a time
        ("adc.conversions_per_read=32", 4 * 16 + 6),
    ],
)
def test_a_single_window_takes_s_reads_and_the_pipeline(setting: str, cycles: int) -> None:
    net = Net(3, 1, 1)
    net.conv("image", 4)
    assert simulate(placed(net, setting), ideal=True).latency_cycles == cycles


def test_two_convolutions_equal_a_recurrence_of_ten_lines() -> None:
    """A 3x3 convolution on 6 x 5 pixels feeds another, both padded; round robin over 4 and 3 copies, S = 16."""
    net = Net(2, 6, 5)
    net.conv(net.conv("image", 3, 3, pad=1), 2, 3, pad=1)
    ready = [0] * 30
    expected = []
    for copies in (4, 3):
        free, before, done = [0] * copies, 0, []
        for w in range(30):
            reads = [y * 5 + x for y in range(6) for x in range(5) if abs(y - w // 5) <= 1 and abs(x - w % 5) <= 1]
            before = max(*(ready[r] for r in reads), free[w % copies], before)
            free[w % copies] = before + 16
            done.append(before + 22)
        ready = done
        expected.append(done[-1])
    placement = placed(net, "copies.assignment=round_robin", copies=[4, 3])
    result = simulate(placement, ideal=True)
    assert [layer.end_ns for layer in result.layers] == [100 * end for end in expected]
    assert list(estimate(placement).ends) == expected


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
@pytest.mark.parametrize("name", SMALL)
def test_small_networks_equal_the_recurrence(tmp_path: Path, name: str, assignment: str) -> None:
    net = SMALL[name]()
    _agree(net, [5, 3, 2, 1, 4, 2, 1, 3][: net.matrices], assignment, 3, tmp_path)


def test_a_vector_layer_of_its_own_adds_nothing(tmp_path: Path) -> None:
    """With bands of two rows the windows of a padded pool are not ready in raster order: the first of the second
    row is before the last of the first row."""
    net = Net(1, 4, 4)
    first = net.conv("image", 1)
    pooled = net.conv(net.pool(first, 3, 1, 1), 1)
    net.concat(pooled, net.conv(first, 1))
    _agree(net, [2, 4, 1], "bands", 1, tmp_path)


@st.composite
def networks(draw: st.DrawFn, *, alone: bool) -> Net:
    """Up to five steps, each a layer or a join; every result is used. `alone`: with vector layers that no matrix
    layer can take along."""
    steps = (_conv, _pool, _relu, _residual, _branches, _depthwise, *((_pooled_branch,) if alone else ()))
    net = Net(draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    last = net.conv("image", draw(st.integers(1, 4)))
    for _ in range(draw(st.integers(1, 5))):
        last = draw(st.sampled_from(steps))(draw, net, last)
    return net if not draw(st.booleans()) else _with_classifier(net, last)


def _with_classifier(net: Net, last: str) -> Net:
    net.fc(net.fc(last, 5), 3)
    return net


def _conv(draw: st.DrawFn, net: Net, last: str) -> str:
    kernel, stride, pad, dilation = (draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(0, 2)), 1)
    if kernel > 1:
        dilation = draw(st.integers(1, 2))
    if min(net.slid(last, kernel, stride, pad, dilation)) < 1:
        return net.conv(last, 2)
    return net.conv(last, draw(st.integers(1, 4)), kernel, stride=stride, pad=pad, dilation=dilation)


def _pool(draw: st.DrawFn, net: Net, last: str) -> str:
    kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    pad = draw(st.integers(0, kernel // 2))
    if min(net.slid(last, kernel, stride, pad)) < 1:
        return last
    return net.pool(net.conv(last, 2), kernel, stride, pad, draw(st.sampled_from(("MaxPool", "AveragePool"))))


def _relu(draw: st.DrawFn, net: Net, last: str) -> str:
    return net.node("Relu", net.conv(last, 2))


def _depthwise(draw: st.DrawFn, net: Net, last: str) -> str:
    channels = net.shapes[last][1]
    return net.conv(last, channels, 3, pad=1, groups=channels)


def _residual(draw: st.DrawFn, net: Net, last: str) -> str:
    channels, stride = net.shapes[last][1], draw(st.integers(1, 2))
    main = net.conv(net.node("Relu", net.conv(last, 2, 3, stride=stride, pad=1)), channels, 3, pad=1)
    short = net.conv(last, channels, 1, stride=stride) if stride > 1 or draw(st.booleans()) else last
    return net.node("Relu", net.node("Add", *draw(st.permutations([main, short]))))


def _branches(draw: st.DrawFn, net: Net, last: str) -> str:
    deep = net.conv(net.conv(last, 2, 3, pad=1), 3)
    pooled = net.pool(net.conv(last, 2), 3, 1, 1)
    return net.conv(net.concat(*draw(st.permutations([deep, pooled, net.conv(last, 2)]))), 2)


def _pooled_branch(draw: st.DrawFn, net: Net, last: str) -> str:
    pooled = net.pool(last, 3, draw(st.integers(1, 2)), 1)
    return (
        net.conv(net.concat(pooled, net.conv(net.pool(last, 3, 1, 1), 2, 3, stride=1, pad=1)), 2)
        if (net.shapes[pooled][2:] == net.shapes[last][2:])
        else net.conv(pooled, 2)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(networks(alone=False), st.data())
def test_random_networks_equal_the_recurrence(folder: Path, net: Net, data: st.DataObject) -> None:
    _agree_with(data, net, folder)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(networks(alone=True), st.data())
def test_random_networks_with_vector_layers_of_their_own_equal_the_recurrence(
    folder: Path, net: Net, data: st.DataObject
) -> None:
    _agree_with(data, net, folder)


def _agree_with(data: st.DataObject, net: Net, folder: Path) -> None:
    copies = data.draw(st.lists(st.integers(1, 7), min_size=net.matrices, max_size=net.matrices))
    assignment, bits = data.draw(st.sampled_from(ASSIGNMENTS)), data.draw(st.sampled_from((4, 8, 16)))
    _agree(net, copies, assignment, data.draw(st.integers(1, 3)), folder, bits)


def _agree(net: Net, copies: list[int], assignment: str, images: int, folder: Path, bits: int = 16) -> None:
    path = net.save(folder)
    chosen = [f"copies.explicit={copies}", f"copies.assignment={assignment}", f"precision.input_bits={bits}"]
    placement = place(load(path), load_design("isaac", chosen))
    _compare(placement, reference(path, copies, bits, images=images, assignment=assignment), images, bits)


def _compare(placement: Placement, times: NetworkTimes, images: int, reads: int) -> None:
    """Times of the engine and of the estimate against those of the reference, `reads` read cycles a window."""
    assert estimate(placement, images).image_done == times.done
    seen = Reads()
    result = simulate(placement, images=images, ideal=True, observer=seen)
    assert all(result.checks.values())
    assert result.latency_cycles == times.done[0]
    assert result.interval_ns == (times.interval * 100 if images > 1 else None)
    cycle = round(100_000 / result.tick_ps)
    for layer in times.layers:
        for image, starts in enumerate(layer.starts):
            for window, start in enumerate(starts):
                span = ((start + 1) * cycle, (start + 1 + reads) * cycle)  # the fetch takes the first cycle
                assert set(seen.spans[layer.name, image, window]) == {span}
    layers = {layer.name: layer for layer in result.layers}
    for expected in times.layers:
        layer = layers[expected.name]
        assert layer.start_ns == min(expected.starts[0]) * 100
        assert layer.end_ns == expected.done[0] * 100


SHIPPED = [
    ("resnet18", [60, 15, 14, 16, 3, 4, 1, 5, 2, 4] + [1] * 11, "round_robin", 3),
    ("resnet18", [112, 28, 30, 28, 28, 7, 7, 7, 7, 7, 2, 2, 2, 2, 2] + [1] * 6, "strips", 2),
    ("resnet18", RESNET18_COPIES, "bands", 2),
    ("mobilenet_v2", [16] * 4 + [4] * 6 + [1] * 43, "strips", 2),
    ("mobilenet_v2", [7] * 8 + [3] * 20 + [2] * 24 + [1], "round_robin", 3),
    ("resnet50", [64] + [16] * 10 + [4] * 13 + [1] * 30, "round_robin", 2),
    ("resnet50", [64] + [16] * 10 + [4] * 13 + [1] * 30, "strips", 2),
]


@pytest.mark.slow
@pytest.mark.parametrize(("model", "copies", "assignment", "images"), SHIPPED)
def test_models_equal_the_recurrence(model: str, copies: list[int], assignment: str, images: int) -> None:
    path = MODELS / f"{model}.onnx"
    placement = placed(model, f"copies.assignment={assignment}", copies=copies)
    _compare(placement, reference(path, copies, 16, images=images, assignment=assignment), images, 16)

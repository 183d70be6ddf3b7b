"""Actions that runs count, against products worked out by hand and against what other counters saw."""

from __future__ import annotations

import pytest

from archsim import api
from archsim.actions import ACTIONS, Actions, sum_of
from archsim.result import Result
from tests.engine.networks import MODELS, Net, placed

SCHEDULES = ["isaac", "pipelayer", "atomlayer", "prime", "peng"]


def by_layer(result: Result) -> dict[str, Actions]:
    """The actions of each layer, by name."""
    return {layer.name: layer.actions for layer in result.layers}


@pytest.fixture(scope="module")
def digits() -> Result:
    return api.simulate("digits_cnn", images=2)


def test_a_convolution_by_hand(digits: Result):
    """conv2 of digits_cnn: 16 windows of 144 rows (2 row blocks) x 32 outputs x 8 cells (2 column blocks), 2 images."""
    windows = 2 * 16
    assert by_layer(digits)["conv2"] == Actions(
        array_reads=windows * 4 * 16,
        row_drives=windows * 144 * 2 * 16,
        conversions=windows * 4 * 16 * 128,
        shift_adds=windows * 4 * 16 * 128,
        register_bytes=windows * 144 * 2,
        bus_bytes=windows * 144 * 2,
        buffer_bytes=windows * 144 * 2 + 2 * 16 * 16 * 2,  # the pooled map of 16 channels is written once
        tile_adds=windows * 32,
        result_bytes=windows * 32 * 2,
        sfu_operations=0,
        pool_elements=0,
        router_flits=0,  # everything stands on one tile
        link_flits=0,
        offchip_bytes=0,
    )


def test_digital_layers_and_the_host_have_rows_of_their_own(digits: Result):
    actions = by_layer(digits)
    assert actions["relu1"].sfu_operations == 2 * 64 * 16
    assert actions["pool2"].pool_elements == 2 * 16 * 32
    assert actions["relu1"].conversions == actions["pool2"].bus_bytes == 0
    assert digits.host_actions.offchip_bytes == 2 * 8 * 8 * 2  # pixels of 2 bytes
    assert actions["fc2"].offchip_bytes == 2 * 10 * 2  # the classes
    assert digits.host_actions.conversions == 0


def test_operands_of_joins_go_over_the_bus():
    net = Net(8, 4, 4)
    first = net.conv("image", 8, 3, pad=1)
    second = net.conv(first, 8, 3, pad=1)
    net.node("Add", second, first)
    result = api.simulate(placed(net, "copies.policy=none"))
    joining = next(layer for layer in result.layers if layer.name == second).actions
    assert joining.register_bytes == 16 * 72 * 2
    assert joining.bus_bytes == 16 * 72 * 2 + 16 * 8 * 2


@pytest.mark.parametrize("design", SCHEDULES)
def test_rows_add_up_to_the_run_and_to_its_other_counters(design: str):
    result = api.simulate("digits_cnn", design, images=3)
    rows = [*by_layer(result).values(), result.host_actions]
    total, moved = result.actions, result.moved_bytes
    for name in ACTIONS:
        values = [getattr(row, name) for row in rows]
        assert getattr(total, name) == (None if None in values else sum(values)), name
    assert total.conversions == result.adc_conversions
    assert total.link_flits == result.noc.link_flits
    if result.noc.routers is not None:  # a bus has none
        assert total.router_flits == result.noc.router_flits
    assert total.offchip_bytes == moved.offchip
    assert total.bus_bytes == moved.array_inputs
    memory = None if moved.memory_reads is None else moved.memory_reads + moved.memory_writes
    assert total.memory_bytes == memory
    assert total.buffer_bytes == (None if moved.buffer_writes is None else moved.array_inputs + moved.buffer_writes)


@pytest.mark.parametrize("model", ["ideal", "vct", "bus"])
def test_flits_are_counted_under_the_layer_that_sends_them(model: str):
    settings = ["chip.tiles=6", "chip.mesh_width=3", "tile.pes=1", "pe.arrays=2", f"noc.model={model}", "chips=2"]
    result = api.simulate("digits_cnn", settings=[*settings, "noc.concentration=1", "copies.policy=none"], images=2)
    sent = {layer.name: layer.actions.link_flits for layer in result.layers}
    assert sent["conv1"] > 0
    assert result.host_actions.link_flits + sum(sent.values()) == result.noc.link_flits
    assert result.actions.router_flits == (None if model == "bus" else result.noc.router_flits)


def test_images_that_follow_from_others_are_counted():
    few, many = (api.simulate("digits_cnn", images=images) for images in (2, 40))
    assert any("follow from them" in note for note in many.notes)
    for name in ACTIONS:
        assert getattr(many.actions, name) == (
            None if getattr(few.actions, name) is None else 20 * getattr(few.actions, name)
        )


def test_rows_of_weights_that_are_written_belong_to_their_layer():
    settings = ["rotation.stored_arrays=16", "chip.tiles=1", "chip.mesh_width=1", "precision.input_bits=8"]
    result = api.simulate("lenet5", "atomlayer", settings=settings)
    rows = {layer.name: layer.actions.row_writes for layer in result.layers}
    assert result.actions.row_writes * 128 * 2 // 8 == result.moved_bytes.weights
    assert sum(rows.values()) == result.actions.row_writes > 0


def test_training_counts_the_rows_that_updates_write():
    result = api.simulate("digits_cnn", "pipelayer", images=4, training=True, batch=2)
    assert result.actions.row_writes * 128 * 4 // 8 == result.moved_bytes.weights


def test_sums_leave_out_what_nobody_counted():
    assert sum_of([Actions(bus_bytes=1), Actions(bus_bytes=2, tile_adds=3)]) == Actions(bus_bytes=3, tile_adds=3)
    assert sum_of([]) == Actions()


def test_without_limits_there_is_no_traffic_to_count():
    actions = api.simulate("digits_cnn", ideal=True).actions
    assert (actions.router_flits, actions.link_flits, actions.offchip_bytes) == (None, None, None)
    assert actions.conversions == 272_384


@pytest.mark.parametrize(
    ("settings", "conversions", "millijoules"),
    [
        ((), 16.10e9, 25.16),
        (("copies.policy=none",), 16.10e9, 25.16),
    ],
)
def test_vgg_converts_as_often_whatever_the_copies(settings: tuple[str, ...], conversions: float, millijoules: float):
    result = api.simulate(str(MODELS / "vgg16.onnx"), settings=settings, ideal=True)
    assert result.actions.conversions == pytest.approx(conversions, rel=5e-4)
    assert result.energy_pj["adc"] * 1e-9 == pytest.approx(millijoules, abs=0.005)
    convolutions = [layer.actions.conversions for layer in result.layers if layer.op == "Conv"]
    assert sum(convolutions) == pytest.approx(15.98e9, rel=5e-4)
    assert sum(convolutions) * 1.5625e-9 == pytest.approx(24.97, abs=0.005)

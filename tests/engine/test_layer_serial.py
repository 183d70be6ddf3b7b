"""One layer at a time over the whole chip: the closed forms of AtomLayer, for any network, precision and array."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from archsim.engine import simulate
from archsim.frontend import from_model
from archsim.graph import Graph
from archsim.hardware import load_design
from archsim.mapping import estimate, place
from tests.engine.networks import SMALL, Net, on
from tests.engine.test_recurrence import networks
from tests.recurrent import stacked

UNLIMITED = "rotation.stored_arrays=unlimited"
VGG16_SLOTS = [157, 784, 392, 738, 392, 784, 784, 392, 784, 784, 196, 196, 196, 40, 7, 2]

# A chip of 4 tiles with 2 PEs of 4 arrays, of which 2 read at once: 16 arrays at once.
TINY = ("chip.tiles=4", "chip.mesh_width=4", "tile.pes=2", "pe.arrays=4", "adc.arrays_per_set=2")


def slots_by_rule(graph: Graph, active: int, bits: int = 16, rows: int = 128, columns: int = 128) -> list[int]:
    """floor(active / A) copies, no more than windows, share these; or every window is read in ceil(A / active) passes.
    A by the contract: groups that fit stand together on the diagonal of an array."""
    slots = []
    for layer in graph.matrix_layers:
        width = layer.outputs // layer.groups * ceil(bits / 2)
        together = max(min(rows // layer.rows, columns // width, layer.groups), 1)
        arrays = ceil(layer.groups / together) * ceil(layer.rows / rows) * ceil(width / columns)
        copies = min(active // arrays, layer.windows)
        slots.append(ceil(layer.windows / copies) if copies else layer.windows * ceil(arrays / active))
    return slots


def test_vgg16_at_16_bit_takes_6628_slots_and_106144_cycles() -> None:
    placement = on("atomlayer", "vgg16", UNLIMITED)
    assert [plan.slots for plan in placement.plans] == VGG16_SLOTS == slots_by_rule(placement.graph, 1280)
    assert sum(VGG16_SLOTS) == 6628
    assert estimate(placement).latency_cycles == 16 * 6628 + 6 * 16 == 106_144


@pytest.mark.slow
def test_vgg16_at_16_bit_takes_106144_cycles_in_the_engine() -> None:
    result = simulate(on("atomlayer", "vgg16", UNLIMITED), ideal=True)
    assert result.latency_cycles == 106_144
    assert [layer.slots for layer in result.layers if layer.slots] == VGG16_SLOTS
    assert result.ok


@pytest.mark.slow
def test_vgg16_with_kernel_rows_apart_takes_7199_slots() -> None:
    placement = on("atomlayer", "vgg16", UNLIMITED, "tiling.filter_rows=split")
    assert sum(plan.slots for plan in placement.plans) == 7199
    assert simulate(placement, ideal=True).latency_cycles == 16 * 7199 + 6 * 16


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("model", ["resnet18", "alexnet", "lenet5"])
def test_other_networks_and_precisions_by_the_same_rule(model: str, bits: int) -> None:
    precision = (f"precision.weight_bits={bits}", f"precision.input_bits={bits}")
    placement = on("atomlayer", model, UNLIMITED, *precision)
    slots = slots_by_rule(placement.graph, 1280, bits)
    assert [plan.slots for plan in placement.plans if plan.tiling] == slots
    assert estimate(placement).latency_cycles == bits * sum(slots) + 6 * len(slots)


@pytest.mark.parametrize("model", ["alexnet", "lenet5"])
def test_the_engine_without_limits_takes_the_cycles_of_the_rule(model: str) -> None:
    placement = on("atomlayer", model, UNLIMITED, "precision.input_bits=8")
    slots = slots_by_rule(placement.graph, 1280)
    result = simulate(placement, images=2, ideal=True)
    assert result.latency_cycles == 8 * sum(slots) + 6 * len(slots)
    assert result.interval_ns == result.interval_bound_ns == result.latency_ns
    assert result.ok


@pytest.mark.parametrize("size", [64, 256])
def test_arrays_of_another_size(size: int) -> None:
    settings = (f"array.rows={size}", f"array.columns={size}", "adc.columns_per_adc=64", f"adc.rows_per_read={size}")
    placement = on("atomlayer", "alexnet", UNLIMITED, *settings)
    slots = slots_by_rule(placement.graph, 1280, rows=size, columns=size)
    assert [plan.slots for plan in placement.plans] == slots
    assert estimate(placement).latency_cycles == 16 * sum(slots) + 6 * len(slots)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("tiles", [1, 2, 4])
def test_small_networks_on_small_chips(name: str, tiles: int) -> None:
    """Joins, branches, concatenation, groups, pools of their own: in the engine, with copies, turns and passes."""
    settings = (*TINY, f"chip.tiles={tiles}", f"chip.mesh_width={tiles}", UNLIMITED)
    placement = on("atomlayer", SMALL[name](), *settings)
    slots = slots_by_rule(placement.graph, 4 * tiles)
    result = simulate(placement, ideal=True)
    assert result.latency_cycles == 16 * sum(slots) + 6 * len(slots)
    assert result.ok


@examples(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(networks(alone=True), st.sampled_from((4, 8, 16)), st.integers(1, 4))
def test_random_networks_take_the_cycles_of_the_rule(net: Net, bits: int, tiles: int) -> None:
    precision = (f"precision.weight_bits={bits}", f"precision.input_bits={bits}")
    settings = (*TINY, f"chip.tiles={tiles}", f"chip.mesh_width={tiles}", UNLIMITED, *precision)
    placement = on("atomlayer", net, *settings)
    slots = slots_by_rule(placement.graph, 4 * tiles, bits)
    cycles = bits * sum(slots) + 6 * len(slots)
    assert estimate(placement).latency_cycles == cycles
    assert simulate(placement, ideal=True).latency_cycles == cycles


@pytest.mark.parametrize(("op", "depth", "steps"), [("LSTM", 1, 5), ("LSTM", 2, 3), ("GRU", 2, 4)])
def test_a_recurrent_layer_takes_its_steps_one_after_the_other(op: str, depth: int, steps: int) -> None:
    graph = from_model(stacked(op, depth, steps=steps, classes=3), source="net.onnx", base_dir=None)
    placement = place(graph, load_design("atomlayer", [UNLIMITED]))
    result = simulate(placement, ideal=True)
    assert result.latency_cycles == depth * steps * (16 + 6) + (16 + 6)
    real = simulate(placement)
    assert real.ok
    assert (real.latency_ns or 0) > (result.latency_ns or 0)


def test_the_lstm_that_ships_is_read_in_two_passes() -> None:
    """1300 rows and 2600 outputs of 8 cells take 11 x 163 arrays, more than 1,280: 2 x 16 reads a step; the classifier
    of 10,000 outputs, 6 x 625, takes 3 passes for each of 35 windows."""
    placement = on("atomlayer", "lstm_ptb", UNLIMITED)
    assert [plan.slots for plan in placement.plans if plan.tiling] == [2 * 35, 2 * 35, 3 * 35]
    assert estimate(placement).latency_cycles == 2 * 35 * (32 + 6) + 35 * 48 + 6


@pytest.mark.parametrize("chips", ["auto", 1])
def test_isaac_runs_a_layer_at_a_time(chips: str | int) -> None:
    """Each layer alone has all the copies that the policy gives it; no layer waits for another to begin."""
    settings = ("schedule.kind=layer_serial", f"chips={chips}", "array.write_ns=100")
    placement = on("isaac", SMALL["chain"](), *settings, "copies.policy=greedy", "copies.assignment=round_robin")
    result = simulate(placement, images=2, ideal=True)
    copies = [layer.copies for layer in result.layers if layer.copies]
    windows = [layer.windows for layer in result.layers if layer.copies]
    assert result.latency_cycles == sum(16 * ceil(w / c) + 6 for w, c in zip(windows, copies, strict=True))
    assert result.interval_ns == result.latency_ns
    assert copies == windows
    real = simulate(placement, images=4)
    assert real.ok
    assert real.interval_exact
    assert real.interval_ns is not None
    assert real.interval_ns > real.interval_bound_ns
    ends = [(layer.start_ns, layer.end_ns) for layer in real.layers if layer.copies]
    assert all(before[1] < after[0] for before, after in pairwise(ends))


def test_images_follow_each_other_without_overlap_and_are_simulated_once() -> None:
    placement = on("atomlayer", SMALL["residual"](), *TINY)
    one, five = simulate(placement), simulate(placement, images=5)
    assert five.interval_ns == five.latency_ns == one.latency_ns
    assert (five.interval_exact, five.interval_spread_ns) == (True, 0)
    assert five.events == one.events
    assert [a.busy_ns for a in five.layers] == [5 * (b.busy_ns or 0) for b in one.layers]
    assert any("begin in the same state" in note for note in five.notes)

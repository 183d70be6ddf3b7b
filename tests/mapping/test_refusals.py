"""Settings that would have no effect or no end are refused; windows that read nothing but padding are not."""

from __future__ import annotations

import pytest
from onnx import helper

from archsim import frontend
from archsim.engine import simulate
from archsim.errors import InputError
from archsim.hardware import load_design
from archsim.mapping import place
from tests.engine.networks import Net, chain, on, placed
from tests.frontend.models import model, numbers


def test_a_store_is_refused_where_every_layer_keeps_its_place() -> None:
    with pytest.raises(InputError, match=r"stored_arrays: got 5, expected schedule.kind layer_serial with it"):
        placed(chain(), "rotation.stored_arrays=5")


def test_copies_beyond_what_can_be_held_are_refused() -> None:
    net = Net(1, 300, 300)
    net.conv("image", 1)
    with pytest.raises(InputError, match="got 90000 copies of layers, expected at most 50000"):
        on("pipelayer", net, "pipelayer.steps=1")


def test_copies_beyond_the_store_are_refused() -> None:
    with pytest.raises(InputError, match="expected at most 20480"):
        on("atomlayer", chain(), "copies.explicit=[30000]")


def test_a_unit_can_be_left_out_by_a_setting_where_a_design_may_leave_it_out() -> None:
    design = load_design("isaac", ["noc=null", "tile.bus=null"])
    assert design.noc is None
    assert design.tile.bus is None
    with pytest.raises(InputError, match="--set tile: got null, expected the path of a single value below"):
        load_design("isaac", ["tile=null"])
    with pytest.raises(InputError, match=r"--set noc: got 3, expected .* or null for it all"):
        load_design("isaac", ["noc=3"])


def test_nothing_is_skipped_where_an_input_or_a_weight_has_one_slice() -> None:
    def rounds(*settings: str) -> int:
        return load_design("prime", settings).read_cycles(256)

    assert (rounds(), rounds("adc.skip_low_low=true")) == (64, 48)
    assert rounds("adc.skip_low_low=true", "precision.input_bits=3") == rounds("precision.input_bits=3") == 32
    assert rounds("adc.skip_low_low=true", "precision.weight_bits=4") == rounds("precision.weight_bits=4") == 64


def test_a_convolution_that_reads_padding_alone_runs() -> None:
    net = Net(2, 1, 1)
    net.conv(net.concat(net.conv("image", 2), net.conv("image", 2)), 2, stride=2, pad=1)
    assert simulate(placed(net)).ok


def test_a_network_whose_outputs_need_no_run_is_refused() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Shape", ["h"], ["y"])]
    proto = model(nodes, {"x": (4, 3)}, constants={"w": numbers(3, 2)})
    graph = frontend.from_model(proto, source="net.onnx", base_dir=None)
    with pytest.raises(InputError, match="net: got outputs that are known beforehand, expected an output that is "):
        place(graph, load_design("isaac"))


def test_a_tensor_that_no_memory_holds_is_refused() -> None:
    proto = model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": (2**36, 3)}, constants={"w": numbers(3, 2)})
    graph = frontend.from_model(proto, source="net.onnx", base_dir=None)
    with pytest.raises(InputError, match=r"tensor 'x': got a shape of 206158430208 elements, .*, expected at most 134"):
        place(graph, load_design("isaac"))

"""Peng, Liu and Yu (ISCAS 2019) as `mappings/peng.yaml` has it, against ISAAC's mapping and hand calculations."""

from __future__ import annotations

import math
from itertools import product

import pytest

from archsim.engine import simulate
from archsim.errors import InputError
from archsim.frontend import load
from archsim.graph import MatrixLayer, Sliding
from archsim.hardware import load_design
from archsim.mapping import Placement, place
from tests.engine.networks import MODELS, RESNET18_COPIES, VGG16_COPIES


def on(design: str, model: str, *settings: str) -> Placement:
    return place(load(MODELS / f"{model}.onnx"), load_design(design, settings))


def test_104_tiles_of_240_arrays_are_the_published_24960_and_hold_102_mb() -> None:
    """Published: nearly 104 MB."""
    design = load_design("peng")
    assert (design.tile_arrays, design.chip_arrays) == (240, 24_960)
    assert (design.chip_arrays or 0) * 128 * 128 * 2 / 8 == pytest.approx(102.2e6, rel=1e-3)


def test_a_window_takes_8_bits_of_8_columns_an_adc() -> None:
    assert load_design("peng").read_cycles(128) == load_design("peng").read_cycles(1) == 8 * 8


@pytest.mark.parametrize("model", ["vgg16", "resnet18"])
def test_arrays_are_k2_times_blocks_of_channels_times_blocks_of_outputs(model: str) -> None:
    for plan in on("peng", model, "copies.policy=none").plans:
        matrix = plan.stage.matrix
        if matrix is not None and plan.tiling is not None:
            positions = math.prod(matrix.access.kernel) if isinstance(matrix.access, Sliding) else 1
            rows, columns = math.ceil(matrix.rows // positions / 128), math.ceil(matrix.outputs * 4 / 128)
            assert plan.tiling.arrays == positions * rows * columns


@pytest.mark.parametrize("assignment", ["strips", "round_robin"])
@pytest.mark.parametrize(("model", "copies"), [("vgg16", VGG16_COPIES), ("resnet18", RESNET18_COPIES)])
def test_it_takes_as_many_slots_as_isaac_with_as_many_copies(model: str, copies: list[int], assignment: str) -> None:
    settings = (f"copies.explicit={copies}", f"copies.assignment={assignment}")
    peng, isaac = ([plan.slots for plan in on(design, model, *settings).plans] for design in ("peng", "isaac"))
    assert peng == isaac


def needed(layer: MatrixLayer, size: int) -> int:
    """Positions of a square map that the windows of a square kernel need, each once, in loops."""
    access = layer.access
    assert isinstance(access, Sliding)
    side = math.isqrt(layer.windows)
    (kernel, _), (stride, _), (pad, _) = access.kernel, access.strides, access.pads_begin
    axis = {y for w, k in product(range(side), range(kernel)) if 0 <= (y := w * stride - pad + k) < size}
    return len(axis) ** 2


def test_inputs_of_resnet18_are_fetched_once_where_isaac_fetches_them_for_each_position_of_the_kernel() -> None:
    """One copy of each layer in a tile: of each convolution the C_in x H_in x W_in values that are needed, of the
    classifier 512; without hand-over K^2 C_in for each window."""
    graph = load(MODELS / "resnet18.onnx")
    once = every = 0
    for layer in graph.matrix_layers:
        every += layer.rows * layer.windows
        if isinstance(layer.access, Sliding):
            channels = layer.rows // math.prod(layer.access.kernel)
            (_, _, size, _) = graph.tensors[layer.inputs[0]].shape
            once += channels * needed(layer, size)
        else:
            once += layer.rows
    whole_copies = ("copies.policy=none", "tile.pes=200", "chip.tiles=13")
    results = [
        simulate(on("peng", "resnet18", *whole_copies, f"pe.input_reuse={reuse}"), ideal=True).moved_bytes
        for reuse in ("handover", "none")
    ]
    assert [moved.array_inputs for moved in results] == [once, every]
    assert [moved.handed_over for moved in results] == [every - once, 0]
    assert every / once > 7


def test_a_copy_on_several_tiles_fetches_inputs_on_each() -> None:
    """The last convolutions of ResNet-18, 576 arrays, take 3 tiles of 240 arrays."""
    placement = on("peng", "resnet18", "copies.policy=none")
    assert max(len(copy.parts) for plan in placement.plans for copy in plan.copies) == 3


def test_nothing_that_was_not_published_is_counted() -> None:
    moved = simulate(on("peng", "digits_cnn")).moved_bytes
    assert (moved.noc, moved.partial_sums, moved.offchip, moved.memory_reads) == (None, None, None, None)


def test_a_network_with_other_functions_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        on("peng", "lenet5")
    assert str(caught.value) == (
        "lenet5: layer 'conv1.tanh' and 3 more: got Tanh, expected an operation that peng has a unit for "
        "(sfu.operations: Relu, Add, MaxPool, AveragePool, GlobalAveragePool)"
    )

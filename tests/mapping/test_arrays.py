"""How many arrays layers take, and what placement does with them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.frontend import load
from archsim.hardware import load_design
from archsim.mapping import Placement, place
from archsim.mapping.tiling import share, tile_layer
from tests.engine.networks import MODELS, SMALL, VGG16_COPIES, Net, placed
from tests.oracle.arrays import VGG16_ARRAYS, arrays_per_copy, layers_of, used
from tests.oracle.network import read_network

# cells per weight and the settings that give them
CELLS = {
    2: ("precision.weight_bits=4",),
    4: ("precision.weight_bits=8",),
    8: (),
    16: ("array.cell_bits=1",),
}
NETWORKS = ["lenet5", "alexnet", "vgg16", "resnet18", "resnet50", "mobilenet_v2"]


def arrays_of(model: str, *settings: str) -> dict[str, int]:
    """Arrays of one copy, by layer."""
    design = load_design("isaac", settings)
    return {layer.name: tile_layer(layer, design).arrays for layer in load(MODELS / f"{model}.onnx").matrix_layers}


@pytest.mark.parametrize(("cells", "total"), [(2, 16_902), (4, 33_804), (8, 67_576), (16, 135_120)])
def test_vgg16_takes_the_published_arrays(cells: int, total: int) -> None:
    placement = placed("vgg16", "copies.policy=none", *CELLS[cells])
    assert placement.arrays_used == total
    assert placement.chips == math.ceil(total / 16_128)


@pytest.mark.parametrize("row", VGG16_ARRAYS, ids=lambda row: row[0])
def test_every_layer_of_vgg16_takes_the_arrays_of_the_worked_table(row: tuple[str, int, int, int, int, int]) -> None:
    name, *_, with_4_cells, with_8_cells = row
    assert arrays_of("vgg16", *CELLS[4])[name] == with_4_cells
    assert arrays_of("vgg16")[name] == with_8_cells
    assert arrays_of("vgg16", *CELLS[4], "array.sign=pair")[name] == with_8_cells


@pytest.mark.parametrize("cells", [2, 4, 8, 16])
@pytest.mark.parametrize("model", NETWORKS)
def test_arrays_equal_the_reference(model: str, cells: int) -> None:
    layers = layers_of(read_network(MODELS / f"{model}.onnx"), 128, 128, cells)
    assert list(arrays_of(model, *CELLS[cells]).values()) == [layer.arrays for layer in layers]


@pytest.mark.parametrize("model", NETWORKS)
def test_a_binary_network_takes_two_arrays_where_one_cell_a_weight_takes_one(model: str) -> None:
    settings = ("array.sign=binary", "precision.weight_bits=1", "precision.input_bits=1", "array.cell_bits=1")
    layers = layers_of(read_network(MODELS / f"{model}.onnx"), 128, 128, 1)
    assert list(arrays_of(model, *settings).values()) == [2 * layer.arrays for layer in layers]


def test_resnet18_takes_5724_arrays() -> None:
    placement = placed("resnet18", "copies.policy=none")
    assert (
        placement.arrays_used == 5_724 == used(layers_of(read_network(MODELS / "resnet18.onnx"), 128, 128, 8), [1] * 21)
    )


@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "groups", "settings", "arrays", "together"),
    [
        (32, 32, 3, 32, (), 3, 14),  # 14 groups of 9 rows on a diagonal: rows bind
        (32, 32, 3, 32, CELLS[16], 4, 8),  # 8 groups of 16 columns: columns bind
        (256, 32, 1, 2, (), 2, 1),  # one group fills the rows
        (258, 32, 1, 2, (), 4, 1),  # a group spills into a second row of arrays
        (128, 64, 1, 2, (), 4, 1),  # 64 rows allow two, 256 columns none
        (2, 2, 3, 2, (), 1, 2),  # no more groups than there are
        (8, 16, 3, 4, (), 1, 4),  # 18 rows and 32 columns: four on a diagonal
        (10, 20, 3, 5, (), 2, 4),  # the fifth takes an array of its own
    ],
)
def test_groups_stand_on_the_diagonal_of_an_array(
    channels: int, outputs: int, kernel: int, groups: int, settings: tuple[str, ...], arrays: int, together: int
) -> None:
    net = Net(channels, 4, 4)
    net.conv("image", outputs, kernel, groups=groups)
    (layer,) = net.graph().matrix_layers
    tiling = tile_layer(layer, load_design("isaac", settings))
    assert (tiling.arrays, tiling.groups_per_array) == (arrays, together)
    rows = channels // groups * kernel * kernel
    cells = 16 if settings else 8
    assert tiling.arrays == arrays_per_copy(rows, outputs, groups, 128, 128, cells)


def test_the_fullest_array_of_groups_decides_the_reads() -> None:
    """14 groups of 9 rows: 126 rows, 8 at a time; a group alone on an array would take 2 rounds."""
    net = Net(32, 4, 4)
    net.conv("image", 32, 3, groups=32)
    (layer,) = net.graph().matrix_layers
    assert tile_layer(layer, load_design("isaac", ["adc.rows_per_read=8"])).read_cycles == 16 * 16
    net = Net(1, 4, 4)
    net.conv("image", 1, 3)
    (layer,) = net.graph().matrix_layers
    assert tile_layer(layer, load_design("isaac", ["adc.rows_per_read=8"])).read_cycles == 16 * 2


def test_a_layer_of_27_rows_reads_27_rows_whatever_the_array_has() -> None:
    placement = placed("vgg16", "copies.policy=none", "adc.rows_per_read=32")
    cycles = {plan.stage.name: plan.read_cycles for plan in placement.plans}
    assert (cycles["conv1_1"], cycles["conv1_2"]) == (16, 16 * 4)


@pytest.mark.parametrize("split", ["columns", "rows"])
@pytest.mark.parametrize(("rows", "outputs"), [(27, 64), (300, 50), (128, 16), (1000, 33), (129, 17)])
def test_shares_of_a_copy_hold_every_row_and_output_it_has(rows: int, outputs: int, split: str) -> None:
    """Cut at every place into pieces of any size; by rows, each output is summed in every row block."""
    net = Net(rows, 1, 1)
    net.conv("image", outputs)
    (layer,) = net.graph().matrix_layers
    design = load_design("isaac", [f"tiling.split={split}"])
    tiling = tile_layer(layer, design)
    whole = share(layer, tiling, design, 0, tiling.arrays)
    assert (whole.arrays, whole.inputs, whole.outputs) == (tiling.arrays, rows, outputs)
    block = tiling.row_blocks if split == "columns" else tiling.column_blocks
    pieces = [share(layer, tiling, design, start, start + block) for start in range(0, tiling.arrays, block)]
    if split == "columns":
        assert {piece.inputs for piece in pieces} == {rows}
        assert sum(piece.outputs for piece in pieces) == outputs
    else:
        assert {piece.outputs for piece in pieces} == {outputs}
        assert sum(piece.inputs for piece in pieces) == rows


SPREAD = ("tile.pes=1", "pe.arrays=4")
PLACEMENTS = {
    **{name: (name, ()) for name in SMALL},
    **{f"{name} spread": (name, SPREAD) for name in SMALL},
    **{f"{name} by rows": (name, (*SPREAD, "tiling.split=rows")) for name in SMALL},
    **{f"{name} strips": (name, (*SPREAD, "copies.assignment=strips")) for name in SMALL},
    "lenet5": ("lenet5", ()),
    "alexnet": ("alexnet", ()),
    "resnet18": ("resnet18", ()),
}


@pytest.fixture(params=PLACEMENTS, scope="module")
def placement(request: pytest.FixtureRequest) -> Placement:
    name, settings = PLACEMENTS[request.param]
    return placed(SMALL[name]() if name in SMALL else name, *settings)


def test_no_array_holds_two_things_and_no_tile_too_many(placement: Placement) -> None:
    held: Counter[tuple[int, int]] = Counter()
    for plan in placement.plans:
        for copy in plan.copies:
            for part in copy.parts:
                held.update((part.tile, slot) for slot in range(part.slot, part.slot + part.arrays))
    assert max(held.values()) == 1
    assert max(slot for _, slot in held) < placement.design.tile_arrays
    assert max(tile for tile, _ in held) < placement.chips * placement.design.chip.tiles
    assert len(held) == placement.arrays_used <= placement.arrays_allocated <= placement.arrays_available
    pes = {(tile, slot // placement.design.pe.arrays) for tile, slot in held}
    assert placement.arrays_allocated == len(pes) * placement.design.pe.arrays


def test_every_copy_has_all_its_arrays_and_every_window_one_copy(placement: Placement) -> None:
    for plan in placement.plans:
        if plan.tiling:
            assert all(sum(part.arrays for part in copy.parts) == plan.tiling.arrays for copy in plan.copies)
        windows = np.concatenate([copy.windows for copy in plan.copies])
        assert sorted(windows.tolist()) == list(range(plan.stage.windows))
        assert plan.slots == max(len(copy.windows) for copy in plan.copies)


def test_copies_of_a_layer_are_in_the_order_of_the_mesh(placement: Placement) -> None:
    """So that a strip's producer and its consumer are near each other."""
    for plan in placement.plans:
        assert [copy.index for copy in plan.copies] == list(range(len(plan.copies)))


def test_placement_is_pure() -> None:
    net = SMALL["residual"]()
    graph = net.graph()
    first, second = (place(graph, load_design("isaac", SPREAD)) for _ in range(2))
    assert [[c.parts for c in p.copies] for p in first.plans] == [[c.parts for c in p.copies] for p in second.plans]
    assert [(p.key, p.tile, p.capacity) for p in first.ports] == [(p.key, p.tile, p.capacity) for p in second.ports]


def test_the_whole_of_vgg16_takes_5_chips_and_72928_arrays() -> None:
    placement = placed("vgg16")
    assert (placement.chips, placement.arrays_used) == (5, 72_928)
    assert [len(plan.copies) for plan in placement.plans if plan.tiling] == VGG16_COPIES


# --- what does not fit


def refused(model: Net | str, *settings: str) -> str:
    with pytest.raises(InputError) as caught:
        placed(model, *settings)
    return str(caught.value)


def test_too_few_chips_say_how_many_arrays_are_needed_and_what_would_fit() -> None:
    assert refused("vgg16", "chips=2", "copies.policy=none") == (
        "vgg16: design isaac: got 67576 arrays (67576 with one copy of each layer), expected at most 32256, the arrays "
        "of 2 chips; what would make it fit: chips=5 or chips=auto"
    )


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        # 33,804 arrays at 8 bits are more than the 32,256 of 2 chips, and fit into the 48,384 of 3
        (("chips=2",), ["chips=5"]),
        (("chips=3",), ["chips=5", "precision.weight_bits=8"]),
        # 84 copies more of conv1_1, of 4 arrays at 16 bits and of 2 at 8
        (("chips=4", "copies.explicit=[85]"), ["chips=5", "precision.weight_bits=8"]),
        # 12 copies more of conv5_3, of 1,152 arrays: 81,400, and 5 chips have 80,640
        (
            ("chips=5", "copies.explicit=[1,1,1,1,1,1,1,1,1,1,1,1,13]"),
            ["chips=6", "copies.policy=none", "precision.weight_bits=8"],
        ),
        (("chips=1", "copies.budget_arrays=60"), ["copies.budget_arrays=67576 chips=5"]),
    ],
)
def test_each_advice_by_itself_makes_a_network_fit(settings: tuple[str, ...], advice: list[str]) -> None:
    said = refused("vgg16", *settings)
    offered = said.partition("what would make it fit: ")[2].split(", ")
    assert len(offered) == len(advice)
    for text, chosen in zip(offered, advice, strict=True):
        assert all(part in text for part in chosen.split())
        kept = [] if "copies.policy" in chosen else settings
        placed("vgg16", *kept, *chosen.split())


def test_too_many_copies_say_that_fewer_would_fit() -> None:
    said = refused("lenet5", "chips=1", "chip.tiles=14", "copies.explicit=[600, 600]")
    assert "got 1839 arrays (42 with one copy of each layer), expected at most 1344, the arrays of 1 chip; " in said
    assert "fewer copies (copies.policy=none)" in said


def test_a_budget_too_small_is_named() -> None:
    assert refused("lenet5", "copies.budget_arrays=3", "copies.policy=none") == (
        "lenet5: design isaac: got 42 arrays (42 with one copy of each layer), expected at most 3, the arrays of "
        "copies.budget_arrays; what would make it fit: copies.budget_arrays=42"
    )


def test_a_network_without_a_matrix_is_refused() -> None:
    net = Net(3, 4, 4)
    net.node("Relu", "image")
    assert refused(net) == "small: expected a network with at least one Conv, Gemm, MatMul, LSTM, GRU or RNN"


def test_unknown_policies_are_told_all_at_once_with_the_nearest() -> None:
    said = refused("lenet5", "copies.policy=gready", "copies.assignment=stripes", "tiling.split=column").splitlines()
    assert said == [
        (
            "copies.policy: got 'gready', expected one of explicit, greedy, isaac, none, optimal, pipelayer"
            " (did you mean 'greedy'?)"
        ),
        "copies.assignment: got 'stripes', expected one of bands, round_robin, strips (did you mean 'strips'?)",
        "tiling.split: got 'column', expected one of columns, rows (did you mean 'columns'?)",
    ]


def test_a_layer_whose_window_fits_no_buffer_is_named_with_the_bytes_it_needs() -> None:
    """A 3 x 3 kernel on a padded map of 12 x 12 x 3 values of 2 bytes: two rows and three values, 27 x 6 bytes."""
    assert refused(SMALL["chain"](), "tile.buffer_bytes=161", "copies.policy=none") == (
        "small: design isaac, layer 'conv0': got a tile's share of the layer needs 162 bytes of buffer at least, "
        "expected at most 161 (tile.buffer_bytes); a larger buffer, or tiling.split=rows"
    )


def test_vector_layers_go_to_other_tiles_where_their_inputs_tile_has_no_room() -> None:
    wide, narrow = (
        placed(SMALL["squeeze"](), copies=[1]),
        placed(SMALL["squeeze"](), "tile.buffer_bytes=1100", copies=[1]),
    )
    assert narrow.tiles_used > wide.tiles_used


def test_copies_that_find_no_room_in_the_buffers_are_refused() -> None:
    """Each of 4 tiles has room for the 162 bytes that one of 5 layers needs; the arrays would hold all."""
    net = Net(3, 12, 12)
    net.conv(net.concat(*(net.conv("image", 8, 3, pad=1) for _ in range(5))), 1)
    assert refused(net, "chips=1", "chip.tiles=4", "chip.mesh_width=2", "tile.buffer_bytes=170") == (
        "small: design isaac: got the copies asked for do not find room in the buffers of 1 x 4 tiles, expected more "
        "chips, fewer copies (copies.budget_arrays) or a larger tile.buffer_bytes"
    )


def test_busy_special_functions_are_spread_over_tiles_where_there_are_tiles() -> None:
    """Two copies whose ReLU takes 1,000 ns a window of 1,600 ns of reads: more than one tile's lanes can do."""
    net = Net(1, 1, 2)
    net.node("Relu", net.conv("image", 20))
    slow = ("sfu.clock_ghz=0.01", "copies.explicit=[2]")
    one_tile = ("chip.tiles=1", "chip.mesh_width=1", "noc.concentration=1")
    assert placed(net, "copies.explicit=[2]").tiles_used == 1
    assert placed(net, *slow).tiles_used == 2
    assert (placed(net, *slow, *one_tile).tiles_used, placed(net, *slow, *one_tile).chips) == (1, 1)

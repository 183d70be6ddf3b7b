"""How rows of a matrix are divided among arrays, and what the tiles that share a copy read and give."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.frontend import load
from archsim.graph import MatrixLayer, Sliding
from archsim.hardware import Design, load_design
from archsim.mapping.tiling import Tiling, share, tile_layer
from tests.engine.networks import MODELS, Net, placed

BITS_8 = ("precision.weight_bits=8", "precision.input_bits=8")

# AtomLayer, Qiao et al., DAC 2018: 1,280 arrays read at once; slots of each layer of VGG-16 at 16 bit.
ATOMLAYER_ARRAYS = 1_280
PACKED_SLOTS = [157, 784, 392, 738, 392, 784, 784, 392, 784, 784, 196, 196, 196, 40, 7, 2]


def matrices(model: str) -> tuple[MatrixLayer, ...]:
    return load(MODELS / f"{model}.onnx").matrix_layers


def tilings(model: str, filter_rows: str, *settings: str) -> dict[str, Tiling]:
    """The tiling of each matrix layer, by name."""
    design = load_design("isaac", [f"tiling.filter_rows={filter_rows}", *settings])
    return {layer.name: tile_layer(layer, design) for layer in matrices(model)}


def atomlayer_slots(filter_rows: str) -> list[int]:
    """Windows over the copies that read at once, or passes over what does not."""
    found = tilings("vgg16", filter_rows)
    slots = []
    for layer in matrices("vgg16"):
        arrays = found[layer.name].arrays
        copies, passes = ATOMLAYER_ARRAYS // arrays, math.ceil(arrays / ATOMLAYER_ARRAYS)
        slots.append(math.ceil(layer.windows / copies) if copies else layer.windows * passes)
    return slots


def test_kernel_rows_packed_one_behind_the_other_take_the_slots_of_atomlayer() -> None:
    assert atomlayer_slots("packed") == PACKED_SLOTS
    assert sum(PACKED_SLOTS) == 6_628


def test_kernel_rows_in_arrays_of_their_own_take_7199_slots() -> None:
    assert sum(atomlayer_slots("split")) == 7_199


@pytest.mark.parametrize("model", ["vgg16", "resnet18"])
def test_kernel_positions_in_arrays_of_their_own_take_the_arrays_of_peng(model: str) -> None:
    """Peng, Liu and Yu, ISCAS 2019: K^2 matrices of C_in rows."""
    found = tilings(model, "positions", *BITS_8)
    for layer in matrices(model):
        positions = math.prod(layer.access.kernel) if isinstance(layer.access, Sliding) else 1
        channels = layer.rows // positions
        assert found[layer.name].arrays == positions * math.ceil(channels / 128) * math.ceil(layer.outputs * 4 / 128)
        assert found[layer.name].rows == min(channels, 128)


def test_kernels_of_64_channels_take_9_row_blocks_by_position_and_5_else_those_of_128_take_9_either_way() -> None:
    by_channel, by_position = (tilings("vgg16", name, *BITS_8) for name in ("channels", "positions"))
    names = ("conv1_2", "conv2_2")
    assert [by_channel[name].row_blocks for name in names] == [5, 9]
    assert [by_position[name].row_blocks for name in names] == [9, 9]


@pytest.mark.parametrize("filter_rows", ["packed", "split", "positions"])
def test_a_matrix_without_a_kernel_is_cut_as_ever(filter_rows: str) -> None:
    assert tilings("lstm_ptb", filter_rows) == tilings("lstm_ptb", "channels")
    assert tilings("vgg16", filter_rows)["fc6"] == tilings("vgg16", "channels")["fc6"]


@pytest.mark.parametrize(
    ("filter_rows", "rows", "together", "parts"),
    [("channels", 9, 14, 1), ("packed", 9, 14, 1), ("split", 3, 32, 3), ("positions", 1, 32, 9)],
)
def test_parts_of_several_groups_share_an_array_on_its_diagonal(
    filter_rows: str, rows: int, together: int, parts: int
) -> None:
    """MobileNetV2's depthwise kernels of 3 x 3 at 8 bit: min(floor(128 / rows), floor(128 / 4)) groups an array."""
    found = tilings("mobilenet_v2", filter_rows, *BITS_8)
    depthwise = [layer for layer in matrices("mobilenet_v2") if layer.groups > 1]
    assert len(depthwise) == 17
    for layer in depthwise:
        tiling = found[layer.name]
        assert tiling.arrays == parts * math.ceil(layer.groups / together)
        assert tiling.rows == together * rows
    assert {found[layer.name].groups_per_array for layer in depthwise} == {together}


def test_the_last_array_of_a_diagonal_is_filled_as_far_as_there_are_groups() -> None:
    """40 groups of a 3 x 3 kernel by position: 32 and 8 of them on 9 arrays each."""
    net = Net(40, 4, 4)
    net.conv("image", 40, 3, groups=40)
    (layer,) = net.graph().matrix_layers
    design = load_design("isaac", ["tiling.filter_rows=positions", *BITS_8])
    tiling = tile_layer(layer, design)
    first, last = (share(layer, tiling, design, start, start + 9) for start in (0, 9))
    assert (first.inputs, first.outputs, first.first_row, first.last_row) == (32 * 9, 32, 0, 32 * 9)
    assert (last.inputs, last.outputs, last.first_row, last.last_row) == (8 * 9, 8, 32 * 9, 40 * 9)
    one = share(layer, tiling, design, 10, 11)
    assert (one.inputs, one.outputs, one.first_row, one.last_row) == (8, 8, 32 * 9 + 1, 39 * 9 + 2)


def stored(layer: MatrixLayer, design: Design) -> list[tuple[set[int], set[int]]]:
    """The rows (counted on through the groups) and the outputs that each array of a copy holds, in the order in
    which arrays fill tiles; in loops, from the rules."""
    kernel = layer.access.kernel if isinstance(layer.access, Sliding) else (1,)
    count = {"channels": 1, "packed": 1, "split": kernel[0], "positions": math.prod(kernel)}[design.tiling.filter_rows]
    part, outputs = layer.rows // count, layer.outputs // layer.groups
    size, width, cells = design.array.rows, design.array.columns, design.cells_per_weight
    together = max(1, min(size // part, width // (outputs * cells)))
    pieces = [
        range(start, min(start + size, begin + part))
        for begin in range(0, layer.rows, part)
        for start in range(begin, begin + part, size)
    ]
    columns = [
        {cell // cells for cell in range(start, min(start + width, outputs * cells))}
        for start in range(0, outputs * cells, width)
    ]
    arrays = []
    for base in range(0, layer.groups, together):
        groups = range(base, min(base + together, layer.groups))
        blocks = [(piece, column) for column in columns for piece in pieces]
        if design.tiling.split == "rows":
            blocks = [(piece, column) for piece in pieces for column in columns]
        for piece, column in blocks:
            rows = {group * layer.rows + row for group in groups for row in piece}
            results = {group * outputs + output for group in groups for output in column}
            arrays += [(rows, results)] * design.arrays_per_block
    return arrays


@given(st.data())
@examples(max_examples=120, deadline=None)
def test_a_share_holds_what_its_arrays_hold(data: st.DataObject) -> None:
    """Any layer, cut between any two arrays, those of a pair of positive and negative ones included."""
    groups = data.draw(st.sampled_from([1, 1, 2, 3, 8]))
    kernel = data.draw(st.sampled_from([1, 2, 3]))
    net = Net(groups * data.draw(st.integers(1, 12)), 4, 4)
    net.conv("image", groups * data.draw(st.integers(1, 20)), kernel, groups=groups)
    (layer,) = net.graph().matrix_layers
    choices = {
        "tiling.filter_rows": ["channels", "packed", "split", "positions"],
        "tiling.split": ["columns", "rows"],
        "array.sign": ["offset", "pair", "pair_arrays"],
        "array.columns": ["16", "30"],
        "array.cell_bits": ["4", "3"],
    }
    chosen = [f"{key}={data.draw(st.sampled_from(values))}" for key, values in choices.items()]
    design = load_design("isaac", [*chosen, *BITS_8, "array.rows=16", "adc.rows_per_read=16", "adc.columns_per_adc=16"])
    arrays, tiling = stored(layer, design), tile_layer(layer, design)
    assert tiling.arrays == len(arrays)
    start = data.draw(st.integers(0, len(arrays) - 1))
    stop = data.draw(st.integers(start + 1, len(arrays)))
    rows = set().union(*(rows for rows, _ in arrays[start:stop]))
    outputs = set().union(*(outputs for _, outputs in arrays[start:stop]))
    found = share(layer, tiling, design, start, stop)
    assert (found.arrays, found.inputs, found.outputs) == (stop - start, len(rows), len(outputs))
    assert (found.first_row, found.last_row) == (min(rows), max(rows) + 1)
    assert tiling.rows == max(len(rows) for rows, _ in arrays)


@pytest.mark.parametrize("arrays", [2, 6, 14])
def test_complete_outputs_of_a_divided_copy_are_those_of_the_layer(arrays: int) -> None:
    """300 rows and 64 outputs of 4 cells: 3 x 2 blocks, a pair of arrays each; whole columns of 6 arrays on a tile
    give complete outputs, and other pieces give each to be summed."""
    net = Net(300, 1, 1)
    net.conv("image", 64)
    placement = placed(net, "array.sign=pair_arrays", *BITS_8, "tile.pes=1", f"pe.arrays={arrays}", copies=[1])
    (plan,) = placement.plans
    parts = plan.copies[0].parts
    assert plan.tiling is not None
    assert sum(part.arrays for part in parts) == plan.tiling.arrays == 12
    inputs, outputs = [part.inputs for part in parts], [part.outputs for part in parts]
    assert (inputs, outputs) == {
        2: ([128, 128, 44] * 2, [32] * 6),
        6: ([300, 300], [32, 32]),
        14: ([300], [64]),
    }[arrays]


def test_a_pair_of_arrays_divided_between_tiles_reads_the_same_inputs_on_both() -> None:
    net = Net(300, 1, 1)
    net.conv("image", 64)
    placement = placed(net, "array.sign=pair_arrays", *BITS_8, "tile.pes=1", "pe.arrays=5", copies=[1])
    parts = placement.plans[0].copies[0].parts
    assert [(part.arrays, part.inputs, part.outputs) for part in parts] == [(5, 300, 32), (5, 300, 64), (2, 44, 32)]


def test_an_unknown_division_of_rows_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        placed("lenet5", "tiling.filter_rows=position", "pe.input_reuse=lader")
    rows, reuse = str(caught.value).splitlines()
    assert rows.startswith("tiling.filter_rows: got 'position', expected one of channels, packed, positions, split")
    assert rows.endswith("(did you mean 'positions'?)")
    assert reuse == "pe.input_reuse: got 'lader', expected one of handover, ladder, none (did you mean 'ladder'?)"

"""`archsim map`: where each layer sits, and pictures of the chips."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from archsim import api
from archsim.hardware import load_design
from archsim.hardware.parts import ChipSize
from archsim.mapping import place
from archsim.report import Mesh, PlacedLayer, PlacementSummary, placement_report
from archsim.report.mapping import ranges
from archsim.summaries import placed
from tests.surface.conftest import Run
from tests.surface.samples import CONV, RELU


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((), ""),
        ((5,), "5"),
        ((0, 1, 2, 3, 7), "0-3, 7"),
        ((0, 2, 4), "0, 2, 4"),
        ((0, 2, 4, 6), "0, 2, 4, ... (4 tiles)"),
        ((1, 2, 4, 5, 7, 8, 10), "1-2, 4-5, 7-8, ... (7 tiles)"),
    ],
)
def test_tiles_that_follow_each_other_are_told_in_one(numbers: tuple[int, ...], text: str):
    assert ranges(numbers, 3) == text


def test_all_ranges_are_told_unless_bounded():
    assert ranges(range(0, 100, 2)) == ", ".join(map(str, range(0, 100, 2)))


def test_the_json_of_a_map_has_the_tiles_of_each_layer(archsim: Run):
    words = ("map", "resnet18", "--set", "precision.weight_bits=8")
    document = json.loads(archsim(*words, "--json", "-").out)
    assert document["mesh"] == {"columns": 14, "rows": 12}
    assert document["in_turn"] is False
    matrices = [layer for layer in document["layers"] if layer["arrays"]]
    assert all(sum(layer["arrays_per_tile"]) == layer["arrays"] for layer in matrices)
    assert all(len(layer["arrays_per_tile"]) == len(layer["tiles"]) for layer in matrices)
    assert len({tile for layer in document["layers"] for tile in layer["tiles"]}) == document["tiles"]
    assert all(layer["tiles"] == sorted(set(layer["tiles"])) for layer in document["layers"])
    held: dict[int, int] = {}
    for layer in matrices:
        for tile, arrays in zip(layer["tiles"], layer["arrays_per_tile"], strict=True):
            held[tile] = held.get(tile, 0) + arrays
    assert max(held.values()) <= 96
    vectors = [layer for layer in document["layers"] if not layer["arrays"]]
    assert all(layer["tiles"] and layer["arrays_per_tile"] is None for layer in vectors)


def test_the_csv_of_a_map_has_all_tiles_of_each_layer(archsim: Run):
    rows = list(csv.DictReader(io.StringIO(archsim("map", "digits_cnn", "--format", "csv").out)))
    assert [row["name"] for row in rows] == [
        "conv1",
        "relu1",
        "pool1",
        "conv2",
        "relu2",
        "pool2",
        "fc1",
        "relu3",
        "fc2",
    ]
    assert {row["tiles"] for row in rows} == {"0"}
    assert [row["arrays_per_tile"] for row in rows] == ["4", "", "", "4", "", "", "4", "", "1"]


def test_the_picture_of_a_network_on_one_tile_has_one_letter(archsim: Run):
    lines = archsim("map", "digits_cnn").out.splitlines()
    picture = lines[lines.index("Chip 0: the layer with the most arrays in each tile") + 1 :]
    assert picture[0] == "first tile  row of tiles (. has no arrays)"
    assert [line.split() for line in picture[1:]] == [
        ["0", "a............."],
        *([str(first), "." * 14] for first in range(14, 168, 14)),
    ]
    row = next(line for line in lines if line.startswith("conv2")).split()
    # 144 x 32 weights of 8 cells on 4 arrays of 128 x 128 cells: 56.25 %
    assert row[-5:] == ["0", "4", "56.2", "%", "b"]


@pytest.mark.parametrize(("sign", "arrays"), [("offset", 4), ("pair", 8), ("pair_arrays", 8)])
def test_a_weight_uses_its_cells_in_every_array_that_it_stands_in(sign: str, arrays: int):
    """144 x 32 weights of 8 cells, or of 16 in twice the columns or arrays: 56.25 % of the cells in all cases."""
    placement = place(api.load("digits_cnn"), load_design("isaac", [f"array.sign={sign}", "copies.policy=none"]))
    (conv2,) = [one for one in placed(placement).layers if one.layer.name == "conv2"]
    assert (conv2.layer.arrays_per_copy, conv2.utilisation) == (arrays, 0.5625)


# --- pictures, of placements made by hand


def _summary(*held: dict[int, int], mesh: Mesh | None, chips: int = 1, in_turn: bool = False) -> PlacementSummary:
    """Layers `l0`, `l1` and so on with their arrays by tile, and a vector layer."""
    real = placed(api.place("digits_cnn"))
    layers = [
        PlacedLayer(
            layer=replace(CONV, name=f"l{number}"),
            tiles=tuple(tiles),
            arrays_per_tile=tuple(tiles.values()),
            utilisation=1.0,
        )
        for number, tiles in enumerate(held)
    ]
    vector = PlacedLayer(layer=RELU, tiles=(3,), arrays_per_tile=None, utilisation=None)
    return replace(real, layers=(*layers, vector), mesh=mesh, chips=chips, in_turn=in_turn)


def _pictures(summary: PlacementSummary) -> list[list[str]]:
    return [[str(row[1]) for row in table.rows] for table in placement_report(summary).tables[2:]]


MESH = Mesh(columns=3, rows=2)


def test_a_tile_shows_the_layer_with_most_arrays_in_it():
    summary = _summary({0: 4, 1: 2, 4: 1}, {1: 3, 4: 1}, mesh=MESH)
    # of tile 4 both layers have one array: the earlier one is shown
    assert _pictures(summary) == [["ab.", ".a."]]
    table = placement_report(summary).tables[1]
    assert [row[-1] for row in table.rows] == ["a", "b", None]


def test_each_chip_has_a_picture_and_only_the_first_are_drawn():
    summary = _summary({0: 1, 7: 1}, {8: 1, 29: 1}, mesh=MESH, chips=5)
    assert _pictures(summary) == [["a..", "..."], [".ab", "..."], ["...", "..."], ["...", "..."]]
    report = placement_report(summary)
    assert [table.remarks for table in report.tables[2:]] == [(), (), (), ("the first 4 of 5 chips are drawn",)]
    assert [row[0] for row in report.tables[3].rows] == [6, 9]


def test_layers_in_turn_are_counted_in_each_tile():
    summary = _summary({0: 1, 1: 1}, {0: 2}, *({5: 1},) * 9, *({2: 1},) * 10, mesh=MESH, in_turn=True)
    assert _pictures(summary) == [["21+", "..9"]]
    report = placement_report(summary)
    assert report.tables[2].title == "Chip 0: layers with arrays in each tile"
    assert [column.key for column in report.tables[1].columns][-1] == "utilisation"


def test_more_layers_than_letters_and_digits_share_a_sign():
    summary = _summary(*({tile: 1} for tile in range(64)), mesh=Mesh(columns=64, rows=1))
    letters = "abcdefghijklmnopqrstuvwxyz"
    assert _pictures(summary) == [[letters + letters.upper() + "0123456789##"]]


@pytest.mark.parametrize("mesh", [None, Mesh(columns=81, rows=1), Mesh(columns=1, rows=41)])
def test_a_mesh_that_no_terminal_takes_is_not_drawn(mesh: Mesh | None):
    report = placement_report(_summary({0: 4}, mesh=mesh))
    assert len(report.tables) == 2
    assert report.tables[1].columns[-1].key == "utilisation"
    assert len(_pictures(_summary({0: 4}, mesh=Mesh(columns=80, rows=40)))) == 1


def test_a_chip_as_large_as_a_network_takes_has_no_mesh():
    isaac = load_design("isaac")
    size = ChipSize(tiles="unlimited", mesh_width=None)
    summary = placed(place(api.load("digits_cnn"), isaac.model_copy(update={"noc": None, "chip": size})))
    assert summary.mesh is None
    assert summary.layers[0].tiles


def test_a_layer_of_several_passes_is_where_any_pass_is():
    settings = ["schedule.kind=layer_serial", "adc.arrays_per_set=8", "array.write_ns=100", "rotation.stored_arrays=4"]
    placement = place(api.load("digits_cnn"), load_design("isaac", settings))
    passes = [job for job in placement.jobs if placement.stages.stages[job.stage].name == "fc1"]
    assert len(passes) > 1
    (fc1,) = [one for one in placed(placement).layers if one.layer.name == "fc1"]
    homes = {part.tile for job in passes for part in job.placement.plans[0].copies[0].parts}
    assert fc1.tiles == tuple(sorted(homes))
    assert fc1.arrays_per_tile == (max(job.placement.arrays_used for job in passes),)

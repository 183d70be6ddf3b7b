"""Pictures of characters: how busy the links of a mesh are, and curves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archsim.report import heatmap
from archsim.report.drawing import Drawing
from archsim.report.plot import HEIGHT, WIDTH, plot
from archsim.result import LinkUse
from tests.surface.conftest import Run

LOGS = Path(__file__).parents[1] / "noc" / "logs"


def test_a_link_is_tenths_of_the_busiest_by_its_busier_direction():
    links = [LinkUse(0, 1, 8, 0.4), LinkUse(1, 0, 4, 0.2), LinkUse(2, 1, 1, 0.05), LinkUse(1, 4, 2, 0.199)]
    drawing = heatmap(3, 2, links)
    assert drawing.lines == ("o9o1o", ". 4 .", "o.o.o")
    assert drawing.remarks == ("a digit is tenths of the busiest link (40.0 % of the time), . a link without flits",)


def test_a_mesh_without_traffic_and_one_without_links_are_drawn():
    assert heatmap(2, 2, []).lines == ("o.o", ". .", "o.o")
    assert heatmap(1, 1, []).lines == ("o",)


def test_a_mesh_too_large_for_a_terminal_is_not_drawn():
    assert heatmap(81, 1, []) is None
    assert heatmap(1, 65, []) is None
    assert heatmap(80, 64, []) is not None


def test_colours_are_escape_codes_around_the_same_characters():
    drawing = heatmap(2, 1, [LinkUse(0, 1, 1, 0.5)])
    coloured = drawing.to_text(colour=True)
    assert "\x1b[1;31m9\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == drawing.to_text(colour=False)


def test_the_map_of_a_replay_shows_the_ways_of_its_packets(archsim: Run, tmp_path: Path):
    """Two packets of 4 flits from 0 to 5 and one from 1 to 5 on 4 x 2 nodes: 8 and 12 flits."""
    packets = tmp_path / "few.csv"
    packets.write_text("pid,src,dst,flits,create\n0,0,5,4,0\n1,0,5,4,0\n2,1,5,4,0\n")
    ran = archsim("noc-replay", packets, "--mesh", "4x2", "--noc-map")
    lines = ran.out.splitlines()
    start = lines.index("Links between routers, the busier direction of each")
    assert lines[start + 1 : start + 4] == ["o6o.o.o", ". 9 . .", "o.o.o.o"]
    assert "Links between" not in archsim("noc-replay", packets, "--mesh", "4x2").out


def test_the_map_of_a_replay_is_a_png_too(archsim: Run, tmp_path: Path):
    pytest.importorskip("matplotlib")
    log = LOGS / "directed_4x4_v1b8_incast_x8.csv.gz"
    assert archsim("noc-replay", log, "--mesh", "4x4", "--png", tmp_path / "a.png").code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_a_mesh_without_traffic_is_a_png_too():
    pytest.importorskip("matplotlib")
    from archsim.report import heatmap_png

    assert heatmap_png(2, 2, ()).startswith(b"\x89PNG\r\n")


def test_points_stand_where_their_values_are():
    drawing = plot("t", "x", "y", {"a": [(0.0, 10.0), (2.0, 0.0)], "b": [(1.0, 5.0)]}, 10.0)
    rows = [line.split("|")[1] for line in drawing.lines[:HEIGHT]]
    assert all(len(row) == WIDTH for row in rows)
    assert (rows[0].index("a"), rows[-1].index("a")) == (0, WIDTH - 1)
    assert rows[HEIGHT // 2].index("b") == (WIDTH - 1) // 2
    assert "".join(rows).split() == ["a", "b", "a"]
    assert drawing.lines[0].startswith("10 |")
    assert drawing.lines[-1].endswith("2")


def test_points_above_the_plot_are_left_out_and_several_in_a_place_are_a_plus():
    drawing = plot("t", "x", "y", {"a": [(1.0, 5.0), (9.0, 11.0)], "b": [(1.0, 5.0)]}, 10.0)
    assert "".join(line.split("|")[1] for line in drawing.lines[:HEIGHT]).split() == ["+"]


def test_a_plot_without_points_is_an_empty_frame():
    drawing = plot("t", "x", "y", {"a": []}, 10.0)
    assert "".join(line.split("|")[1] for line in drawing.lines[:HEIGHT]).split() == []


def test_a_drawing_in_markdown_is_a_block():
    assert Drawing("t", ("a ", "b")).to_markdown() == "### t\n\n```text\na\nb\n```\n"

"""The verb `noc-sweep`: what it prints and writes, and its messages."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from archsim import api
from tests.surface.conftest import Run

SHORT = ("--cycles", 300, "--warmup", 50, "--packet-flits", 4)


def test_the_answer_as_json_has_every_load(archsim: Run, tmp_path: Path):
    words = ("noc-sweep", "--mesh", "4x4", "--traffic", "transpose", "--traffic", "hotspot", *SHORT)
    ran = archsim(*words, "--loads", "0.1,0.2", "--seed", 3, "--out", tmp_path / "out", "--json", "-")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == document
    assert document["schema"] == "archsim.noc_sweep/1"
    assert [document[key] for key in ("packet_flits", "warmup_cycles", "cycles", "seed")] == [4, 50, 300, 3]
    assert document["network"]["model"] == "wormhole"
    assert [curve["traffic"] for curve in document["curves"]] == ["transpose", "hotspot"]
    for curve in document["curves"]:
        loads = [point["load"] for point in curve["points"]]
        assert {0.03125, 0.0625, 0.1, 0.125, 0.2, 0.25} <= set(loads)
        assert loads == sorted(loads)
        assert 0.2 < curve["saturation_load"] < 0.4
        assert curve["interpolated_load"] is None
    assert document["curves"][0]["idle_latency_cycles"] == 6 + 4 * 2.5 + 3
    assert archsim(*words, "--loads", "0.1:0.2:0.1", "--seed", 3, "--json", "-").out == ran.out


def test_the_csv_has_a_row_for_each_load(archsim: Run):
    ran = archsim("noc-sweep", "--mesh", "2x2", "--traffic", "all", *SHORT, "--format", "csv", "--model", "ideal")
    rows = list(csv.DictReader(ran.out.splitlines()))
    patterns = ("uniform", "transpose", "neighbor", "bitcomp", "hotspot")
    assert [row["traffic"] for row in rows] == [name for name in patterns for _ in range(6)]
    assert [float(row["load"]) for row in rows[:6]] == [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]
    assert {row["mean_latency_cycles"] for row in rows if row["traffic"] == "bitcomp"} == {str(6 + 4 * 2 + 3.0)}
    assert list(rows[0]) == [
        *("traffic", "load", "packets", "mean_latency_cycles", "p95_latency_cycles", "accepted_load"),
    ]


def test_the_table_shows_where_each_pattern_saturates_and_the_plot_its_curve(archsim: Run):
    ran = archsim("noc-sweep", "--mesh", "4x4", *SHORT, "--model", "vct", "--loads", "0.1:1:0.1")
    lines = ran.out.splitlines()
    assert lines[0] == "Mesh of 4x4 (vct, 1 VC x 8 flits, packets of 4)"
    assert lines[1].split("  ") == ["traffic", "idle latency", "saturates at", "by lines between loads"]
    assert lines[2].split()[:2] == ["uniform", "19.0"]
    assert "Mean latency (u uniform)" in lines
    plotted = [line for line in lines if "|" in line]
    assert len(plotted) == 18
    assert plotted[0].startswith("95 |")
    assert sum(line.count("u") for line in plotted) > 5


def test_what_is_not_saturated_is_a_dash_and_said(archsim: Run):
    ran = archsim("noc-sweep", "--mesh", "2x1", *SHORT, "--model", "ideal")
    assert ran.out.splitlines()[2].split() == ["uniform", "11.0", "-"]
    assert "-: not saturated at 1 flit per node and cycle" in ran.out


def test_markdown_has_the_plot_as_a_block(archsim: Run):
    ran = archsim("noc-sweep", "--mesh", "2x1", *SHORT, "--model", "ideal", "--format", "md")
    block = ran.out.split("```")
    assert len(block) == 3
    assert block[1].startswith("text\n")
    assert "* across: load in flits per node and cycle; up: cycles" in block[2]


@pytest.mark.parametrize(
    "loads", ["", "x", "0.1,", "0.1:0.2", "0.2:0.1:0.1", "0.1:0.2:0", "0:1:0.0001", "-0.1", "1e-3", "٣", "1" * 40]
)
def test_loads_are_a_list_or_a_range(archsim: Run, loads: str):
    ran = archsim("noc-sweep", "--mesh", "4x4", "--loads", loads)
    assert (ran.code, ran.out) == (2, "")
    expected = "A,B,... or FROM:TO:STEP, for example 0.05:0.5:0.05, up to 1,000 loads"
    assert ran.err == f"error: --loads: got {loads!r}, expected {expected}\n"


def test_wrong_settings_are_told_together(archsim: Run, tmp_path: Path):
    ran = archsim(
        *("noc-sweep", "--mesh", "99x1", "--traffic", "hotpot", "--loads", "2", "--vcs", 0),
        *("--json", tmp_path / "missing" / "a.json"),
    )
    assert ran.code == 2
    assert [line.split(":")[1].strip() for line in ran.err.splitlines()] == [
        *("--json", "--mesh", "--vcs", "--traffic", "--loads")
    ]
    assert "(did you mean 'hotspot'?)" in ran.err


def test_a_picture_without_matplotlib_is_told_before_anything_runs(
    archsim: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    ran = archsim("noc-sweep", "--mesh", "64x64", "--png", tmp_path / "a.png")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "error: --png: expected matplotlib, which is not installed: pip install 'archsim[pictures]'",
        "error: --cycles: got 10000, expected at most 0 on this mesh and after this warm-up",
    ]


def test_a_picture_is_a_png_and_the_same_each_time(archsim: Run, tmp_path: Path):
    pytest.importorskip("matplotlib")
    for name in ("a.png", "b.png"):
        ran = archsim("noc-sweep", "--mesh", "2x2", *SHORT, "--model", "vct", "--png", tmp_path / name)
        assert ran.code == 0
    first, second = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first.startswith(b"\x89PNG\r\n")
    assert first == second


def test_a_sweep_from_python_is_that_of_the_command_line():
    network = api.Network(2, 2, "vct")
    sweep = api.sweep_settings(["all", "uniform"], packet_flits=4, warmup=50, cycles=300)
    assert sweep.traffic == ("uniform", "transpose", "neighbor", "bitcomp", "hotspot")
    api.check_sweep(sweep, network)
    summary = api.sweep_summary(sweep, network, api.sweep_mesh(sweep, network))
    assert [curve.traffic for curve in summary.curves] == list(sweep.traffic)

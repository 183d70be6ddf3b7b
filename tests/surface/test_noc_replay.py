"""The verb `noc-replay`: what it prints and writes, and its messages."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest

from archsim import api
from tests.surface.conftest import Run

LOG = Path(__file__).parents[1] / "noc" / "logs" / "directed_4x4_v1b8_incast_x8.csv.gz"


@pytest.fixture
def few(tmp_path: Path) -> Path:
    file = tmp_path / "few.csv"
    file.write_text("pid,src,dst,flits,create\n2,0,3,4,0\n1,1,3,4,4\n")
    return file


def test_a_log_of_booksim_is_reproduced(archsim: Run, tmp_path: Path):
    ran = archsim("noc-replay", LOG, "--mesh", "4x4", "--out", tmp_path / "out.csv", "--json", "-")
    assert (ran.code, ran.err) == (0, "")
    with gzip.open(LOG, "rt") as stream:
        rows = sorted(csv.DictReader(stream), key=lambda row: int(row["pid"]))
    expected = [f"{row['pid']},{row['tail_arrive']}" for row in rows]
    assert (tmp_path / "out.csv").read_text().splitlines() == ["pid,tail_arrive", *expected]
    document = json.loads(ran.out)
    latencies = [int(row["tail_arrive"]) - int(row["create"]) for row in rows]
    assert document["schema"] == "archsim.noc_replay/1"
    assert (document["packets"], document["flits"]) == (120, sum(int(row["flits"]) for row in rows))
    assert (document["mean_latency_cycles"], document["max_latency_cycles"]) == (sum(latencies) / 120, max(latencies))
    assert document["makespan_cycles"] == 1088
    assert document["p95_latency_cycles"] == sorted(latencies)[113]
    assert sum(one["packets"] for one in document["latency_histogram"]) == 120
    assert document["checks"] == {"packets": True, "flits": True}


def test_options_reach_the_router(archsim: Run, few: Path, tmp_path: Path):
    """Alone on their ways: 2 + 4 routers of 4 cycles + routing, stalls of 4 + 5 - 2 cycles after each 2 flits."""
    options = ("--buffer-flits", 2, "--routing-delay", 1, "--credit-delay", 4, "--model", "ideal")
    ran = archsim("noc-replay", few, "--mesh", "4x1", *options, "--out", tmp_path / "out.csv", "--format", "csv")
    assert ran.code == 0
    assert (tmp_path / "out.csv").read_text() == "pid,tail_arrive\n1,31\n2,32\n"
    assert ran.out.splitlines()[1].startswith("2,8,29.5,32,32,")
    ran = archsim("noc-replay", few, "--mesh", "4x1", "--model", "ideal", "--speculative", "--json", "-")
    assert json.loads(ran.out)["max_latency_cycles"] == 2 + 4 * 3 + 3


def test_the_table_shows_the_figures(archsim: Run, few: Path):
    ran = archsim("noc-replay", few, "--mesh", "4x1", "--model", "ideal")
    figures, latencies = ran.out.split("\n\n")
    assert [line.split("  ")[0] for line in figures.splitlines()] == [
        *("few.csv on a mesh of 4x1 (ideal)", "figure", "packets", "flits", "mean latency", "95 % of packets within"),
        *("largest latency", "waited beyond an idle mesh", "last arrival", "busiest link carries flits"),
    ]
    bar = "#" * 40
    assert [line.split() for line in latencies.splitlines()] == [
        *(["Latencies"], ["from", "to", "cycles", "packets"]),
        *(["17", "17", "1", bar], ["18", "18", "0"], ["19", "19", "0"], ["20", "20", "0"], ["21", "21", "1", bar]),
    ]
    assert "19 cycles" in ran.out
    assert "cycle 21" in ran.out
    assert "38.1 % of the time" in ran.out


@pytest.mark.parametrize("mesh", ["4", "4x", "4x4x4", "-1x4", "4X4", " 4x4", "٤x4", "9999999999x1"])
def test_a_mesh_is_two_numbers(archsim: Run, few: Path, mesh: str):
    ran = archsim("noc-replay", few, "--mesh", mesh)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: --mesh: got {mesh!r}, expected WxH, for example 4x4\n"


def test_wrong_settings_and_an_answer_over_the_packets_are_told_together(archsim: Run, few: Path):
    before = few.read_text()
    ran = archsim("noc-replay", few, "--mesh", "4x1", "--vcs", 2, "--model", "vct", "--out", few)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        f"error: --out: got {few}, expected another file than the packets, which the run reads",
        "error: --vcs: got 2, expected 1 with --model vct (flit and ideal take more)",
    ]
    assert few.read_text() == before


def test_a_wrong_row_leaves_nothing_behind(archsim: Run, few: Path, tmp_path: Path):
    ran = archsim("noc-replay", few, "--mesh", "3x1", "--out", tmp_path / "out.csv")
    assert ran.code == 2
    assert ran.err.splitlines() == [
        f"error: {few}: row {row}, dst: got '3', expected a whole number from 0 to 2" for row in (2, 3)
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["few.csv"]


def test_a_check_that_fails_ends_with_exit_code_1(archsim: Run, few: Path, monkeypatch: pytest.MonkeyPatch):
    summary = api.replay_summary
    monkeypatch.setattr(
        api, "replay_summary", lambda *words: _with_checks(summary(*words), {"packets": True, "flits": False})
    )
    ran = archsim("noc-replay", few, "--mesh", "4x1")
    assert (ran.code, ran.err) == (1, "check failed: flits\n")


def _with_checks(summary: api.report.ReplaySummary, checks: dict[str, bool]) -> api.report.ReplaySummary:
    from dataclasses import replace

    return replace(summary, checks=checks)


def test_links_and_waiting_are_in_the_json(archsim: Run, few: Path):
    """Two packets of 4 flits: over 0-1-2-3 and over 1-2-3. The second is created 4 cycles later and meets the first in
    router 1, 2 + 4 cycles after its creation; round robin lets that pass, and the second is 5 cycles late."""
    ran = archsim("noc-replay", few, "--mesh", "4x1", "--json", "-")
    document = json.loads(ran.out)
    cycles = document["makespan_cycles"]
    assert document["links"] == [
        {"source": near, "destination": near + 1, "flits": flits, "utilisation": flits / cycles}
        for near, flits in ((0, 4), (1, 8), (2, 8))
    ]
    assert document["waited_cycles"] == 5
    ideal = archsim("noc-replay", few, "--mesh", "4x1", "--json", "-", "--model", "ideal")
    assert json.loads(ideal.out)["waited_cycles"] == 0

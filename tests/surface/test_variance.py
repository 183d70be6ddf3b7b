"""The verb `variance`: what it prints and writes, and its messages."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import NormalDist

import pytest

from archsim import api
from tests.surface.conftest import Run


def test_the_table_has_the_cases_of_figure_12(archsim: Run):
    ran = archsim("variance")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "One read, rounded to the nearest number"
    assert lines[1].split("  ")[0] == "sigma of a cell"
    assert [line.split()[:5] for line in lines[2:8]] == [
        ["5", "%", "7", "0.1323", "0.999843"],
        ["5", "%", "15", "0.1936", "0.990177"],
        ["10", "%", "7", "0.2646", "0.941"],
        ["10", "%", "15", "0.3873", "0.803"],
        ["20", "%", "7", "0.5292", "0.655"],
        ["20", "%", "15", "0.7746", "0.481"],
    ]
    assert [line.split()[5] for line in lines[2:8]] == ["0.000157", "0.00982", "0.0588", "0.197", "0.345", "0.519"]
    assert "drawn" not in ran.out


def test_the_plot_has_a_letter_for_each_case(archsim: Run):
    lines = archsim("variance", "--sigma", "0.1,0.2", "--on-cells", 7).out.splitlines()
    assert "Sums that are off by no more than so much (a 10 %, 7 on; b 20 %, 7 on)" in lines
    plotted = [line for line in lines if "|" in line]
    assert len(plotted) == 18
    assert {*"".join(plotted).replace(" ", "")} == {*"01|ab+"}


def test_the_answer_as_json_has_the_distributions(archsim: Run, tmp_path: Path):
    words = ("variance", "--sigma", "0.1", "--on-cells", "4,9", "--off-cells", 20, "--on-off-ratio", 100)
    ran = archsim(*words, "--out", tmp_path / "out", "--json", "-")
    document = json.loads(ran.out)
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == document
    assert document["schema"] == "archsim.variance/1"
    assert [document[key] for key in ("off_cells", "on_off_ratio", "samples", "seed")] == [20, 100, 0, 0]
    assert document["limit"] is document["sized"] is None
    errors = document["errors"]
    assert errors == sorted(errors)
    assert (errors[0], errors[64], errors[-1]) == (-1.5, 0, 1.5)
    for read in document["reads"]:
        error = NormalDist(0.2, 0.1 * (read["on_cells"] + 0.002) ** 0.5)
        assert (read["mean_error"], read["deviation"]) == pytest.approx((error.mean, error.stdev))
        assert read["cumulative"] == pytest.approx([error.cdf(each) for each in errors], abs=1e-12)
        assert read["correct"] + read["misread"] == pytest.approx(1)
        assert read["drawn_misread"] is read["drawn_misread_by_2"] is read["standard_error"] is None


def test_reads_are_drawn_if_asked_for_and_the_same_each_time(archsim: Run):
    words = ("variance", "--samples", 4000, "--sigma", 0.2, "--format", "csv")
    ran = archsim(*words, "--seed", 2)
    rows = list(csv.DictReader(ran.out.splitlines()))
    assert [row["on_cells"] for row in rows] == ["7", "15"]
    for row in rows:
        share, error = float(row["misread"]), float(row["standard_error"])
        assert error == pytest.approx((share * (1 - share) / 4000) ** 0.5)
        assert abs(float(row["drawn_misread"]) - share) < 4 * error
        assert float(row["drawn_misread_by_2"]) == pytest.approx(float(row["misread_by_2"]), abs=0.02)
    assert archsim(*words, "--seed", 2).out == ran.out
    assert archsim(*words, "--seed", 3).out != ran.out


def test_what_drawn_cells_cannot_do_is_said(archsim: Run):
    said = "drawn cells conduct no less than nothing: beyond a sigma of 23 % they are not quite normal"
    for sigma, expected in ((0.2, False), (0.25, True)):
        assert (said in archsim("variance", "--samples", 10, "--sigma", sigma).out) is expected
    assert said not in archsim("variance", "--sigma", 0.25).out


def test_a_limit_tells_how_many_cells_may_be_on(archsim: Run):
    ran = archsim("variance", "--limit", 0.001, "--sigma", "0,0.05,0.2", "--format", "md")
    table = ran.out.split("### ")[2].splitlines()
    assert table[0] == "Wrong with a probability of at most 0.001"
    assert table[4:7] == ["| 0 % | 16,384 | 0 | 15 |", "| 5 % | 9 | 0.000858 | 4 |", "| 20 % | 0 | - | - |"]
    assert "* 0 %: more were not tried" in table
    sized = json.loads(archsim("variance", "--limit", 0.001, "--sigma", "0.05,0.2", "--json", "-").out)["sized"]
    assert sized[0]["misread"] == pytest.approx(2 * NormalDist().cdf(-0.5 / 0.15))
    assert sized[1] == {"sigma": 0.2, "on_cells": 0, "at_bound": False, "misread": None, "adc_bits": None}


def test_wrong_settings_are_told_together(archsim: Run, tmp_path: Path):
    ran = archsim(
        *("variance", "--sigma", "0.1,20", "--on-cells", "7,0", "--off-cells", 3, "--samples", -1, "--limit", 0.7),
        *("--seed", -1, "--json", tmp_path / "missing" / "a.json"),
    )
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[1:] == [
        "error: --on-off-ratio: expected a ratio, for what --off-cells conduct",
        "error: --on-cells: got 0, expected numbers from 1 to 16,384",
        "error: --sigma: got 20.0, expected numbers from 0 to 10",
        "error: --limit: got 0.7, expected a probability above 0 and below 0.5",
        "error: --samples: got -1, expected 0 to 2,000,000,000 with these cells",
        "error: --seed: got -1, expected 0 to 9,223,372,036,854,775,807",
    ]
    assert ran.err.startswith("error: --json: ")


@pytest.mark.parametrize("option", ["--sigma", "--on-cells"])
@pytest.mark.parametrize("text", ["", "x", "1,", "-1", "1e-3", "٣", "1" * 40])
def test_lists_are_numbers_with_commas_between(archsim: Run, option: str, text: str):
    ran = archsim("variance", f"{option}={text}")
    example = {"--sigma": "0.05,0.1", "--on-cells": "7,15"}[option]
    expected = f"numbers with commas between, for example {example}"
    assert (ran.code, ran.err) == (2, f"error: {option}: got {text!r}, expected {expected}\n")


def test_there_are_as_many_reads_as_letters(archsim: Run):
    ran = archsim("variance", "--on-cells", ",".join(map(str, range(1, 19))))
    assert ran.err == "error: --sigma, --on-cells: got 54 reads, expected up to 52 reads in all\n"
    assert archsim("variance", "--sigma", "0.1", "--on-cells", ",".join(map(str, range(1, 53)))).code == 0


def test_more_cells_than_can_be_drawn_are_told(archsim: Run):
    ran = archsim("variance", "--sigma", 0.1, "--on-cells", 1000, "--samples", 2_000_001)
    assert ran.err == "error: --samples: got 2000001, expected 0 to 2,000,000 with these cells\n"


def test_a_picture_without_matplotlib_is_told_before_anything_runs(
    archsim: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    ran = archsim("variance", "--png", tmp_path / "a.png")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: --png: expected matplotlib, which is not installed: pip install 'archsim[pictures]'\n"


def test_a_picture_is_a_png_and_the_same_each_time(archsim: Run, tmp_path: Path):
    pytest.importorskip("matplotlib")
    for name in ("a.png", "b.png"):
        assert archsim("variance", "--png", tmp_path / name).code == 0
    first, second = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first.startswith(b"\x89PNG\r\n")
    assert first == second


def test_progress_counts_the_reads_of_all_cases():
    heard: list[tuple[int, int]] = []
    asked = api.variance_settings([0.1], [7, 15], samples=10)
    api.variance_summary(asked, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(10, 20), (20, 20)]

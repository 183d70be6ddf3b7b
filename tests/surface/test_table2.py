"""`archsim compare --table2`: what is known, scaled by rule, what is computed, and every message."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from archsim import api, table2
from archsim.hardware.table2 import FIGURES, KnownPrecision
from archsim.report import Table2Figure
from tests.surface.conftest import Run

NAMES = ("isaac", "prime", "pipelayer", "atomlayer", "peng")


def figures(design: str) -> dict[str, Table2Figure]:
    (found,) = (one for one in api.table2_summary().designs if one.name == design)
    return {one.figure: one for one in found.figures}


@pytest.mark.parametrize(
    ("design", "figure", "scaled"),
    [
        # from 16 x 16 to 8 x 8 bits: half the reads, half the columns
        ("isaac", "tops_per_mm2", 0.47895 * 2 * 2),
        ("isaac", "tops_per_w", 0.6275 * 2 * 2),
        ("atomlayer", "tops_per_mm2", 0.4748 * 2 * 2),
        ("atomlayer", "tops_per_w", 0.6825 * 2 * 2),
        # 3 passes of 3 bits in place of 2, and 4 cells in place of 2
        ("prime", "tops_per_mm2", 1.23 * 2 / 3 / 2),
        ("prime", "tops_per_w", 2.10 * 2 / 3 / 2),
        # half the reads, and 4 cells as before: 16 bits on 4-bit cells, 8 on 2-bit ones
        ("pipelayer", "tops_per_mm2", 1.485 * 2),
        ("pipelayer", "tops_per_w", 0.1429 * 2),
        # at 8 x 8 bits already
        ("peng", "tops_per_mm2", 3.88),
        ("peng", "tops_per_w", 20.1),
        ("prime", "storage", 512 * 1.048576 / 2),
        ("pipelayer", "area", 82.63),
    ],
)
def test_a_figure_scaled_by_hand(design: str, figure: str, scaled: float):
    assert figures(design)[figure].scaled == pytest.approx(scaled, rel=1e-12)


def test_the_scaled_figures_to_the_digits_that_they_are_cited_with():
    rates = [(round(figures(name)["tops_per_mm2"].scaled or 0, 2), name) for name in NAMES]
    assert rates == [(1.92, "isaac"), (0.41, "prime"), (2.97, "pipelayer"), (1.90, "atomlayer"), (3.88, "peng")]
    per_watt = [round(figures(name)["tops_per_w"].scaled or 0, 2) for name in NAMES]
    assert per_watt == [2.51, 0.70, 0.29, 2.73, 20.1]


def test_each_step_is_told_with_its_factor():
    def steps(design: str, figure: str) -> list[tuple[str, float]]:
        return [(step.rule, step.factor) for step in figures(design)[figure].scaled_by]

    assert steps("isaac", "tops_per_w") == [("weights x inputs 16 x 16 -> 8 x 8 bits: x 4", 4)]
    assert steps("prime", "tops_per_w") == [
        ("weights x inputs 8 x 6 -> 8 x 8 bits, inputs in 3-bit passes: x 2/3", 2 / 3),
        ("4-bit -> 2-bit cells: x 1/2", 0.5),
    ]
    assert steps("pipelayer", "tops_per_mm2") == [
        ("weights x inputs 16 x 16 -> 8 x 8 bits: x 4", 4),
        ("4-bit -> 2-bit cells: x 1/2", 0.5),
    ]
    assert steps("prime", "storage") == [("4-bit -> 2-bit cells: x 1/2", 0.5)]
    assert steps("peng", "tops_per_w") == steps("isaac", "storage") == steps("isaac", "area") == []


def test_the_rule_counts_whole_passes_and_whole_cells():
    odd = KnownPrecision(weight_bits=7, input_bits=5, cell_bits=3, dac_bits=2)
    # 7 bits take 3 cells of 3 bits, as 8 do, and 4 of 2; 5 bits take 3 passes of 2, 8 take 4
    assert [float(factor) for _, factor in table2.scaling("peak", odd)] == [0.75, 0.75]


def test_storage_and_peak_are_those_of_the_designs_at_8_bit():
    storage = {name: figures(name)["storage"].computed for name in NAMES}
    # arrays x 128 x 128 cells x 2 bits; of PRIME's 8 chips 8 banks x 128 x 2 mats of 256 x 256
    assert storage == {
        "isaac": 168 * 12 * 8 * 4096 / 1e6,
        "prime": 8 * 8 * 128 * 2 * 16384 / 1e6,
        "pipelayer": None,
        "atomlayer": 10 * 16 * 128 * 4096 / 1e6,
        "peng": 24_960 * 4096 / 1e6,
    }
    assert (round(storage["isaac"] or 0, 2), round(storage["peng"] or 0, 1)) == (66.06, 102.2)
    # 128 x 32 multiply-accumulates of 2 operations an array, in 8 reads of 100 ns
    assert figures("isaac")["peak"].computed == pytest.approx(168 * 12 * 8 * 8192 / 800e-9 / 1e12)
    assert figures("atomlayer")["peak"].computed == pytest.approx(1280 * 8192 / 800e-9 / 1e12)
    # 8 rounds of the converters for each of 8 bits, 10 ns each
    assert figures("peng")["peak"].computed == pytest.approx(24_960 * 8192 / 640e-9 / 1e12)
    # a pair of mats has 256 x 64 weights; 32 rounds for each of 3 passes, 22.5 ns each
    assert figures("prime")["peak"].computed == pytest.approx(8 * 8 * 128 * 2 * 256 * 64 / 2160e-9 / 1e12)


def test_a_ratio_is_computed_over_scaled():
    assert figures("isaac")["peak"].ratio == pytest.approx(165.15072 / 165.16, rel=1e-12)
    assert figures("prime")["storage"].ratio == pytest.approx(1)
    assert figures("peng")["storage"].ratio == pytest.approx(102.23616 / 104, rel=1e-12)
    assert figures("peng")["peak"].ratio == pytest.approx(319.488 / 970, rel=1e-12)


def test_what_does_not_exist_is_null_with_the_reason():
    for name in NAMES:
        for figure in figures(name).values():
            assert (figure.source is None) == (figure.scaled is None) == (figure.source_reason is not None)
            assert (figure.computed is None) == (figure.computed_reason is not None)
            assert (figure.ratio is None) == (figure.scaled is None or figure.computed is None)
            assert 0 not in (figure.scaled, figure.computed, figure.ratio)
    size = "the number of arrays on a chip of pipelayer is not known (chip.tiles is unlimited)"
    pipelayer = figures("pipelayer")
    assert pipelayer["storage"].source_reason == "no figure of it was found"
    assert pipelayer["storage"].computed_reason == pipelayer["peak"].computed_reason == size
    assert figures("prime")["area"].source_reason == "the paper prints structure and ratios, no area"


def test_without_figures_of_components_the_reason_stands(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table2, "area_and_power", lambda design: f"nobody weighed {design.name}")
    lacking = [figures("isaac")[name].computed_reason for name in FIGURES]
    assert lacking == [None, "nobody weighed isaac", None, "nobody weighed isaac", "nobody weighed isaac"]


def test_area_and_power_of_a_chip_give_the_efficiencies(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table2, "area_and_power", lambda _: (85.4, 65.8))
    isaac, prime, pipelayer = figures("isaac"), figures("prime"), figures("pipelayer")
    assert isaac["area"].computed == 85.4
    assert isaac["tops_per_mm2"].computed == pytest.approx(165.15072 / 85.4)
    # 627.5 GOPS/W at 16 bits are 41.29 TOPS / 65.8 W
    assert isaac["tops_per_w"].ratio == pytest.approx(1, abs=5e-4)
    assert prime["area"].computed == pytest.approx(8 * 85.4)
    assert prime["tops_per_w"].computed == pytest.approx(124.27567 / (8 * 65.8))
    assert pipelayer["area"].computed == 85.4
    assert pipelayer["tops_per_mm2"].computed is pipelayer["tops_per_w"].computed is None
    assert "chip.tiles is unlimited" in str(pipelayer["tops_per_w"].computed_reason)


def test_the_table_names_source_mark_and_rule(archsim: Run):
    ran = archsim("compare", "--table2")
    assert (ran.code, ran.err) == (0, "")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[0] == "Table 2 at 8-bit weights, 8-bit inputs, 2-bit cells"
    assert "ISAAC-CE peak, TOPS 41.29 TOPS D of R1 165.2 165.2 1.000" in lines
    assert "AtomLayer TOPS/mm2 474.8 GOPS/mm2 D of M+, S 1.899 - -" in lines
    assert "PRIME area, mm2 - - - - -" in lines
    assert "PRIME (8 chips): storage: 4-bit -> 2-bit cells: x 1/2" in lines
    assert "PipeLayer: storage: not known: no figure of it was found" in lines
    assert "Peng et al.: storage, area, peak, TOPS/mm2, TOPS/W: as it is" in lines
    assert "PRIME TOPS/W 8 x 6, 4 as the paper on TIMELY (ISCA 2020) lists it" in lines
    assert lines.index("Sources") > 30


def test_json_has_all_of_it(archsim: Run, tmp_path: Path):
    ran = archsim("compare", "--table2", "--json", "-", "--out", tmp_path / "out")
    document: dict[str, Any] = json.loads(ran.out)
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == document
    assert list(document) == ["schema", "weight_bits", "input_bits", "cell_bits", "designs"]
    assert document["schema"] == "archsim.table2/1"
    assert [document[key] for key in ("weight_bits", "input_bits", "cell_bits")] == [8, 8, 2]
    assert [design["name"] for design in document["designs"]] == list(NAMES)
    prime = document["designs"][1]
    assert list(prime) == ["name", "title", "chips", "figures", "notes"]
    by_name = {one["figure"]: one for one in prime["figures"]}
    assert list(by_name) == list(FIGURES)
    area, rate = by_name["area"], by_name["tops_per_w"]
    keys = ["figure", "unit", "source", "source_reason", "scaled_by", "scaled", "computed", "computed_reason", "ratio"]
    assert list(area) == list(rate) == keys
    reason = "the paper prints structure and ratios, no area"
    assert list(area.values())[:6] == ["area", "mm2", None, reason, [], None]
    assert [rule["factor"] for rule in rate["scaled_by"]] == [2 / 3, 0.5]
    source = rate["source"]
    assert list(source)[:5] == ["value", "unit", "weight_bits", "input_bits", "cell_bits"]
    assert list(source.values()) == [2.1, "TOPS/W", 8, 6, 4, "R2", [], "as the paper on TIMELY (ISCA 2020) lists it"]


def test_csv_has_a_row_for_each_figure(archsim: Run):
    rows = list(csv.DictReader(archsim("compare", "--table2", "--format", "csv").out.splitlines()))
    assert [(row["design"], row["figure"]) for row in rows] == [(name, one) for name in NAMES for one in FIGURES]
    isaac, prime = rows[3], rows[6]
    assert (isaac["source_value"], isaac["source_unit"], isaac["unit"]) == ("478.95", "GOPS/mm2", "TOPS/mm2")
    assert (isaac["mark"], isaac["scaled"]) == ("R1", "1.9158")
    assert float(isaac["computed"]) == pytest.approx(165.15072 / 85.42472)  # Table I adds up to that many mm2
    assert float(isaac["ratio"]) == pytest.approx(165.15072 / 85.42472 / 1.9158)
    assert (prime["computed"], prime["ratio"]) == ("", "")
    assert isaac["scaled_by"] == "weights x inputs 16 x 16 -> 8 x 8 bits: x 4"
    assert (prime["source_value"], prime["source_reason"]) == ("", "the paper prints structure and ratios, no area")


def test_markdown_has_both_tables(archsim: Run):
    text = archsim("compare", "--table2", "--format", "md").out
    assert "| ISAAC-CE | area, mm2 | 85.4 mm2 | R1 | 85.4 |" in text
    assert "### Sources" in text


def test_what_is_about_a_network_does_not_go_with_the_table(archsim: Run):
    words = ("lenet5", "--mapping", "isaac", "--mapping", "prime", "--set", "chips=1", "--as-published")
    more = ("--images", 4, "--ideal", "--shape", "x=1", "--treat-as-free", "Foo", "--random-weights", 0)
    ran = archsim("compare", "--table2", *words, *more)
    assert (ran.code, ran.out) == (2, "")
    given = [
        *("MODEL: got lenet5,", "--mapping: got isaac and prime,", "--set: got chips=1,", "--as-published:"),
        *("--images: got 4,", "--ideal:", "--shape: got x=1,", "--treat-as-free: got Foo,", "--random-weights: got 0,"),
    ]
    expected = [f"error: {one} expected no {one.split(':')[0]} with --table2, which runs no network" for one in given]
    assert sorted(ran.err.splitlines()) == sorted(expected)


def test_a_place_that_cannot_be_written_is_told_with_the_rest(archsim: Run, tmp_path: Path):
    ran = archsim("compare", "lenet5", "--table2", "--json", tmp_path / "none" / "table.json")
    assert ran.code == 2
    assert [line.split()[1] for line in ran.err.splitlines()] == ["MODEL:", "--json:"]


def test_without_the_table_a_model_is_needed(archsim: Run):
    ran = archsim("compare", "--mapping", "isaac")
    assert (ran.code, ran.out) == (2, "")
    wanted = "an ONNX file or a name that `archsim models` lists (or --table2 alone)"
    assert ran.err == f"error: MODEL: expected {wanted}\n"


def test_the_file_of_the_table_is_not_listed_as_a_design(archsim: Run):
    assert "table2" not in archsim("mappings").out

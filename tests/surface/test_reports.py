"""Reports: the same figures in four forms, a dash or an empty cell where a figure was not computed."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace

import pytest

from archsim.report import (
    Column,
    InspectedLayer,
    Inspection,
    Table,
    inspection_report,
    listing_report,
    simulation_report,
)
from archsim.report.figures import data_size, duration, energy, large, plain, share
from archsim.result import Result
from tests.surface.samples import BUSIEST, RELU, RESULT

SCHEMA_KEYS = {
    *{"schema", "model", "mapping", "images", "cycle_ns", "latency_ns", "latency_cycles", "interval_ns"},
    *{"interval_bound_ns", "throughput_per_s", "tick_ps", "logical_cycles", "arrays", "spill_bytes", "energy_pj"},
    *{"area_mm2", "power_w", "layers", "noc", "coverage", "checks", "events", "cpu_s", "version", "seed"},
    *{"adc_conversions", "moved_bytes", "busiest", "notes", "values", "bottleneck", "reason"},
}
LAYER_KEYS = {
    *{"name", "op", "rows", "outputs", "groups", "windows", "uses", "arrays_per_copy", "copies", "arrays", "slots"},
    *{"start_ns", "end_ns", "busy_ns", "stall_ns", "macs", "energy_pj"},
}


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (duration, 0, "0 ns"),
        (duration, 1234.5, "1.234 us"),
        (duration, 1_627_000.0, "1.627 ms"),
        (duration, 2.5e9, "2.5 s"),
        (duration, None, "-"),
        (large, 15_470_264_320, "15.47 G"),
        (large, 999, "999"),
        (large, None, "-"),
        (data_size, 999, "999 B"),
        (data_size, 1_536_000, "1.536 MB"),
        (data_size, None, "-"),
        (energy, 1.5e6, "1.5 uJ"),
        (energy, None, "-"),
        (share, 0.256, "25.6 %"),
        (share, 0.000446, "0.045 %"),
        (share, 0, "0.0 %"),
        (share, None, "-"),
        (plain, 12544, "12,544"),
        (plain, 0.25, "0.25"),
        (plain, 52100.0, "52,100"),
        (plain, True, "yes"),
        (plain, None, "-"),
    ],
)
def test_figures_read_in_engineering_units(show, value, text):
    assert show(value) == text


def test_json_has_every_key_of_the_schema():
    document = json.loads(simulation_report(RESULT).render("json"))
    assert (document["reason"], document["bottleneck"], list(document)[-1]) == (None, None, "reason")
    assert document["schema"] == "archsim.result/1"
    assert document.keys() >= SCHEMA_KEYS
    assert all(layer.keys() >= LAYER_KEYS for layer in document["layers"])
    assert document["arrays"].keys() == {"used", "allocated", "available"}
    assert document["layers"][1]["rows"] is None


def test_json_refuses_what_strict_parsers_refuse():
    with pytest.raises(ValueError, match="Out of range float"):
        simulation_report(replace(RESULT, latency_ns=math.nan)).json()


def row(text: str, start: str) -> str:
    return " ".join(next(line for line in text.splitlines() if line.startswith(start)).split())


def test_the_table_of_a_run_shows_figures_layers_waits_and_the_bottleneck():
    text = simulation_report(RESULT).render("table")
    assert "tiny on isaac" in text
    assert "52.1 us" in text
    assert "interval between images" not in text
    assert "note: a remark" in text
    assert row(text, "conv") == "conv Conv 9 16 64 2 2 32 0 ns 52 us 51.2 us noc 2.5 us"
    assert "busiest layer: conv works 51.2 us per image on each copy" in text
    assert row(text, "relu") == "relu Relu - 16 64 - - - 1.6 us 52.1 us - -"
    assert "\x1b" not in text


@pytest.mark.parametrize(("interval_ns", "share", "explained"), [(64000.0, "80.0 %", False), (52000.0, "98.5 %", True)])
def test_what_the_bottleneck_does_not_explain_is_waiting(interval_ns: float, share: str, explained: bool):
    text = simulation_report(replace(RESULT, interval_ns=interval_ns)).render("table")
    assert f"busiest layer: conv works 51.2 us per image on each copy, {share} of the interval" in text
    waiting = "longest wait for something shared: conv for noc, 2.5 us a copy in the whole run"
    assert (waiting in text) != explained


def test_the_busiest_units_are_named_with_the_share_that_they_work():
    result = replace(RESULT, busiest=BUSIEST)
    text = simulation_report(result).render("table")
    assert (
        "bottleneck: sfu of tile 3, 97.5 % of the run; arrays of conv, tile 0, 50.0 %; bus of tile 1, 25.0 %\n" in text
    )
    assert row(text, "busiest unit") == "busiest unit sfu of tile 3: 97.5 %"
    assert result.to_json()["bottleneck"] == {"unit": "sfu", "where": "tile 3", "utilisation": 0.975}
    assert "busiest unit" not in simulation_report(RESULT).render("table")
    vectors = replace(result, layers=(RELU,))
    assert "bottleneck: sfu of tile 3" in simulation_report(vectors).render("table")


def measured(interval_ns: float, spread_ns: float, *, exact: bool) -> Result:
    measured = {"interval_ns": interval_ns, "interval_spread_ns": spread_ns, "interval_exact": exact}
    return replace(RESULT, images=4, throughput_per_s=1e9 / interval_ns, **measured)


def test_how_settled_the_interval_is_stands_below_it():
    text = simulation_report(measured(1000.0, 300.0, exact=False)).render("table")
    assert row(text, "  spread") == "spread 300 ns"
    assert row(text, "  exact") == "exact no"
    text = simulation_report(measured(1000.0, 0.0, exact=True)).render("table")
    assert "  spread" not in text
    assert row(text, "  exact") == "exact yes (the run repeats itself)"
    assert "  exact" not in simulation_report(RESULT).render("table")


def test_a_failed_check_is_loud():
    text = simulation_report(replace(RESULT, checks={"macs": True, "bytes": False})).render("table")
    assert "FAILED: bytes" in text


def test_colour_only_when_asked():
    assert "\x1b[" in simulation_report(RESULT).render("table", colour=True)


def test_csv_of_a_run_has_raw_layer_fields_and_stalls_by_cause():
    rows = list(csv.DictReader(io.StringIO(simulation_report(RESULT).render("csv"))))
    assert [row["name"] for row in rows] == ["conv", "relu"]
    assert rows[0]["busy_ns"] == "102400.0"
    assert rows[0]["stall_noc_ns"] == "5000.0"
    assert rows[1]["rows"] == rows[1]["stall_noc_ns"] == rows[0]["stall_memory_ns"] == ""


def test_markdown_escapes_what_would_break_the_table():
    table = Table("t", (Column("a", "a|b", left=True), Column("n", "n")), (("x|y", 3),), ("one\ntwo",))
    text = listing_report(table).render("md")
    assert text.splitlines() == ["### t", "", r"| a\|b | n |", "|:---|---:|", r"| x\|y | 3 |", "", "* one two"]


def test_names_with_markup_are_printed_as_they_are():
    table = Table("[red]t[/red]", (Column("a", "a", left=True),), (("[bold]x",),))
    assert "[bold]x" in listing_report(table).render("table")


INSPECTION = Inspection(
    name="tiny",
    macs=9216,
    parameters=144,
    inputs={"image": (1, 1, 8, 8)},
    outputs={"y": (1, 16, 8, 8)},
    layers=(
        InspectedLayer(
            name="conv", op="Conv", kind="matrix", rows=9, outputs=16, groups=1, windows=64, macs=9216,
            parameters=144, digital_macs=None, shape=(1, 16, 8, 8), nodes=("conv", "bn"),
        ),
        InspectedLayer(
            name="relu", op="Relu", kind="vector", rows=None, outputs=None, groups=None, windows=None, macs=0,
            parameters=0, digital_macs=None, shape=(1, 16, 8, 8), nodes=("relu",),
        ),
    ),
    coverage={"nodes": 4, "timed": 2, "layout": 0, "folded": 2, "free": 0},
    folded=("shape",),
)  # fmt: skip


def test_an_inspection_says_what_became_of_each_node():
    text = inspection_report(INSPECTION).render("table")
    assert "tiny: 9.216 k MACs, 144 parameters" in text
    assert row(text, "conv").endswith("1x16x8x8 bn")
    assert "computed on import: shape" in text
    document = inspection_report(INSPECTION).document
    assert document["schema"] == "archsim.inspect/1"
    assert document["model"] == {"name": "tiny", "macs": 9216, "parameters": 144}
    assert document["layers"][0]["nodes"] == ("conv", "bn")
    assert "digital units," not in text


def test_an_inspection_names_products_of_activations_and_their_macs():
    scores = replace(INSPECTION.layers[1], name="scores", op="MatMul", digital_macs=12_000, nodes=("scores",))
    mixed = replace(scores, name="mixed", digital_macs=3_000, nodes=("mixed",))
    inspected = replace(INSPECTION, layers=(*INSPECTION.layers, scores, mixed))
    text = inspection_report(inspected).render("table")
    expected = "products of activations, on the digital units, not on crossbars: scores (12 k MACs), mixed (3 k MACs);"
    assert f"{expected} 15 k MACs beside the above" in text
    document = inspection_report(inspected).document
    assert [layer["digital_macs"] for layer in document["layers"]] == [None, None, 12_000, 3_000]
    assert document["model"]["macs"] == 9216

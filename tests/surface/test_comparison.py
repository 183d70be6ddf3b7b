"""Comparisons: rows and marks, designs that could not run, and what is said to limit each."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields, replace
from typing import Any

import pytest

from archsim.report import comparison_report
from archsim.report.explanation import verdict, why
from archsim.result import Cost, MovedBytes, NotRun, Result, UnitUse
from tests.surface.samples import BUSIEST, CONV, NOT_RUN, RESULT, SETTINGS, SLOWER, STALLED
from tests.surface.test_reports import SCHEMA_KEYS, measured, row


def _table(*runs: Result | NotRun) -> str:
    return comparison_report(runs, "abcdef"[: len(runs)]).render("table")


def _records(*runs: Result | NotRun) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(comparison_report(runs, "abcdef"[: len(runs)]).render("csv"))))


def _set(result: Result, **settings: Any) -> Result:
    return replace(result, mapping=replace(result.mapping, settings={**SETTINGS, **settings}))


def test_a_comparison_marks_the_best_of_each_row():
    text = comparison_report([RESULT, SLOWER], ["isaac", "isaac:chips=2"]).render("table")
    assert row(text, "latency") == "latency of the first image 52.1 us * 104.2 us"
    assert row(text, "arrays used") == "arrays used 2 2"
    assert "interval between images" not in text
    assert "note: isaac:chips=2: a remark" in text


@pytest.mark.parametrize(
    ("spread_ns", "exact", "mark"), [(11.0, False, "~"), (10.0, False, "*"), (0.0, False, "*"), (0.0, True, "*")]
)
def test_the_best_interval_is_marked_as_unsettled_above_1_percent(spread_ns: float, exact: bool, mark: str):
    text = _table(measured(1000.0, spread_ns, exact=exact), measured(2000.0, 500.0, exact=False))
    assert row(text, "interval between") == f"interval between images 1 us {mark} 2 us"
    assert row(text, "images per second") == f"images per second 1 M {mark} 500 k"
    assert ("~ the same, but the intervals of that run still differ by more than 1 %" in text) == (mark == "~")


def test_json_of_a_comparison_is_a_list_of_results():
    documents = json.loads(comparison_report([RESULT, SLOWER], ["a", "b"]).json())
    assert [document["latency_ns"] for document in documents] == [52100.0, 104200.0]
    assert all(document.keys() >= SCHEMA_KEYS for document in documents)


def test_csv_of_a_comparison_has_a_row_per_run():
    rows = _records(RESULT, SLOWER)
    assert [(row["mapping"], row["latency_ns"], row["energy_pj"], row["reason"]) for row in rows] == [
        ("a", "52100.0", "", ""),
        ("b", "104200.0", "", ""),
    ]


# --- figures that follow from others


def test_shares_and_rates_follow_from_what_was_measured():
    # 9,216 MACs 10^6 times a second: 0.018432 TOPS
    nothing = dict.fromkeys((field.name for field in fields(Cost)), None)
    cost = Cost(**nothing | {"per_image_pj": 500_000.0, "peak_power_w": 20.0})
    fast = replace(measured(1000.0, 0.0, exact=True), adc_conversions=110_592, cost=cost, area_mm2=2.0)
    record, other = _records(fast, RESULT)
    assert float(record["peak_share"]) == pytest.approx(0.018432 / 41.3)
    assert float(record["tops_per_w"]) == pytest.approx(0.036864)  # 18,432 operations for 500,000 pJ
    assert float(record["peak_tops_per_w"]) == pytest.approx(41.3 / 20)
    assert float(record["peak_tops_per_mm2"]) == pytest.approx(41.3 / 2)
    assert float(record["tops_per_mm2"]) == pytest.approx(0.009216)
    assert float(record["arrays_share"]) == 2 / 16128
    # 110,592 conversions for 4 images of 9,216 MACs
    assert record["adc_conversions_per_mac"] == "3.0"
    assert {other[key] for key in ("peak_share", "tops_per_w", "tops_per_mm2", "adc_conversions_per_mac")} == {""}


def test_a_chip_without_a_size_has_no_share_of_it():
    unlimited = replace(
        measured(1000.0, 0.0, exact=True),
        arrays=replace(RESULT.arrays, available=None),
        mapping=replace(RESULT.mapping, peak_tops=None),
    )
    (record,) = _records(unlimited)
    assert (record["arrays_share"], record["peak_share"], record["peak_tops"]) == ("", "", "")


def test_waits_are_added_up_by_cause_over_all_layers():
    twice = replace(RESULT, layers=(CONV, *RESULT.layers))
    text = _table(twice, RESULT)
    assert row(text, "waits for the NoC") == "waits for the NoC, all copies 10 us 5 us"
    assert row(text, "waits for data") == "waits for data, all copies 600 ns 300 ns"
    assert "waits for memory" not in text
    assert _records(twice)[0]["stall_memory_ns"] == ""


def test_bytes_are_shown_level_by_level_where_a_run_moved_any():
    moved = replace(RESULT, moved_bytes=MovedBytes(noc=2_000_000, memory_reads=0))
    text = _table(moved, replace(moved, moved_bytes=MovedBytes(noc=1_000_000)))
    assert row(text, "moved over the NoC") == "moved over the NoC 2 MB 1 MB *"
    assert row(text, "read from memory") == "read from memory 0 B -"
    assert "written to memory" not in text


def test_logical_cycles_and_accuracy_have_rows_where_a_run_has_them():
    text = _table(replace(RESULT, logical_cycles=970, values={"accuracy": 0.982}), RESULT)
    assert row(text, "logical cycles") == "logical cycles 970 -"
    assert row(text, "accuracy") == "accuracy through crossbars 98.2 % -"
    assert "logical cycles" not in _table(RESULT, RESULT)


# --- designs that could not run


def test_a_design_that_cannot_run_has_no_figures_and_says_why():
    text = _table(RESULT, NOT_RUN)
    assert row(text, "latency") == "latency of the first image 52.1 us -"
    assert row(text, "checks") == "checks all hold -"
    assert "b: does not run: tiny: layer 'conv': got Conv, expected a unit\nb: tiny: layer 'pool': got MaxPool" in text
    assert "b: does not run: tiny" in comparison_report([RESULT, NOT_RUN], ["a", "b"]).render("md")
    record = _records(RESULT, NOT_RUN)[1]
    assert {value for key, value in record.items() if key not in {"mapping", "reason"}} == {""}
    assert record["reason"] == NOT_RUN.reason


def test_json_of_a_design_that_cannot_run_has_every_key_of_a_result():
    ran, refused = json.loads(comparison_report([RESULT, NOT_RUN], ["a", "b"]).json())
    assert list(refused) == list(ran)
    known = {"schema", "model", "mapping", "images", "ideal", "reason"}
    assert {key for key, value in refused.items() if value is not None} == known
    assert refused["schema"] == "archsim.result/1"
    assert refused["mapping"] == {"name": "rnn", "settings": SETTINGS, "hash": "def", "peak_tops": None}
    assert refused["reason"] == NOT_RUN.reason


def test_a_long_chain_of_waiting_units_is_cut_in_the_table_alone():
    text = _table(RESULT, STALLED)
    assert "b: could not finish: the simulation cannot proceed; the chain:\nb: conv copy 0\n" in text
    assert text.count("conv copy 0") == 3
    assert "b: and 6 lines more in the JSON" in text
    assert STALLED.to_json()["reason"].count("conv copy 0") == 9


# --- what limits a design


def _limited(interval_ns: float, bound_ns: float, *uses: UnitUse, **changes: Any) -> Result:
    return replace(measured(interval_ns, 0.0, exact=True), interval_bound_ns=bound_ns, busiest=uses, **changes)


ARRAYS = UnitUse("arrays", "conv, tile 0", 0.6)


def test_arrays_limit_where_the_interval_is_near_its_bound():
    assert why(_limited(1000.0, 950.0, ARRAYS)) == (
        "limited by its arrays (first of all conv, tile 0), which alone need 95.0 % of the interval"
    )


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN", "com.microsoft::DynamicQuantizeLSTM"])
def test_the_steps_of_a_recurrent_layer_are_part_of_its_bound(op: str):
    layers = (replace(CONV, op=op),)
    assert why(_limited(1000.0, 950.0, ARRAYS, layers=layers)) == (
        "limited by its arrays (first of all conv, tile 0) and the order of the steps,"
        " which alone need 95.0 % of the interval"
    )


def test_a_mean_below_the_bound_is_no_more_than_the_whole_interval():
    assert "need 100.0 % of the interval" in why(_limited(990.0, 1000.0, ARRAYS))


def test_another_unit_limits_where_it_works_more():
    memory = UnitUse("memory", "memory read", 0.93)
    assert why(_limited(2000.0, 950.0, memory, ARRAYS)) == "limited by memory read, at work 93.0 % of the run"


def test_where_nothing_is_busy_the_longest_wait_is_named():
    bus = UnitUse("bus", "tile 1", 0.7)
    said = "nothing works 90 % of the time; the busiest: bus of tile 1, at work 70.0 % of the run"
    assert why(_limited(2000.0, 950.0, bus, ARRAYS)) == f"{said}; of all that is shared, most waiting is for the NoC"
    assert why(_limited(2000.0, 950.0, bus, ARRAYS, layers=())) == said


def test_an_interval_that_has_not_settled_is_said_to_be_so():
    doubtful = replace(measured(1000.0, 300.0, exact=False), interval_bound_ns=950.0)
    assert why(doubtful) == (
        "limited by its arrays, which alone need 95.0 % of the interval, and the interval has not settled"
    )


def test_ideal_runs_are_limited_by_arrays_alone():
    text = why(_limited(1000.0, 1000.0, *BUSIEST, ideal=True))
    assert text.startswith("limited by its arrays (first of all conv, tile 0), ")
    assert text.endswith(" 100.0 % of the interval; with --ideal nothing else can limit")


def test_without_an_interval_the_busiest_unit_of_the_run_is_named():
    assert why(replace(RESULT, busiest=BUSIEST)) == "limited by sfu of tile 3, at work 97.5 % of the run"
    assert why(replace(RESULT, busiest=(ARRAYS,))).startswith(
        "nothing works 90 % of the time; the busiest: arrays of conv, tile 0, at work 60.0 % of the run"
    )
    assert why(RESULT) == "no unit was seen at work"


def test_layers_that_run_in_turn_are_limited_by_all_their_reads():
    serial = _set(_limited(40_000.0, 38_400.0, ARRAYS, layers=(CONV,) * 3), schedule={"kind": "layer_serial"})
    assert why(serial) == "limited by its arrays, one layer after the other, which alone need 96.0 % of the interval"


def test_a_unit_counts_by_what_an_image_takes_of_it_where_a_run_fills_and_drains():
    """At work 35 % of a run of 11 cycles for 4 images: 96.25 % of each cycle."""
    memory = UnitUse("memory", "memory write for conv", 0.35)
    run = replace(_limited(10_000.0, 4_000.0, memory), elapsed_ns=110_000.0, images=4)
    assert why(run) == "limited by memory write for conv, needed for 96.2 % of the interval"


def test_units_of_which_a_design_says_nothing_are_named():
    other = _set(RESULT, tile={"buffer_bytes": None, "bus": None, "write_port": {}}, noc=None)
    said = verdict([RESULT, replace(other, latency_ns=1.0)], ["isaac", "rnn"]) or ""
    assert "rnn waits for no tile.buffer_bytes, tile.bus, noc, of which it says nothing" in said


# --- which is fastest


def test_the_fastest_is_told_with_how_much_faster_it_is():
    runs = [measured(3100.0, 0.0, exact=True), measured(1000.0, 0.0, exact=True), measured(2000.0, 0.0, exact=True)]
    assert verdict(runs, "abc") == "b is fastest by interval: 2 times as fast as c, 3.1 times as fast as a"


def test_another_winner_by_latency_is_named():
    slow_start = replace(measured(1000.0, 0.0, exact=True), latency_ns=99_000.0)
    assert verdict([slow_start, measured(2000.0, 0.0, exact=True)], "ab") == (
        "a is fastest by interval: 2 times as fast as b; by latency of the first image b"
    )


def test_without_intervals_the_latency_decides():
    assert verdict([RESULT, replace(RESULT, latency_ns=104_200.0)], "ab") == (
        "a is fastest by latency of the first image: 2 times as fast as b"
    )
    # an interval of one alone compares nothing
    assert "by latency" in str(verdict([RESULT, measured(1000.0, 0.0, exact=True)], "ab"))


def test_intervals_are_compared_where_they_are_known():
    fast, slow = measured(1000.0, 0.0, exact=True), measured(2000.0, 0.0, exact=True)
    assert verdict([fast, slow, RESULT], "abc") == (
        "a is fastest by interval: 2 times as fast as b; the interval of c is not known"
    )


def test_equal_runs_have_no_winner_and_near_ones_no_ratio():
    same = measured(1000.0, 0.0, exact=True)
    assert verdict([same, same], "ab") == "all are equally fast by interval"
    assert verdict([same, same, measured(1001.0, 0.0, exact=True)], "abc") == (
        "a and b are fastest by interval: just ahead of c"
    )


def test_a_verdict_on_intervals_that_have_not_settled_says_so():
    assert verdict([measured(1000.0, 300.0, exact=False), measured(2000.0, 0.0, exact=True)], "ab") == (
        "a is fastest by interval: 2 times as fast as b (not settled: a; take more --images)"
    )


def test_one_run_is_compared_with_nothing():
    assert verdict([RESULT, NOT_RUN], "ab") is None
    assert "fastest" not in _table(RESULT, NOT_RUN)


def test_what_differs_beside_the_design_is_named():
    precise = _set(RESULT, precision={"weight_bits": 16, "input_bits": 16})
    assert str(verdict([RESULT, precise], "ab")).endswith("; bits of weights/inputs differ: a 8/8, b 16/16")
    assert str(verdict([RESULT, SLOWER], "ab")).endswith("; chips differ: a 1, b 2")

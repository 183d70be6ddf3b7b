"""Traces: strict JSON, slices apart on each thread, bounded, equal bytes for equal runs."""

from __future__ import annotations

import json

from archsim.trace import Recorder, chrome_trace
from tests.surface.samples import RESULT
from tests.surface.traces import assert_well_formed


def _recorded(limit: int = 1000) -> Recorder:
    recorder = Recorder(limit)
    recorder.slice(1, "sfu", "conv", 0, 1, 30, 36)
    recorder.slice(1, "sfu", "conv", 0, 0, 24, 33)
    recorder.slice(0, "arrays conv 1", "conv", 0, 1, 6, 24)
    recorder.slice(0, "arrays conv 0", "conv", 0, 0, 0, 18)
    recorder.slice(0, "arrays fc 0", "fc", 0, 0, 6, 9)
    recorder.slice(-1, "bus", "image", 0, 0, 0, 3)
    recorder.level(0, "conv", 0, 64)
    recorder.level(0, "conv", 18, 96)
    recorder.level(0, "conv", 18, 32)
    return recorder


def _document(recorder: Recorder) -> dict:
    return json.loads(b"".join(chrome_trace(recorder, RESULT)))


def test_tiles_are_processes_and_units_are_threads_in_the_order_of_the_data():
    names = [event for event in _document(_recorded())["traceEvents"] if event["ph"] == "M"]
    processes = [event["args"]["name"] for event in names if event["name"] == "process_name"]
    threads = [event["args"]["name"] for event in names if event["name"] == "thread_name"]
    assert processes == ["off-chip links", "tile 0", "tile 1"]
    assert threads == ["bus", "arrays conv 0", "arrays conv 1", "arrays fc 0", "sfu", "sfu (2)"]
    orders = [event["args"]["sort_index"] for event in names if event["name"] == "thread_sort_index"]
    assert orders == sorted(orders)


def test_times_are_microseconds_rounded_to_ns():
    slices = [event for event in _document(_recorded())["traceEvents"] if event["ph"] == "X"]
    conv = next(event for event in slices if event["args"] == {"layer": "conv", "window": 1, "image": 0})
    # 6 and 24 ticks of 500/3 ps
    assert (conv["ts"], conv["dur"]) == (0.001, 0.003)


def test_slices_that_overlap_on_one_unit_stand_on_threads_of_their_own():
    assert_well_formed(_document(_recorded()))
    recorder = Recorder(100)
    for window in range(5):
        recorder.slice(0, "noc", "conv", 0, window, 6 * window, 6 * window + 15)
    document = _document(recorder)
    assert_well_formed(document)
    assert len({event["tid"] for event in document["traceEvents"] if event["ph"] == "X"}) == 3


def test_of_levels_at_one_time_the_last_counts():
    counters = [event for event in _document(_recorded())["traceEvents"] if event["ph"] == "C"]
    assert [(event["ts"], event["args"]["bytes"]) for event in counters] == [(0.0, 64), (0.003, 32)]
    assert {event["name"] for event in counters} == {"buffer conv"}


def test_a_trace_says_what_it_is_of_and_that_it_is_whole():
    other = _document(_recorded())["otherData"]
    assert (other["model"], other["mapping"], other["archsim"]) == ("tiny", "isaac", "0.1.0")
    assert (other["events_kept"], other["events_dropped"], other["cut"]) == (9, 0, False)


def test_a_trace_is_cut_at_the_limit_and_says_so():
    document = _document(_recorded(limit=4))
    other = document["otherData"]
    assert (other["events_kept"], other["events_dropped"], other["cut"]) == (4, 5, True)
    assert sum(event["ph"] in "XC" for event in document["traceEvents"]) == 4


def test_equal_runs_give_equal_bytes_whatever_the_order_of_events():
    reordered = Recorder(1000)
    reordered.slice(-1, "bus", "image", 0, 0, 0, 3)
    reordered.level(0, "conv", 0, 64)
    reordered.slice(0, "arrays fc 0", "fc", 0, 0, 6, 9)
    reordered.slice(0, "arrays conv 0", "conv", 0, 0, 0, 18)
    reordered.slice(0, "arrays conv 1", "conv", 0, 1, 6, 24)
    reordered.level(0, "conv", 18, 32)
    reordered.slice(1, "sfu", "conv", 0, 0, 24, 33)
    reordered.slice(1, "sfu", "conv", 0, 1, 30, 36)
    reordered.level(0, "conv", 18, 32)
    assert b"".join(chrome_trace(reordered, RESULT)) == b"".join(chrome_trace(_recorded(), RESULT))


def test_a_trace_without_events_is_a_trace():
    assert _document(Recorder(1))["traceEvents"] == []


def test_arrays_stand_in_graph_order_and_by_copy():
    recorder = Recorder(100)
    for unit in ("arrays a 0", "arrays conv 10", "arrays conv 9", "adc", "odd"):
        recorder.slice(0, unit, "conv", 0, 0, 0, 6)
    names = [event["args"]["name"] for event in _document(recorder)["traceEvents"] if event["name"] == "thread_name"]
    assert names == ["arrays conv 9", "arrays conv 10", "arrays a 0", "adc", "odd"]


def test_work_that_takes_no_time_is_no_event():
    recorder = Recorder(1)
    recorder.slice(0, "sfu", "conv", 0, 0, 6, 6)
    assert (recorder.kept, recorder.dropped, recorder.units) == (0, 0, [])


def test_names_are_escaped():
    recorder = Recorder(10)
    recorder.slice(0, "sfu", 'a "b"\n', 0, 0, 0, 6)
    assert _document(recorder)["traceEvents"][-1]["args"]["layer"] == 'a "b"\n'

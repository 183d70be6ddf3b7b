"""Whole runs from the command line: simulate and compare, their files, their traces."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from archsim import api
from archsim.choices import data_file
from archsim.frontend import from_model
from tests.frontend.models import model, numbers
from tests.recurrent import single
from tests.surface.conftest import Run
from tests.surface.test_reports import LAYER_KEYS, SCHEMA_KEYS
from tests.surface.traces import assert_well_formed


def _without_cpu(document: dict) -> dict:
    return {key: value for key, value in document.items() if key != "cpu_s"}


def test_simulate_answers_in_the_schema(archsim: Run):
    ran = archsim("simulate", "digits_cnn", "--images", "2", "--json", "-")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert document.keys() >= SCHEMA_KEYS
    assert all(layer.keys() >= LAYER_KEYS for layer in document["layers"])
    assert all(document["checks"][name] is True for name in ("macs", "windows", "bytes", "time"))
    assert document["images"] == 2
    assert document["latency_cycles"] == pytest.approx(document["latency_ns"] / document["cycle_ns"])
    assert document["model"]["macs"] == sum(layer["macs"] for layer in document["layers"])
    assert document["cpu_s"] > 0


def test_equal_runs_give_equal_answers_but_for_the_cpu_time(archsim: Run):
    first, second = (json.loads(archsim("simulate", "digits_cnn", "--json", "-").out) for _ in range(2))
    assert _without_cpu(first) == _without_cpu(second)


def test_map_and_simulate_agree_on_the_placement(archsim: Run):
    placed = json.loads(archsim("map", "lenet5", "--json", "-").out)
    ran = json.loads(archsim("simulate", "lenet5", "--json", "-").out)
    shared = (
        "name",
        "op",
        "rows",
        "outputs",
        "groups",
        "windows",
        "uses",
        "arrays_per_copy",
        "copies",
        "slots",
        "macs",
    )
    for before, after in zip(placed["layers"], ran["layers"], strict=True):
        assert {key: before[key] for key in shared} == {key: after[key] for key in shared}
        assert (before["arrays_per_tile"] is None) == (after["arrays"] is None)
    assert ran["arrays"] == placed["arrays"]
    assert ran["mapping"] == placed["mapping"]


def test_an_ideal_run_takes_what_the_estimate_says(archsim: Run):
    placed = json.loads(archsim("map", "lenet5", "--json", "-").out)
    ran = json.loads(archsim("simulate", "lenet5", "--ideal", "--json", "-").out)
    assert ran["ideal"] is True
    assert ran["latency_cycles"] == placed["estimate"]["latency_cycles"]


def test_simulate_prints_figures_and_layers(archsim: Run):
    text = archsim("simulate", "lenet5").out
    assert text.startswith("lenet5 on isaac\n")
    assert "latency of the first image" in text
    assert "all hold" in text
    assert "bottleneck: arrays of conv1, tile 0, " in text
    assert "busiest layer: conv1 works" in text


def test_a_batch_is_called_an_image_only_with_a_note(archsim: Run):
    note = "an image here is one run of the network: a batch of 3"
    assert f"note: {note}\n" in archsim("simulate", "digits_cnn", "--shape", "image=3,1,8,8").out
    ran = archsim("compare", "digits_cnn", "--images", "1", "--shape", "image=3,1,8,8", "--json", "-")
    assert note in json.loads(ran.out)[0]["notes"]
    assert "a batch of" not in archsim("simulate", "digits_cnn").out
    assert "a batch of" not in archsim("simulate", "lstm_ptb").out  # its first axis are the steps of one sequence


@pytest.mark.parametrize(
    ("form", "batch"),
    [({"direction": "reverse"}, 1), ({"direction": "bidirectional"}, 3), ({"layout": 1, "linear_before_reset": 0}, 3)],
)
def test_a_batch_is_that_of_the_sequences_whatever_their_order(form: dict[str, Any], batch: int):
    graph = from_model(single("GRU", steps=5, batch=batch, **form), source="net.onnx", base_dir=None)
    expected = [] if batch == 1 else ["an image here is one run of the network: a batch of 3"]
    assert [note for note in api.simulate(graph, "isaac").notes if "a batch of" in note] == expected


@pytest.mark.parametrize("options", [[], ["--ideal"], ["--images", "2"], ["--images", "2", "--ideal"]])
def test_lstm_ptb_runs_from_end_to_end(archsim: Run, options: list[str]):
    ran = archsim("simulate", "lstm_ptb", "--mapping", "isaac", *options, "--json", "-")
    result = json.loads(ran.out)
    assert ran.code == 0
    assert all(result["checks"].values())
    assert [(layer["op"], layer["rows"], layer["outputs"], layer["windows"]) for layer in result["layers"]] == [
        ("LSTM", 1300, 2600, 35),
        ("LSTM", 1300, 2600, 35),
        ("Gemm", 650, 10_000, 35),
    ]
    assert result["model"] == {"name": "lstm_ptb", "macs": 464_100_000, "parameters": 13_260_000}


def test_recurrent_layers_are_inspected_and_mapped(archsim: Run):
    inspected = archsim("inspect", "lstm_ptb").out
    row = next(line for line in inspected.splitlines() if line.startswith("lstm1 "))
    assert " ".join(row.split()) == "lstm1 LSTM recurrent 1,300 2,600 1 35 118.3 M 3.38 M 35x1x1x650 -"
    mapped = json.loads(archsim("map", "lstm_ptb", "--mapping", "isaac", "--json", "-").out)
    assert [layer["arrays"] for layer in mapped["layers"]] == [1793, 1793, 3750]


def test_out_holds_result_outputs_and_trace(archsim: Run, tmp_path: Path):
    words = ("--input", data_file("digits_test"), "--out", tmp_path / "out", "--trace", tmp_path / "t.json")
    ran = archsim("simulate", "digits_cnn", *words, "--json", "-")
    assert ran.code == 0
    document = json.loads(ran.out)
    assert document["checks"]["values"] is True
    assert document["values"]["samples"] == 450
    assert document["seed"] is None
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["outputs.npz", "result.json", "trace.json"]
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == document
    assert np.load(tmp_path / "out" / "outputs.npz")["logits"].shape == (450, 10)
    assert (tmp_path / "out" / "trace.json").read_bytes() == (tmp_path / "t.json").read_bytes()


def test_values_without_input_are_drawn_with_the_seed(archsim: Run, tmp_path: Path):
    def logits(*words: str) -> np.ndarray:
        ran = archsim("simulate", "digits_cnn", "--values", "--images", "2", "--out", tmp_path, *words)
        assert ran.code == 0
        return np.load(tmp_path / "outputs.npz")["logits"]

    assert logits().shape == (2, 10)
    assert np.array_equal(logits(), logits("--seed", "0"))
    assert not np.array_equal(logits(), logits("--seed", "1"))
    assert json.loads((tmp_path / "result.json").read_text())["seed"] == 1


def test_a_trace_of_a_run_is_well_formed_and_whole(archsim: Run, tmp_path: Path):
    ran = archsim("simulate", "digits_cnn", "--images", "2", "--trace", tmp_path / "t.json", "--json", "-")
    document = json.loads((tmp_path / "t.json").read_text())
    assert_well_formed(document)
    assert document["otherData"]["cut"] is False
    names = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in document["traceEvents"]
        if event["name"] == "thread_name"
    }
    reads = [
        event["args"]
        for event in document["traceEvents"]
        if event["ph"] == "X" and names[event["pid"], event["tid"]].startswith("arrays")
    ]
    for layer in json.loads(ran.out)["layers"]:
        if layer["arrays"]:
            seen = sorted((read["image"], read["window"]) for read in reads if read["layer"] == layer["name"])
            assert seen == [(image, window) for image in range(2) for window in range(layer["windows"])]


def test_the_trace_of_one_image_ends_with_its_latency(archsim: Run, tmp_path: Path):
    ran = archsim("simulate", "digits_cnn", "--trace", tmp_path / "t.json", "--json", "-")
    latency_ns = json.loads(ran.out)["latency_ns"]
    assert_well_formed(json.loads((tmp_path / "t.json").read_text()), end_us=latency_ns / 1000)


def test_tracing_changes_no_figure_and_traces_of_equal_runs_are_equal(archsim: Run, tmp_path: Path):
    plain = json.loads(archsim("simulate", "digits_cnn", "--json", "-").out)
    traced = json.loads(archsim("simulate", "digits_cnn", "--json", "-", "--trace", tmp_path / "a").out)
    archsim("simulate", "digits_cnn", "--trace", tmp_path / "b")
    # an observer costs events of its own, but moves nothing
    assert {**_without_cpu(plain), "events": None} == {**_without_cpu(traced), "events": None}
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_cut_trace_is_announced(archsim: Run, tmp_path: Path):
    words = ("simulate", "digits_cnn", "--trace", tmp_path / "t.json", "--trace-events", "10")
    ran = archsim(*words)
    assert ran.err.startswith("the trace holds the first 10 events; ")
    other = json.loads((tmp_path / "t.json").read_text())["otherData"]
    assert (other["events_kept"], other["cut"]) == (10, True)
    assert f"{other['events_dropped']:,} more are not in it" in ran.err
    assert archsim(*words, "--quiet").err == ""


def test_a_failed_check_ends_with_1_and_still_answers(archsim: Run, monkeypatch: pytest.MonkeyPatch):
    def failing(*words, **options):
        result = simulate(*words, **options)
        return replace(result, checks={**result.checks, "bytes": False})

    simulate = api.simulate
    monkeypatch.setattr(api, "simulate", failing)
    ran = archsim("simulate", "digits_cnn", "--json", "-")
    assert (ran.code, ran.err) == (1, "check failed: bytes\n")
    assert json.loads(ran.out)["checks"]["bytes"] is False
    ran = archsim("compare", "digits_cnn", "--mapping", "isaac", "--images", "1")
    assert (ran.code, ran.err) == (1, "check failed: bytes on isaac\n")


def test_simulate_refuses_an_unwritable_trace_before_it_runs(archsim: Run, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(api, "simulate", lambda *_, **__: pytest.fail("it ran"))
    ran = archsim("simulate", "digits_cnn", "--trace", tmp_path / "no" / "t.json", "--json", tmp_path)
    assert ran.code == 2
    assert [line.split(":")[1] for line in ran.err.splitlines()] == [" --trace", " --json"]


def test_every_file_of_the_folder_is_checked_before_a_run(archsim: Run, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(api, "simulate", lambda *_, **__: pytest.fail("it ran"))
    for name in ("trace.json", "outputs.npz", "result.json"):
        (tmp_path / name).mkdir()
    ran = archsim("simulate", "digits_cnn", "--values", "--trace", tmp_path / "t.json", "--out", tmp_path)
    assert ran.code == 2
    assert [line.split(" ")[3] for line in ran.err.splitlines()] == [
        f"{tmp_path}/{name}," for name in ("trace.json", "outputs.npz", "result.json")
    ]


def test_the_trace_may_go_into_the_folder_of_the_answer(archsim: Run, tmp_path: Path):
    folder = tmp_path / "out"
    assert archsim("simulate", "digits_cnn", "--out", folder, "--trace", folder / "trace.json").code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["result.json", "trace.json"]


def test_one_file_is_not_written_twice(archsim: Run, tmp_path: Path):
    ran = archsim("simulate", "digits_cnn", "--json", tmp_path / "a", "--trace", tmp_path / "a")
    assert ran.code == 2
    assert ran.err == f"error: --json: got {tmp_path}/a, expected another file than --trace writes\n"


def test_python_verbs_give_the_figures_of_the_command_line(archsim: Run):
    import archsim as package

    graph = package.load("digits_cnn")
    result = package.simulate(package.place(graph, "isaac", settings=["copies.policy=none"]), images=2)
    words = ("simulate", "digits_cnn", "--set", "copies.policy=none", "--images", "2", "--json", "-")
    assert _without_cpu(json.loads(archsim(*words).out)) == _without_cpu(json.loads(json.dumps(result.to_json())))
    (compared,) = package.compare(graph, ["isaac"], images=1)
    assert compared.mapping.settings["precision"] == {"weight_bits": 8, "input_bits": 8}
    assert isinstance(package.place(graph).design, package.Chip)
    with pytest.raises(AttributeError, match="has no attribute 'simulat'"):
        package.simulat  # noqa: B018


def test_dimensions_that_are_left_open_are_those_of_the_data(archsim: Run, tmp_path: Path):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["y"]),
    ]
    proto = model(nodes, {"x": ("N", 1, "H", "W")}, constants={"w": numbers(2, 1, 3, 3)})
    onnx.save(proto, tmp_path / "net.onnx")
    np.savez(tmp_path / "data.npz", images=numbers(2, 1, 7, 9))
    net, data = str(tmp_path / "net.onnx"), str(tmp_path / "data.npz")
    assert "dynamic dimension 'H'" in archsim("simulate", net).err
    document = json.loads(archsim("simulate", net, "--input", data, "--json", "-").out)
    assert document["model"]["macs"] == 9 * 2 * 5 * 7
    evaluated = json.loads(archsim("evaluate", net, "--data", data, "--json", "-").out)
    assert evaluated["samples"] == 2
    # What the user says goes before what the data say, which then do not fit.
    ran = archsim("evaluate", net, "--data", data, "--shape", "x=1,1,7,8")
    assert ran.code == 2
    assert "shape (2, 1, 7, 9)" in ran.err

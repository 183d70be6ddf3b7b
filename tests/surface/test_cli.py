"""The command line: what each verb answers, and where it goes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from archsim import __version__, api
from archsim.hardware import data_folder, load_design
from tests.surface.conftest import Run

DATA = data_folder("models") / "digits_test.npz"


def test_version(archsim: Run):
    assert archsim("--version").out == f"archsim {__version__}\n"


def test_no_command_prints_help(archsim: Run):
    ran = archsim()
    assert "Usage: archsim" in ran.out + ran.err


def test_models_and_mappings_list_what_ships(archsim: Run):
    models = json.loads(archsim("models", "--json", "-").out)
    assert {"digits_cnn", "lenet5", "resnet18", "vgg16"} <= {model["name"] for model in models}
    assert all(Path(model["file"]).is_file() for model in models)
    mappings = json.loads(archsim("mappings", "--format", "json").out)
    assert [mapping["name"] for mapping in mappings] == list(api.mapping_names())
    assert all(load_design(mapping["file"]).name == mapping["name"] for mapping in mappings)
    assert "isaac" in archsim("mappings").out


def test_devices_list_what_ships(archsim: Run):
    devices = json.loads(archsim("devices", "--json", "-").out)
    assert [device["name"] for device in devices] == ["pcm", "rram"]
    for device in devices:
        found = load_design("isaac", [f"device.name={device['file']}"]).device
        assert (found.name, found.description) == (device["name"], device["description"])


@pytest.mark.parametrize("verb", ["evaluate", "simulate"])
def test_an_adc_that_is_too_wide_is_noted_with_the_numbers(archsim: Run, verb: str):
    data = {"evaluate": ("--data", DATA), "simulate": ("--values",)}[verb]
    words = (verb, "digits_cnn", *data, "--set", "adc.bits=9")
    note = "adc.bits 9 is more than the largest column sum takes, 8 bits"
    assert f"note: {note}" in archsim(*words).out
    assert note in json.loads(archsim(*words, "--json", "-").out)["notes"]
    assert note not in archsim(verb, "digits_cnn", *data).out


def test_inspect_answers_in_every_form(archsim: Run):
    document = json.loads(archsim("inspect", "lenet5", "--json", "-").out)
    assert document["model"] == {"name": "lenet5", "macs": 416520, "parameters": 61470}
    assert sum(document["coverage"][key] for key in ("timed", "layout", "folded", "free")) == 22
    assert archsim("inspect", "lenet5", "--format", "json").out == archsim("inspect", "lenet5", "--json", "-").out
    rows = list(csv.DictReader(io.StringIO(archsim("inspect", "lenet5", "--format", "csv").out)))
    assert rows[0]["name"] == "conv1"
    assert rows[1]["rows"] == ""
    assert "| conv1 | Conv | matrix |" in archsim("inspect", "lenet5", "--format", "md").out
    assert "61.47 k parameters" in archsim("inspect", "lenet5").out


def test_inspect_takes_a_path(archsim: Run):
    path = data_folder("models") / "lenet5.onnx"
    assert archsim("inspect", path, "--json", "-").out == archsim("inspect", "lenet5", "--json", "-").out


def test_a_shape_binds_the_batch(archsim: Run):
    document = json.loads(archsim("inspect", "digits_cnn", "--shape", "image=3,1,8,8", "--json", "-").out)
    assert document["layers"][0]["windows"] == 3 * 64


def test_map_of_vgg16_reproduces_the_published_array_count(archsim: Run):
    document = json.loads(archsim("map", "vgg16", "--json", "-").out)
    assert document["schema"] == "archsim.map/1"
    assert document["chips"] == 5
    assert document["arrays"]["used"] == 72928
    matrices = [layer for layer in document["layers"] if layer["copies"] is not None]
    assert [layer["copies"] for layer in matrices] == [64, 64, 16, 16, 4, 4, 4] + 9 * [1]
    assert document["estimate"]["interval_cycles"] == 12544
    assert document["mapping"]["settings"]["array"]["read_ns"] == 100
    # conv1_1: 27 x 64 weights of 8 cells on 4 arrays of 128 x 128
    assert document["layers"][0]["utilisation"] == 27 * 64 * 8 / (4 * 128 * 128)


def test_settings_change_the_design(archsim: Run):
    chosen = ["precision.weight_bits=8", "copies.explicit=[2,1]"]
    by_option = archsim("map", "lenet5", "--json", "-", *[word for text in chosen for word in ("--set", text)])
    in_mapping = archsim("map", "lenet5", "--json", "-", "--mapping", "isaac:" + ",".join(chosen))
    assert by_option.out == in_mapping.out
    layers = json.loads(by_option.out)["layers"]
    assert [layer["copies"] for layer in layers if layer["copies"]] == [2, 1, 1, 1, 1]


def test_the_hash_of_a_mapping_follows_its_settings(archsim: Run):
    def hash_of(*words: str) -> str:
        return json.loads(archsim("map", "lenet5", "--json", "-", *words).out)["mapping"]["hash"]

    assert hash_of() == hash_of() != hash_of("--set", "adc.bits=9")


def test_evaluate_agrees_with_onnxruntime_on_digits(archsim: Run, tmp_path: Path):
    ran = archsim("evaluate", "digits_cnn", "--data", DATA, "--out", tmp_path / "out", "--json", "-", "--quiet")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    with np.load(DATA) as data:
        images, labels = data["images"], data["labels"]
    session = onnxruntime.InferenceSession(data_folder("models") / "digits_cnn.onnx")
    (logits,) = session.run(["logits"], {"image": images})
    assert document["reference_accuracy"] == np.mean(logits.argmax(axis=1) == labels)
    assert document["samples"] == len(labels)
    assert document["checks"] == {"exact": True}
    outputs = np.load(tmp_path / "out" / "outputs.npz")["logits"]
    assert document["accuracy"] == np.mean(outputs.argmax(axis=1) == labels)
    assert document["max_abs_error"] == pytest.approx(np.abs(outputs - logits).max(), abs=1e-4)
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == document


def test_a_shipped_data_set_goes_by_its_name(archsim: Run):
    by_name = archsim("evaluate", "digits_cnn", "--data", "digits_test", "--json", "-")
    assert by_name.out == archsim("evaluate", "digits_cnn", "--data", DATA, "--json", "-").out


def test_evaluate_prints_accuracies(archsim: Run):
    text = archsim("evaluate", "digits_cnn", "--data", "digits_test", "--set", "precision.weight_bits=8").out
    assert "bits of weights / inputs" in text
    assert "8 / 16" in text
    assert "accuracy through crossbars" in text


def test_json_goes_to_a_file_and_the_table_to_stdout(archsim: Run, tmp_path: Path):
    ran = archsim("inspect", "lenet5", "--json", tmp_path / "x.json")
    assert ran.out == archsim("inspect", "lenet5").out
    assert json.loads((tmp_path / "x.json").read_text()) == json.loads(archsim("inspect", "lenet5", "--json", "-").out)


def test_drawn_inputs_are_the_same_numbers_on_any_machine():
    graph = api.load("digits_cnn")
    first = api.drawn_inputs(graph, 2, 7)["image"]
    assert first.shape == (2, 1, 8, 8)
    assert first.dtype == np.float32
    # PCG64's stream is fixed by its specification
    assert first.reshape(-1)[0] == np.float32(int(np.random.PCG64(7).random_raw()) >> 40) / 2**24
    assert 0 <= first.min() < first.max() < 1

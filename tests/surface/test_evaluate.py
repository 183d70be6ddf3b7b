"""`archsim evaluate` over seeds and a sweep: against runs one by one, and what it says of bad words."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from archsim import api
from archsim.errors import InputError
from archsim.hardware import data_folder, load_design
from archsim.values import evaluate as run_once
from tests.surface.conftest import Run

WORDS = ("evaluate", "digits_cnn", "--set", "precision.weight_bits=8", "--set", "precision.input_bits=8")
FIGURES = ("accuracy", "max_abs_error", "mean_abs_error")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """60 of the digits."""
    with np.load(data_folder("models") / "digits_test.npz") as arrays:
        np.savez(tmp_path / "few.npz", images=arrays["images"][:60], labels=arrays["labels"][:60])
        np.savez(tmp_path / "unlabelled.npz", images=arrays["images"][:60])
    return tmp_path / "few.npz"


def document(archsim: Run, *words: object) -> dict:
    ran = archsim(*WORDS, *words, "--json", "-")
    assert (ran.code, ran.err) == (0, "")
    return json.loads(ran.out)


def test_a_sweep_over_seeds_is_one_run_after_the_other(archsim: Run, data: Path):
    swept = document(archsim, "--data", data, "--sweep", "device.sigma=0.1,0.3", "--seed", "5", "--seeds", "3")
    assert swept["sweep"]["key"] == "device.sigma"
    for point, sigma in zip(swept["sweep"]["points"], (0.1, 0.3), strict=True):
        alone = [
            document(archsim, "--data", data, "--set", f"device.sigma={sigma}", "--seed", seed) for seed in (5, 6, 7)
        ]
        assert point["value"] == sigma
        assert point["seeds"] == [5, 6, 7]
        assert point["runs"] == [
            {"seed": seed, **{key: run[key] for key in FIGURES}} for seed, run in zip((5, 6, 7), alone, strict=True)
        ]
        for key in FIGURES:
            assert point[key] == pytest.approx(np.mean([run[key] for run in alone]), rel=1e-12)
        for key in ("accuracy", "mean_abs_error"):
            assert point[f"{key}_spread"] == pytest.approx(np.std([run[key] for run in alone], ddof=1), rel=1e-9)
        assert {run["reference_accuracy"] for run in alone} == {swept["reference_accuracy"]}
    assert {swept[key] for key in (*FIGURES, "accuracy_spread", "mean_abs_error_spread")} == {None}
    assert (swept["runs"], swept["layers"], swept["seeds"]) == ([], [], [5, 6, 7])


def test_seeds_without_a_sweep_are_means_and_spreads_too(archsim: Run, data: Path):
    words = ("--data", data, "--set", "device.sigma=0.2")
    both = document(archsim, *words, "--seeds", "2")
    runs = [document(archsim, *words, "--seed", seed) for seed in (0, 1)]
    assert both["seeds"] == [0, 1]
    assert both["accuracy"] == pytest.approx(np.mean([run["accuracy"] for run in runs]))
    assert both["mean_abs_error_spread"] == pytest.approx(np.std([run["mean_abs_error"] for run in runs], ddof=1))
    assert runs[0]["mean_abs_error"] != runs[1]["mean_abs_error"]
    assert both["sweep"] is None
    assert runs[0]["accuracy_spread"] is None
    assert runs[0]["mean_abs_error_spread"] is None
    text = archsim(*WORDS, *words, "--seeds", "2").out
    assert "seeds of device errors" in text
    assert "0 to 1" in text
    assert "spread of that accuracy" in text


def test_the_default_seed_is_0(archsim: Run, data: Path):
    words = ("--data", data, "--set", "device.sigma=0.2")
    assert document(archsim, *words) == document(archsim, *words, "--seed", "0", "--seeds", "1")


def test_a_point_where_nothing_is_random_runs_once_and_is_the_run_without_devices(archsim: Run, data: Path):
    swept = document(archsim, "--data", data, "--sweep", "device.sigma=0,0.1", "--seeds", "2")
    still, noisy = swept["sweep"]["points"]
    assert (still["seeds"], len(still["runs"]), still["accuracy_spread"]) == ([], 1, None)
    assert noisy["seeds"] == [0, 1]
    plain = document(archsim, "--data", data)
    assert still["runs"] == [{"seed": None, **{key: plain[key] for key in FIGURES}}]
    assert swept["notes"] == ["at device.sigma = 0: nothing is random: one run stands for every seed"]
    once = document(archsim, "--data", data, "--seeds", "2")
    assert once["notes"] == ["nothing is random: one run stands for every seed"]
    assert (once["seeds"], len(once["runs"])) == ([], 1)
    assert plain["notes"] == []


def test_a_converter_with_noise_draws_with_every_seed(archsim: Run, data: Path):
    found = document(archsim, "--data", data, "--set", "adc.sigma_codes=0.5", "--seeds", "2")
    assert found["seeds"] == [0, 1]
    assert found["runs"][0]["mean_abs_error"] != found["runs"][1]["mean_abs_error"]


def test_accuracy_falls_with_fewer_bits_of_the_adc(archsim: Run):
    swept = document(archsim, "--data", "digits_test", "--sweep", "adc.bits=8,7,6,5,4")
    accuracies = [point["accuracy"] for point in swept["sweep"]["points"]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > swept["reference_accuracy"] - 0.005
    assert accuracies[-1] < 0.2
    assert [point["value"] for point in swept["sweep"]["points"]] == [8, 7, 6, 5, 4]


def test_bits_that_are_swept_are_not_those_of_the_whole(archsim: Run, data: Path):
    swept = document(archsim, "--data", data, "--sweep", "precision.weight_bits=4,8")
    assert (swept["weight_bits"], swept["input_bits"]) == (None, 8)
    for point, bits in zip(swept["sweep"]["points"], (4, 8), strict=True):
        assert (
            point["runs"][0]["mean_abs_error"]
            == (document(archsim, "--data", data, "--set", f"precision.weight_bits={bits}")["mean_abs_error"])
        )


def test_floating_point_runs_once_and_ranges_of_converters_are_measured_once(
    archsim: Run, data: Path, monkeypatch: pytest.MonkeyPatch
):
    import archsim.values as room

    counts = {"float_reference": 0, "calibrated": 0, "evaluate_crossbars": 0}

    def counted(name: str):
        function = getattr(room, name)

        def call(*arguments, **options):
            counts[name] += 1
            return function(*arguments, **options)

        return call

    for name in counts:
        monkeypatch.setattr(room, name, counted(name))
    words = ("--set", "adc.full_scale=calibrated", "--set", "device.sigma=0.1")
    document(archsim, "--data", data, *words, "--sweep", "adc.bits=5,6", "--seeds", "2")
    assert counts == {"float_reference": 1, "calibrated": 1, "evaluate_crossbars": 4}


def test_commas_in_brackets_belong_to_the_value(archsim: Run, data: Path):
    swept = document(archsim, "--data", data, "--sweep", "copies.explicit=[1,1],[2,2]")
    assert [point["value"] for point in swept["sweep"]["points"]] == [[1, 1], [2, 2]]
    assert "copies.explicit" in archsim(*WORDS, "--data", data, "--sweep", "copies.explicit=[1,1],[2,2]").out


def test_a_sweep_is_told_in_every_form(archsim: Run, data: Path):
    words = (*WORDS, "--data", data, "--sweep", "device.sigma=0,0.2", "--seeds", "2")
    points = document(archsim, *words[6:])["sweep"]["points"]
    rows = list(csv.DictReader(io.StringIO(archsim(*words, "--format", "csv").out)))
    assert [row["value"] for row in rows] == ["0", "0.2"]
    assert [row["seeds"] for row in rows] == ["0", "2"]
    assert [float(row["accuracy"]) for row in rows] == [point["accuracy"] for point in points]
    assert [row["accuracy_spread"] == "" for row in rows] == [True, False]
    assert [float(row["reference_accuracy"]) for row in rows] == [59 / 60] * 2
    table = archsim(*words).out
    assert "Accuracy (* through crossbars" in table
    assert "one run stands for every seed" in table
    assert "| device.sigma |" in archsim(*words, "--format", "md").out


def test_without_labels_the_plot_is_of_errors(archsim: Run, data: Path):
    words = (*WORDS, "--data", data.with_name("unlabelled.npz"), "--sweep", "adc.bits=5,6")
    ran = archsim(*words)
    assert "Mean error of an output" in ran.out
    assert json.loads(archsim(*words, "--json", "-").out)["sweep"]["points"][0]["accuracy"] is None


def test_values_that_are_no_numbers_have_no_axis(archsim: Run, data: Path):
    ran = archsim(*WORDS, "--data", data, "--sweep", "array.sign=offset,pair")
    assert ran.code == 0
    assert "across:" not in ran.out


@pytest.mark.parametrize("sweep", ["device.sigma=0,0.2", "array.sign=offset,pair"])
@pytest.mark.parametrize("name", ["few.npz", "unlabelled.npz"])
def test_a_sweep_is_a_picture_too(archsim: Run, data: Path, tmp_path: Path, sweep: str, name: str):
    pytest.importorskip("matplotlib")
    words = (*WORDS, "--data", data.with_name(name), "--sweep", sweep, "--seeds", "2")
    assert archsim(*words, "--png", tmp_path / "a.png").code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_outputs_are_written_for_a_single_run_alone(archsim: Run, data: Path, tmp_path: Path):
    assert archsim(*WORDS, "--data", data, "--out", tmp_path / "one").code == 0
    assert archsim(*WORDS, "--data", data, "--out", tmp_path / "two", "--sweep", "adc.bits=7,8").code == 0
    assert {path.name for path in (tmp_path / "one").iterdir()} == {"result.json", "outputs.npz"}
    assert {path.name for path in (tmp_path / "two").iterdir()} == {"result.json"}


def test_progress_counts_samples_over_all_runs():
    data = {"images": np.zeros((70, 1, 8, 8), np.float32), "labels": np.zeros(70, int)}
    told: list[tuple[int, int]] = []
    api.evaluate(
        "digits_cnn", data, sweep="device.sigma=0,0.1", seeds=2, layer_errors=True,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    # one pass in floating point, and for each of 3 runs one with all and one with each of the 4 layers
    total = 70 * (1 + 3 * 5)
    assert told == [(70 * number + part, total) for number in range(16) for part in (64, 70)]


LAYER_WORDS = ("--set", "adc.bits=5", "--layer-errors")


def test_layers_say_what_they_do_to_the_answer(archsim: Run, data: Path):
    found = document(archsim, "--data", data, *LAYER_WORDS)
    assert [layer["name"] for layer in found["layers"]] == ["conv1", "conv2", "fc1", "fc2"]
    first, *_ = found["layers"]
    assert 0 < first["own_error"] < 0.01
    assert all(layer["accumulated_error"] > 0 for layer in found["layers"])
    plain = document(archsim, "--data", data, "--set", "adc.bits=5")
    assert all(plain[key] == found[key] for key in FIGURES)
    assert {
        layer[key] for layer in plain["layers"] for key in ("own_error", "accumulated_error", "accuracy_alone")
    } == {None}
    table = archsim(*WORDS, "--data", data, *LAYER_WORDS).out
    lost = found["reference_accuracy"] - found["layers"][2]["accuracy_alone"]
    assert lost > 0.5
    assert f"{100 * lost:.1f} %" in table
    assert "lost by it alone" in table
    assert "lost by it alone" not in archsim(*WORDS, "--data", data.with_name("unlabelled.npz"), *LAYER_WORDS).out


def test_errors_of_layers_are_means_over_seeds(archsim: Run, data: Path):
    words = ("--data", data, "--set", "device.sigma=0.2", "--layer-errors")
    both = document(archsim, *words, "--seeds", "2")["layers"]
    runs = [document(archsim, *words, "--seed", seed)["layers"] for seed in (0, 1)]
    for layer, one, other in zip(both, *runs, strict=True):
        for key in ("own_error", "accumulated_error", "accuracy_alone"):
            assert layer[key] == pytest.approx((one[key] + other[key]) / 2)


def test_a_sweep_shows_the_layers_of_each_point_if_asked(archsim: Run, data: Path):
    words = (*WORDS, "--data", data, "--sweep", "adc.bits=5,8")
    assert "Matrix layers at adc.bits = 5" in archsim(*words, "--layer-errors").out
    assert "Matrix layers" not in archsim(*words).out


def test_a_point_is_the_run_of_its_design_in_the_values_room(archsim: Run, data: Path):
    from archsim.values import crossbar_spec

    swept = document(archsim, "--data", data, "--sweep", "adc.bits=6,7")
    with np.load(data) as arrays:
        images = arrays["images"]
    for point in swept["sweep"]["points"]:
        settings = ["precision.weight_bits=8", "precision.input_bits=8", f"adc.bits={point['value']}"]
        found = run_once(api.load("digits_cnn"), {"image": images}, crossbar_spec(load_design("isaac", settings)))
        assert point["mean_abs_error"] == found.mean_abs_error


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (
            ("--sweep", "adc.bits"),
            ["--sweep: got 'adc.bits', expected KEY=VALUE,VALUE,..., for example adc.bits=6,7,8"],
        ),
        (("--sweep", "adc.bits="), ["--sweep: got 'adc.bits=', expected KEY=VALUE"]),
        (("--sweep", "=1,2"), ["--sweep: got '=1,2', expected KEY=VALUE"]),
        (("--sweep", "adc.bits=5,,6"), ["--sweep: got 'adc.bits=5,,6', expected KEY=VALUE"]),
        (("--sweep", "adc.bits=5,6,5"), ["--sweep adc.bits: got 5 twice, expected each value once"]),
        (("--sweep", "device.sigma=0.1,0.10"), ["--sweep device.sigma: got 0.10 twice, expected each value once"]),
        (
            ("--sweep", "adc.bits=5", "--sweep", "adc.bits=6"),
            ["--sweep: got adc.bits=5 and adc.bits=6, expected one key to sweep"],
        ),
        (
            ("--sweep", "adc.bits=x,5,40", "--seeds", "0", "--seed", "-1"),
            [
                *("--seed: got -1, expected a whole number from 0 to 4294967295", "--seeds: got 0, expected a whole"),
                *("--sweep adc.bits: got 'x', expected a whole number", "--sweep adc.bits: got 40, expected less than"),
            ],
        ),
        (("--sweep", "adc.bist=5"), ["--sweep adc.bist: got unknown key 'bist', expected one of bits, "]),
        (("--sweep", "adc.bits=" + ",".join(map(str, range(1001)))), ["got 1001 values, expected at most 1000"]),
        (
            ("--mapping", "isaac:adc.bits=6", "--sweep", "adc.bits=5,6"),
            ["--sweep adc.bits: got adc.bits=6 behind the design, expected the key in one place"],
        ),
        (("--png", "a.png"), ["--png: got a.png, expected --sweep with it: the picture is of a sweep"]),
        (("--seeds", "10001"), ["--seeds: got 10001, expected a whole number from 1 to 10000"]),
    ],
)
def test_bad_words_are_told_all_at_once_before_anything_runs(
    archsim: Run, data: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], messages: list[str]
):
    monkeypatch.setattr("archsim.values.float_reference", None)
    monkeypatch.setattr("archsim.report.check_pictures", lambda _: None)
    ran = archsim(*WORDS, "--data", data, *words)
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert message in line


def test_a_picture_needs_matplotlib(archsim: Run, data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    ran = archsim(*WORDS, "--data", data, "--sweep", "adc.bits=5,6", "--png", "a.png")
    assert ran.code == 2
    assert "--png: expected matplotlib, which is not installed" in ran.err


def test_a_design_in_memory_cannot_be_swept():
    data = {"images": np.zeros((1, 1, 8, 8), np.float32)}
    with pytest.raises(InputError, match=r"--sweep adc.bits: got design isaac in memory, expected a design by name"):
        api.evaluate("digits_cnn", data, load_design("isaac"), sweep="adc.bits=5,6")

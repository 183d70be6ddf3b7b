"""Every message of the command line: one line per problem, all problems at once, no stack trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from archsim import api
from archsim.engine import StalledError
from archsim.report import Report
from tests.surface.conftest import Run


def test_a_misspelt_model_and_mapping_are_told_together_with_the_nearest_names(archsim: Run):
    ran = archsim("map", "resnet81", "--mapping", "isac")
    assert (ran.code, ran.out) == (2, "")
    first, second = ran.err.splitlines()
    assert first.startswith("error: MODEL: got 'resnet81', expected an ONNX file or one of alexnet, ")
    assert first.endswith("(did you mean 'resnet18'?)")
    assert second.startswith("error: --mapping: got 'isac', expected a YAML file or one of ")
    assert second.endswith("(did you mean 'isaac'?)")


def test_a_misspelt_data_set_names_the_nearest(archsim: Run):
    ran = archsim("evaluate", "digits_cnn", "--data", "digits_tset")
    assert ran.code == 2
    assert ran.err == (
        "error: --data: got 'digits_tset', expected a .npz file or one of digits_test (did you mean 'digits_test'?)\n"
    )


def test_problems_of_the_answer_file_come_with_those_of_the_model(archsim: Run, tmp_path: Path):
    ran = archsim("inspect", "lenet6", "--json", tmp_path)
    assert ran.code == 2
    assert [line.split(":")[1] for line in ran.err.splitlines()] == [" --json", " MODEL"]


@pytest.mark.parametrize("text", ["image", "image=", "=1,2", "image=1,x", "image=1,,2", "1,2"])
def test_a_shape_must_be_a_name_and_sizes(archsim: Run, text: str):
    ran = archsim("inspect", "lenet5", "--shape", text)
    assert ran.code == 2
    assert ran.err == f"error: --shape: got {text!r}, expected NAME=D,D,..., for example image=1,3,224,224\n"


@pytest.mark.parametrize("text", ["isaac:", "isaac:adc.bits", "isaac:adc.bits=8,copies"])
def test_settings_behind_a_mapping_are_keys_and_values(archsim: Run, text: str):
    ran = archsim("map", "lenet5", "--mapping", text)
    assert ran.code == 2
    assert ran.err == f"error: --mapping: got {text!r}, expected NAME:KEY=VALUE,... after the colon\n"


def test_an_unknown_setting_is_refused_with_the_nearest_key(archsim: Run):
    ran = archsim("map", "lenet5", "--set", "adc.bit=8")
    assert ran.code == 2
    assert "did you mean 'bits'?" in ran.err


def test_names_that_no_registry_knows_are_told_with_all_other_problems(archsim: Run):
    words = ("copies.policy=optimum", "copies.assignment=stripes", "array.sign=ofset", "tiling.split=diagonal")
    words += ("schedule.kind=pipelines", "noc.model=idea")
    ran = archsim("map", "lenet6", "--mapping", "isaac:" + ",".join(words))
    assert ran.code == 2
    lines = ran.err.splitlines()
    assert [line.removeprefix("error: ").split(":")[0] for line in lines] == [
        *("MODEL", "copies.policy", "copies.assignment", "tiling.split", "schedule.kind"),
        *("noc.model", "array.sign"),
    ]
    assert "(did you mean 'optimal'?)" in lines[1]
    assert "(did you mean 'pipelined'?)" in lines[4]
    assert "(did you mean 'ideal'?)" in lines[5]
    assert "(did you mean 'offset'?)" in lines[6]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--input", "x.npz", "--no-values"), "error: --input: got x.npz, expected no --no-values with it\n"),
        (
            ("--input", "x.npz", "--seed", "3"),
            "error: --seed: got 3, expected --values, and no --input: the seed draws the data\n",
        ),
        (("--seed", "3"), "error: --seed: got 3, expected --values, and no --input: the seed draws the data\n"),
    ],
)
def test_options_that_would_do_nothing_are_refused(archsim: Run, words: tuple[str, ...], message: str):
    ran = archsim("simulate", "digits_cnn", *words)
    assert (ran.code, ran.err) == (2, message)


def test_values_cannot_be_drawn_for_inputs_that_are_not_floating_point(archsim: Run, tmp_path: Path):
    path = tmp_path / "integers.onnx"
    onnx.save(_integer_model(), path)
    with pytest.raises(ValueError, match=r"--values: input 'x': got int64, expected --input FILE\.npz"):
        api.drawn_inputs(api.load(path), 1, 0)


def _integer_model() -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.INT64, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, [1, 4])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


@pytest.mark.parametrize(
    "words",
    [
        ("simulate",),
        ("simulat", "lenet5"),
        ("map", "lenet5", "--format", "xml"),
        ("simulate", "lenet5", "--images", "many"),
        ("inspect", "lenet5", "--nonsense"),
    ],
)
def test_words_that_are_no_command_line_end_with_2(archsim: Run, words: tuple[str, ...]):
    ran = archsim(*words)
    assert (ran.code, ran.out) == (2, "")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("words", [("simulate",), ("simulate", "--values"), ("compare",)])
@pytest.mark.parametrize("images", [0, -3, 100_001])
def test_a_number_of_images_out_of_range_is_refused(archsim: Run, words: tuple[str, ...], images: int):
    ran = archsim(*words, "digits_cnn", "--images", images)
    assert (ran.code, ran.err) == (2, f"error: --images: got {images}, expected a number from 1 to 100000\n")


def test_two_designs_for_a_verb_that_takes_one_point_to_compare(archsim: Run):
    for words in (("map",), ("simulate",), ("evaluate", "--data", "digits_test")):
        ran = archsim(*words, "digits_cn", "--mapping", "isaac", "--mapping", "isaac:adc.bits=7")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.splitlines()[-1] == (
            "error: --mapping: got isaac and isaac:adc.bits=7, expected one design; `archsim compare` takes several"
        )


def test_a_bug_is_told_in_one_line(archsim: Run, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of\nzero")

    monkeypatch.setattr(api, "inspect", broken)
    monkeypatch.delenv("ARCHSIM_TRACEBACK", raising=False)
    ran = archsim("inspect", "lenet5")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "this is a bug in archsim, please report it (ARCHSIM_TRACEBACK=1 shows where): ZeroDivisionError: of zero\n"
    )
    monkeypatch.setenv("ARCHSIM_TRACEBACK", "1")
    assert "Traceback" in archsim("inspect", "lenet5").err


def test_a_run_that_cannot_finish_ends_with_1_and_the_chain_of_waiting_units(archsim: Run, monkeypatch):
    def stalled(*_: object, **__: object) -> None:
        raise StalledError("the simulation cannot proceed; the chain of waiting units:\n  conv1 copy 0")

    monkeypatch.setattr(api, "simulate", stalled)
    ran = archsim("simulate", "lenet5")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "error: the simulation cannot proceed; the chain of waiting units:\n  conv1 copy 0\n"


def test_a_reader_that_leaves_early_is_no_bug():
    command = f"{sys.executable} -m archsim inspect resnet50 --json - | head -n 1"
    unbuffered = {**os.environ, "PYTHONUNBUFFERED": "1"}
    ran = subprocess.run(command, shell=True, check=False, capture_output=True, text=True, env=unbuffered)
    assert ran.stdout == "{\n"
    assert ran.stderr == ""


def _ended(words: str) -> tuple[int, str]:
    """Exit code and stderr of a command in a shell."""
    ran = subprocess.run(
        f"exec {sys.executable} -m archsim {words}", shell=True, check=False, capture_output=True, text=True
    )
    return ran.returncode, ran.stderr


@pytest.mark.parametrize("words", ["inspect lenet5", "--version", "map --help"])
def test_a_full_disk_behind_stdout_is_told_in_one_line(words: str):
    assert _ended(f"{words} > /dev/full") == (1, "error: stdout cannot be written (No space left on device)\n")


def test_without_stdout_nothing_is_run(tmp_path: Path):
    answer = tmp_path / "answer.json"
    assert _ended(f"inspect lenet5 --json {answer} >&-") == (
        *(1, "error: stdout cannot be written (Bad file descriptor)\n"),
    )
    assert not answer.exists()


def test_without_stderr_exit_codes_stay():
    assert _ended("inspect lenet6 2>&-")[0] == 2
    assert _ended("simulate digits_cnn 2>&-")[0] == 0


def test_ctrl_c_ends_with_130_and_says_that_nothing_is_written(tmp_path: Path):
    command = [sys.executable, "-m", "archsim", "simulate", "vgg16", "--images", "1000", "--out", tmp_path / "out"]
    with subprocess.Popen([*command, "--trace", tmp_path / "t"], stderr=subprocess.PIPE, text=True) as running:
        time.sleep(2)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate()
    assert (running.returncode, said) == (130, "interrupted, nothing written\n")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_printing_says_that_the_files_are_written(archsim: Run, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(Report, "render", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    ran = archsim("inspect", "lenet5", "--json", tmp_path / "answer.json")
    assert (ran.code, ran.err) == (130, "interrupted, the files are written\n")
    assert (tmp_path / "answer.json").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_file_that_vanishes_is_not_taken_for_stdout(archsim: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(api, "inspect", lambda _: Path("/no/such/file").read_bytes())
    ran = archsim("inspect", "lenet5")
    assert ran.code == 1
    assert ran.err.startswith("this is a bug in archsim")


def test_long_names_are_names_not_crashes(archsim: Run):
    settings = ",".join(["1"] * 300)
    ran = archsim("map", "lenet5", "--mapping", f"isaac:copies.explicit=[{settings}]")
    assert ran.code == 2
    assert "at most 5, one a matrix layer" in ran.err
    assert "got '" in archsim("inspect", "x" * 300).err


def test_nothing_is_printed_or_written_when_a_model_is_bad(archsim: Run, tmp_path: Path):
    (tmp_path / "kept.json").write_text("old")
    ran = archsim("inspect", "lenet6", "--json", tmp_path / "kept.json", "--out", tmp_path / "new")
    assert (ran.code, ran.out) == (2, "")
    assert (tmp_path / "kept.json").read_text() == "old"
    assert not (tmp_path / "new").exists()


def test_python_raises_one_error_with_all_problems():
    with pytest.raises(ValueError, match="MODEL") as caught:
        api.compare("lenet6", ["isac", "isaac:adc.bit=1"])
    assert len(caught.value.problems) == 3


def test_json_of_an_error_is_not_half_printed(archsim: Run):
    ran = archsim("map", "vgg16", "--set", "chips=1", "--json", "-")
    assert (ran.code, ran.out) == (2, "")
    assert "what would make it fit" in ran.err
    assert json.loads(archsim("map", "lenet5", "--json", "-").out)


@pytest.mark.parametrize("verb", ["map", "simulate"])
def test_cells_that_cannot_be_are_refused_whether_numbers_are_computed_or_not(archsim: Run, verb: str):
    ran = archsim(verb, "digits_cnn", "--set", "device.sigma=50")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: design isaac: device.sigma: got 50.0, expected a number from 0 up to 10\n"


def test_a_name_too_long_for_a_file_is_a_file_that_is_not_there(archsim: Run):
    ran = archsim("map", "digits_cnn", "--set", f"device.name={'x' * 300}.yaml")
    assert ran.code == 2
    assert "expected a YAML file that exists" in ran.err


def test_a_setting_without_a_value_is_refused(archsim: Run):
    ran = archsim("map", "digits_cnn", "--set", "device.sigma=")
    assert (ran.code, ran.err) == (2, "error: --set device.sigma: got nothing, expected a YAML value, null for none\n")

"""Finished runs of `archsim evaluate` in a file: a run that was stopped goes on, and nothing is computed twice."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from archsim import api
from archsim import values as archsim_values
from archsim.errors import InputError
from archsim.hardware import data_folder
from tests.surface.conftest import Run

SWEEP = ("--sweep", "device.sigma=0,0.1", "--seeds", "2")
HEADER = '{"schema": "archsim.evaluation_runs/1"}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model and 40 digits."""
    shutil.copy(data_folder("models") / "digits_cnn.onnx", tmp_path / "net.onnx")
    with np.load(data_folder("models") / "digits_test.npz") as arrays:
        np.savez(tmp_path / "few.npz", images=arrays["images"][:40], labels=arrays["labels"][:40])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(*more: str) -> tuple[str, ...]:
    return ("evaluate", "net.onnx", "--data", "few.npz", "--resume", "runs", *more, "--json", "-")


def lines_of(folder: Path) -> list[str]:
    return (folder / "runs").read_text().splitlines(keepends=True)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is computed from now on."""
    found: list[str] = []
    for name in ("float_reference", "evaluate_crossbars"):
        function = getattr(archsim_values, name)

        def call(*arguments, name=name, function=function, **options):
            found.append(name)
            return function(*arguments, **options)

        monkeypatch.setattr(archsim_values, name, call)
    return found


def test_a_run_from_its_file_is_the_run(archsim: Run, folder: Path, computed: list[str]):
    first = archsim(*words(*SWEEP, "--layer-errors"))
    assert first.code == 0
    assert computed == ["float_reference", *["evaluate_crossbars"] * 3]
    file = lines_of(folder)
    assert (file[0], len(file)) == (HEADER, 4)
    again = archsim(*words(*SWEEP, "--layer-errors"))
    assert again == first
    assert len(computed) == 4, "nothing was computed again, not even floating point"
    assert lines_of(folder) == file
    without = archsim(*(word for word in words(*SWEEP, "--layer-errors") if word not in {"--resume", "runs"}))
    assert without == first


def test_only_what_is_missing_is_computed(archsim: Run, folder: Path, computed: list[str]):
    archsim(*words("--sweep", "device.sigma=0.1", "--seeds", "1"))
    computed.clear()
    whole = archsim(*words("--sweep", "device.sigma=0.1,0.2", "--seeds", "2"))
    assert computed == ["float_reference", *["evaluate_crossbars"] * 3]
    (folder / "runs").unlink()
    assert archsim(*words("--sweep", "device.sigma=0.1,0.2", "--seeds", "2")) == whole


def test_a_run_without_random_devices_counts_for_every_seed(archsim: Run, folder: Path, computed: list[str]):
    archsim(*words())
    archsim(*words("--seed", "7"))
    assert computed == ["float_reference", "evaluate_crossbars"]


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_half_written_line_is_computed_again(archsim: Run, folder: Path, computed: list[str], cut: int):
    first = archsim(*words(*SWEEP))
    file = (folder / "runs").read_bytes()
    (folder / "runs").write_bytes(file[:-cut])
    computed.clear()
    assert archsim(*words(*SWEEP)) == first
    assert computed == ["float_reference", "evaluate_crossbars"]
    assert (folder / "runs").read_bytes() == file


@pytest.mark.parametrize("content", ["", HEADER[:10], HEADER])
def test_a_file_that_has_just_begun_is_gone_on_with(archsim: Run, folder: Path, content: str):
    (folder / "runs").write_text(content)
    assert archsim(*words()).code == 0
    assert lines_of(folder)[0] == HEADER
    assert len(lines_of(folder)) == 2


def test_ctrl_c_loses_the_run_under_way_alone(archsim: Run, folder: Path):
    command = [sys.executable, "-m", "archsim", *words("--set", "device.sigma=0.1", "--seeds", "5000")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 60
        while not (folder / "runs").exists() or (folder / "runs").read_text().count("\n") < 2:
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate()
    assert (running.returncode, out, err) == (130, "", "interrupted, finished runs are in runs\n")
    finished = len(lines_of(folder)) - 1
    assert finished >= 1
    resumed = archsim(*words("--set", "device.sigma=0.1", "--seeds", str(finished + 1)))
    assert len(lines_of(folder)) == finished + 2
    (folder / "runs").unlink()
    assert archsim(*words("--set", "device.sigma=0.1", "--seeds", str(finished + 1))) == resumed


def test_a_failure_leaves_the_runs_before_it(archsim: Run, folder: Path, monkeypatch: pytest.MonkeyPatch):
    function, calls = archsim_values.evaluate_crossbars, []

    def call(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise MemoryError
        return function(*arguments, **options)

    monkeypatch.setattr(archsim_values, "evaluate_crossbars", call)
    assert archsim(*words(*SWEEP)).code == 1
    assert len(lines_of(folder)) == 2
    assert archsim(*words(*SWEEP)).code == 0
    assert len(calls) == 4, "two runs were left"


def _other_weights(folder: Path) -> None:
    model = onnx.load(folder / "net.onnx")
    model.graph.initializer[0].raw_data = bytes(len(model.graph.initializer[0].raw_data))
    onnx.save(model, folder / "net.onnx")


def _other_image(folder: Path) -> None:
    with np.load(folder / "few.npz") as arrays:
        np.savez(folder / "few.npz", images=arrays["images"][::-1], labels=arrays["labels"])


def _other_labels(folder: Path) -> None:
    with np.load(folder / "few.npz") as arrays:
        np.savez(folder / "few.npz", images=arrays["images"], labels=arrays["labels"][::-1])


def _no_labels(folder: Path) -> None:
    with np.load(folder / "few.npz") as arrays:
        np.savez(folder / "few.npz", images=arrays["images"])


@pytest.mark.parametrize("change", [_other_weights, _other_image, _other_labels, _no_labels])
def test_another_model_or_other_data_are_computed(archsim: Run, folder: Path, computed: list[str], change):
    archsim(*words())
    change(folder)
    computed.clear()
    changed = archsim(*words())
    assert computed == ["float_reference", "evaluate_crossbars"]
    (folder / "runs").unlink()
    assert archsim(*words()) == changed


@pytest.mark.parametrize(
    "more",
    [("--set", "adc.bits=6"), ("--mapping", "prime"), ("--set", "device.sigma=0.1"), ("--layer-errors",)],
    ids=lambda more: more[-1],
)
def test_another_design_or_question_is_computed(archsim: Run, folder: Path, computed: list[str], more):
    archsim(*words("--set", "precision.weight_bits=8", "--set", "precision.input_bits=8"))
    computed.clear()
    archsim(*words("--set", "precision.weight_bits=8", "--set", "precision.input_bits=8", *more))
    assert computed == ["float_reference", "evaluate_crossbars"]


def test_external_data_are_part_of_the_model(archsim: Run, folder: Path, computed: list[str]):
    model = onnx.load(folder / "net.onnx")
    onnx.save(model, folder / "net.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    archsim(*words())
    numbers = bytearray((folder / "weights.bin").read_bytes())
    numbers[:4] = np.float32(0.25).tobytes()
    (folder / "weights.bin").write_bytes(numbers)
    computed.clear()
    archsim(*words())
    assert computed == ["float_reference", "evaluate_crossbars"]


def test_another_version_is_computed(archsim: Run, folder: Path, computed: list[str], monkeypatch: pytest.MonkeyPatch):
    archsim(*words())
    computed.clear()
    monkeypatch.setattr("archsim.__version__", "0.0.0")
    archsim(*words())
    assert computed == ["float_reference", "evaluate_crossbars"]


NEEDED = "expected a file that --resume made, undamaged, or one that is not there yet"
KEY = json.dumps({"key": "a", "samples": 1, "reference_accuracy": None, "run": {}})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("shopping list", f"runs, line 1: got 'shopping list', {NEEDED}"),
        ("\n", f"runs, line 1: got '', {NEEDED}"),
        (HEADER.replace("/1", "/2") + KEY + "\n", "runs, line 1: got '{"),
        (HEADER + "not JSON\n", f"runs, line 2: got 'not JSON', {NEEDED}"),
        (HEADER + KEY + "\n", "runs, line 2: got '{"),
        (HEADER + "\n", f"runs, line 2: got '', {NEEDED}"),
        (HEADER + "{}\n" + HEADER, "runs, line 2: got '{}'"),
    ],
)
def test_a_damaged_or_foreign_file_is_an_error_and_stays(archsim: Run, folder: Path, content: str, message: str):
    (folder / "runs").write_text(content)
    ran = archsim(*words())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: --resume: {message}")
    assert ran.err.count("\n") == 1
    assert (folder / "runs").read_text() == content


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("net.onnx", "got net.onnx, expected another file than the model, which the run reads"),
        ("few.npz", "got few.npz, expected another file than the data, which the run reads"),
        ("mine.yaml", "got mine.yaml, expected another file than the design, which the run reads"),
        ("nowhere/runs", "got nowhere/runs, expected a file that can be written (there is no folder"),
        ("/dev/null", "got /dev/null, expected a plain file"),
        (".", "got ., expected a file that can be written (it is a folder)"),
    ],
)
def test_the_file_must_be_one_of_its_own(archsim: Run, folder: Path, file: str, message: str):
    shutil.copy(data_folder("mappings") / "isaac.yaml", folder / "mine.yaml")
    before = (folder / "net.onnx").read_bytes(), (folder / "few.npz").read_bytes()
    ran = archsim("evaluate", "net.onnx", "--data", "few.npz", "--mapping", "mine.yaml", "--resume", file)
    assert (ran.code, ran.out) == (2, "")
    assert f"error: --resume: {message}" in ran.err
    assert before == ((folder / "net.onnx").read_bytes(), (folder / "few.npz").read_bytes())


def test_the_answer_does_not_go_where_runs_are_kept(archsim: Run, folder: Path):
    ran = archsim("evaluate", "net.onnx", "--data", "few.npz", "--resume", "same", "--json", "same")
    assert ran.code == 2
    assert "--json: got same, expected another file than --resume writes" in ran.err


def test_a_file_that_can_no_longer_be_read_or_written_is_told(
    archsim: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        with pytest.raises(InputError, match=r"--resume: runs: expected a file that can be written .Permission denied"):
            _runs(folder).add(_finished())
    (folder / "runs").write_text(HEADER)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputError, match=r"--resume: runs: expected a readable file .Permission denied"):
        _runs(folder)


def _runs(folder: Path):
    from archsim.resuming import RunFile

    assert Path.cwd() == folder
    return RunFile(Path("runs"))


def _finished():
    from archsim.report import EvaluatedRun
    from archsim.resuming import FinishedRun

    run = EvaluatedRun(seed=None, accuracy=None, max_abs_error=0.5, mean_abs_error=0.25, layers=())
    return FinishedRun("key", 1, None, run)


def test_a_network_in_memory_has_no_file_to_know_it_by(folder: Path):
    with pytest.raises(InputError, match="--resume: got a network in memory, expected a model by its file, or by its"):
        api.evaluate(api.load("digits_cnn"), folder / "few.npz", resume=folder / "runs")
    assert not (folder / "runs").exists()


def test_a_folder_of_its_own_runs_from_python_too(folder: Path, computed: list[str]):
    first, again = (api.evaluate("digits_cnn", folder / "few.npz", resume=folder / "runs") for _ in range(2))
    assert first.to_json() == again.to_json()
    assert computed == ["float_reference", "evaluate_crossbars"]


def test_two_commands_at_once_do_not_damage_each_other_s_file(folder: Path):
    one, other = _runs(folder), _runs(folder)
    one.add(_finished())
    before = Path("runs").read_bytes()
    with pytest.raises(InputError, match=r"--resume: runs: expected no other command that writes to it"):
        other.add(_finished())
    assert Path("runs").read_bytes() == before
    assert _runs(folder).find(_finished().key) == _finished()

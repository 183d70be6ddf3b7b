"""No answer is ever written over what the command reads."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from archsim.hardware import data_folder
from tests.surface.conftest import Run

MODELS, MAPPINGS = data_folder("models"), data_folder("mappings")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(MODELS / "digits_cnn.onnx", tmp_path / "net.onnx")
    shutil.copy(MODELS / "digits_test.npz", tmp_path / "outputs.npz")
    shutil.copy(MAPPINGS / "isaac.yaml", tmp_path / "mine.yaml")
    shutil.copy(MAPPINGS / "devices" / "rram.yaml", tmp_path / "cells.yaml")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "mine.yaml")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "option", "target", "read"),
    [
        (("inspect", "net.onnx", "--json", "net.onnx"), "--json", "net.onnx", "the model"),
        (("map", "net.onnx", "--mapping", "mine.yaml", "--json", "link.yaml"), "--json", "link.yaml", "the design"),
        (
            ("compare", "net.onnx", "--mapping", "./mine.yaml:adc.bits=8", "--json", "mine.yaml"),
            *("--json", "mine.yaml", "the design"),
        ),
        (("simulate", "net.onnx", "--trace", "../{}/net.onnx"), "--trace", "../{}/net.onnx", "the model"),
        (("simulate", "net.onnx", "--input", "outputs.npz", "--out", "."), "--out", "outputs.npz", "the data"),
        (("evaluate", "net.onnx", "--data", "outputs.npz", "--out", "."), "--out", "outputs.npz", "the data"),
        (
            ("simulate", "net.onnx", "--set", "device.name=cells.yaml", "--json", "cells.yaml"),
            *("--json", "cells.yaml", "the device"),
        ),
        (
            ("map", "net.onnx", "--mapping", "isaac:device.name=cells.yaml", "--json", "cells.yaml"),
            *("--json", "cells.yaml", "the device"),
        ),
        (
            (
                "evaluate",
                "net.onnx",
                "--data",
                "outputs.npz",
                "--sweep=device.name=pcm,cells.yaml",
                "--json=cells.yaml",
            ),
            *("--json", "cells.yaml", "the device"),
        ),
    ],
)
def test_a_file_that_is_read_is_not_written(
    archsim: Run, folder: Path, monkeypatch, words: tuple[str, ...], option: str, target: str, read: str
):
    monkeypatch.chdir(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    ran = archsim(*(word.format(folder.name) for word in words))
    target = target.format(folder.name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: {option}: got {target}, expected another file than {read}, which the run reads\n"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_shipped_model_is_not_written(archsim: Run):
    ran = archsim("inspect", "digits_cnn", "--json", MODELS / "digits_cnn.onnx")
    assert ran.code == 2
    assert "expected another file than the model" in ran.err


def test_external_data_of_the_model_is_not_written(archsim: Run, folder: Path):
    model = onnx.load(folder / "net.onnx")
    onnx.save(model, folder / "net.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    before = (folder / "weights.bin").read_bytes()
    ran = archsim("inspect", folder / "net.onnx", "--json", folder / "weights.bin")
    assert ran.code == 2
    assert "expected another file than the model's external data, which the run reads" in ran.err
    assert (folder / "weights.bin").read_bytes() == before


def test_external_data_inside_a_branch_is_not_written(archsim: Run, folder: Path):
    weights = np.eye(4, dtype=np.float32)
    stored = onnx.numpy_helper.from_array(weights, "w")
    (folder / "inner.bin").write_bytes(stored.raw_data)
    stored.ClearField("raw_data")
    stored.data_location = onnx.TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="inner.bin")
    onnx.save(_branching(stored, onnx.numpy_helper.from_array(weights, "v")), folder / "branching.onnx")
    ran = archsim("inspect", folder / "branching.onnx", "--json", folder / "inner.bin")
    assert ran.code == 2
    assert "expected another file than the model's external data, which the run reads" in ran.err
    assert (folder / "inner.bin").read_bytes() == weights.tobytes()


def _branching(*stored: onnx.TensorProto) -> onnx.ModelProto:
    """y = x @ the first matrix, within the branch of an If that is always taken; the other takes the second."""
    helper, tensor = onnx.helper, onnx.TensorProto
    branches = [
        helper.make_graph(
            [helper.make_node("MatMul", ["x", one.name], [f"o {one.name}"], f"mm {one.name}")],
            *(one.name, [], [helper.make_tensor_value_info(f"o {one.name}", tensor.FLOAT, [1, 4])], [one]),
        )
        for one in stored
    ]
    choice = helper.make_node("If", ["c"], ["y"], "if", then_branch=branches[0], else_branch=branches[1])
    ends = [helper.make_tensor_value_info(name, tensor.FLOAT, [1, 4]) for name in ("x", "y")]
    condition = onnx.numpy_helper.from_array(np.array(True), "c")
    graph = helper.make_graph([choice], "net", ends[:1], ends[1:], [condition])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_other_files_beside_the_model_are_replaced(archsim: Run, folder: Path):
    for _ in range(2):
        assert archsim("inspect", folder / "net.onnx", "--json", folder / "answer.json").code == 0
    assert np.load(folder / "outputs.npz")["labels"].size == 450

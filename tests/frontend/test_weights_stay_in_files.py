"""A timing run takes shapes alone: the weights of a large model are never read, and importing one is quick."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import external_data_helper, helper, numpy_helper

import archsim
from archsim import frontend
from tests.frontend.models import LIGHT, model

MODELS = Path(__file__).parents[2] / "models"

SIDE = 8192
LAYERS = 2
BYTES = SIDE * SIDE * 4 * LAYERS
"""537 million."""


def large_model(folder: Path) -> Path:
    """Two fully connected layers of 8192 x 8192 weights, in a sparse file beside the model."""
    nodes = [helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"], f"fc{i}") for i in range(LAYERS)]
    proto = model(nodes, {"x0": (1, SIDE)}, (f"x{LAYERS}",))
    for number in range(LAYERS):
        tensor = numpy_helper.from_array(np.zeros((1, 1), np.float32), f"w{number}")
        tensor.dims[:] = [SIDE, SIDE]
        tensor.raw_data = b""
        external_data_helper.set_external_data(
            tensor, "weights.bin", offset=number * BYTES // LAYERS, length=BYTES // LAYERS
        )
        tensor.ClearField("raw_data")
        proto.graph.initializer.append(tensor)
    with (folder / "weights.bin").open("wb") as file:
        file.truncate(BYTES)
    onnx.save(proto, folder / "large.onnx")
    return folder / "large.onnx"


SCRIPT = """
import json, sys, tracemalloc
import archsim
tracemalloc.start()
result = archsim.simulate(archsim.load(sys.argv[1]), "isaac")
print(json.dumps([result.model.parameters, all(result.checks.values()), tracemalloc.get_traced_memory()[1]]))
"""


def test_a_timing_run_of_500_megabytes_of_weights_reads_none_of_them(tmp_path: Path) -> None:
    path = large_model(tmp_path)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run([sys.executable, "-c", SCRIPT, path], check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    parameters, checks, allocated = json.loads(ran.stdout)
    assert BYTES > 500e6
    assert (parameters, checks) == (LAYERS * SIDE * SIDE, True)
    assert allocated < 200e6, "less than one layer has of weights"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 20


def test_a_timing_run_opens_no_file_of_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("weights were read")

    monkeypatch.setattr(np, "fromfile", refuse)
    graph = frontend.load(large_model(tmp_path))
    assert archsim.simulate(graph, "isaac").model.macs == LAYERS * SIDE * SIDE
    with pytest.raises(AssertionError, match="weights were read"):
        graph.matrix_layers[0].weights.load()


@pytest.mark.parametrize(
    "path", [LIGHT / "light_densenet121.onnx", MODELS / "resnet50.onnx"], ids=lambda path: path.stem
)
def test_importing_a_large_network_takes_less_than_two_seconds(path: Path) -> None:
    frontend.load(LIGHT / "light_squeezenet.onnx")
    started = time.process_time()
    frontend.load(path)
    assert time.process_time() - started < 2

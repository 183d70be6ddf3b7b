"""The models that ship as shapes alone: sizes against published ones, files against the script."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from archsim.frontend import load
from models import build_models
from tests.oracle.network import read_network

FOLDER = Path(__file__).parents[2] / "models"

# parameters as torchvision publishes them, of which biases of convolutions without BatchNormalization and of
# fully connected layers, of which scales and shifts of BatchNormalization; multiply-accumulates in 1e9
TORCHVISION = {
    "alexnet": (61_100_840, 10_344, 0, 0.714),
    "vgg16": (138_357_544, 13_416, 0, 15.470),
    "resnet18": (11_689_512, 1_000, 9_600, 1.814),
    "resnet50": (25_557_032, 1_000, 53_120, 4.089),
    "mobilenet_v2": (3_504_872, 1_000, 34_112, 0.301),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_sizes_are_those_that_torchvision_publishes(name: str) -> None:
    total, biases, normalization, giga_macs = TORCHVISION[name]
    matrices = [node.matrix for node in read_network(FOLDER / f"{name}.onnx").matrix_nodes if node.matrix]
    assert sum(matrix.parameters for matrix in matrices) == total - biases - normalization
    assert sum(matrix.macs for matrix in matrices) / 1e9 == pytest.approx(giga_macs, abs=0.0005)


@pytest.mark.parametrize("name", TORCHVISION)
def test_every_output_has_one_bias(name: str) -> None:
    """Half of a BatchNormalization's parameters, its shifts, are the biases of the folded convolution."""
    _, biases, normalization, _ = TORCHVISION[name]
    matrices = [node.matrix for node in read_network(FOLDER / f"{name}.onnx").matrix_nodes if node.matrix]
    assert sum(matrix.outputs for matrix in matrices) == biases + normalization // 2


def test_lenet5_has_61706_parameters_with_its_biases() -> None:
    matrices = [node.matrix for node in read_network(FOLDER / "lenet5.onnx").matrix_nodes if node.matrix]
    assert [(matrix.rows, matrix.outputs, matrix.windows) for matrix in matrices] == [
        (25, 6, 784),
        (150, 16, 100),
        (400, 120, 1),
        (120, 84, 1),
        (84, 10, 1),
    ]
    assert sum(matrix.parameters + matrix.outputs for matrix in matrices) == 61_706


IMAGES = [name for name in build_models.MODELS if name != "lstm_ptb"]


@pytest.mark.parametrize("name", IMAGES)
def test_the_sizes_that_the_script_prints_are_those_of_the_file(name: str) -> None:
    built = build_models.MODELS[name]()
    matrices = [node.matrix for node in read_network(FOLDER / f"{name}.onnx").matrix_nodes if node.matrix]
    assert built.macs == sum(matrix.macs for matrix in matrices)
    assert built.parameters == sum(matrix.parameters for matrix in matrices)


@pytest.mark.parametrize("name", build_models.MODELS)
def test_a_file_is_a_small_valid_model_of_fixed_shape_without_stored_weights(name: str) -> None:
    path = FOLDER / f"{name}.onnx"
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    network = read_network(path)
    assert path.stat().st_size < 32_000
    (source,) = network.inputs
    shapes = {"lenet5": ("image", (1, 1, 28, 28)), "lstm_ptb": ("embeddings", (35, 1, 650))}
    assert (source, network.shapes[source]) == shapes.get(name, ("image", (1, 3, 224, 224)))
    assert network.outputs == ("logits",)
    assert (model.ir_version, model.opset_import[0].version) == (8, 17)
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)


@pytest.mark.parametrize(("name", "classes"), [("lenet5", 10), ("resnet18", 1000)])
def test_onnxruntime_runs_the_model(name: str, classes: int) -> None:
    session = onnxruntime.InferenceSession(FOLDER / f"{name}.onnx", providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    (logits,) = session.run(["logits"], {"image": np.ones(shape, np.float32)})
    assert logits.shape == (1, classes)
    assert not logits.any()


def test_lstm_ptb_has_the_parameters_of_the_medium_model() -> None:
    """Zaremba et al.: 650 units, 10,000 words. A layer has 4 x (650 x 650 + 650 x 650) weights, and the softmax
    650 x 10,000; each of 35 steps uses every weight once."""
    built = build_models.lstm_ptb()
    lstm, words = 4 * 2 * 650 * 650, 650 * 10_000
    assert (built.parameters, built.macs) == (2 * lstm + words, 35 * (2 * lstm + words))
    graph = load(FOLDER / "lstm_ptb.onnx")
    assert (graph.parameters, graph.macs) == (built.parameters, built.macs)
    assert [(layer.op, layer.rows, layer.outputs, layer.windows) for layer in graph.matrix_layers] == [
        ("LSTM", 1300, 2600, 35),
        ("LSTM", 1300, 2600, 35),
        ("Gemm", 650, 10_000, 35),
    ]


def test_onnxruntime_runs_lstm_ptb() -> None:
    session = onnxruntime.InferenceSession(FOLDER / "lstm_ptb.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"embeddings": np.ones((35, 1, 650), np.float32)})
    assert logits.shape == (35, 10_000)


def test_resnet18_lists_four_convolutions_and_one_downsample_per_later_stage() -> None:
    names = [node.name for node in read_network(FOLDER / "resnet18.onnx").matrix_nodes]
    assert [name for name in names if name.startswith("layer2")] == [
        "layer2.0.conv1",
        "layer2.0.conv2",
        "layer2.0.downsample",
        "layer2.1.conv1",
        "layer2.1.conv2",
    ]
    assert [sum(name.startswith(f"layer{stage}") for name in names) for stage in (1, 2, 3, 4)] == [4, 5, 5, 5]


def test_the_files_that_ship_are_what_the_script_builds(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_models.main(["--check"], FOLDER) == 0
    output = capsys.readouterr()
    assert "vgg16           15,470,264,320 MACs   138,344,128 parameters" in output.out
    assert output.err == ""


def test_check_names_a_file_that_differs_or_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_models.main([], tmp_path) == 0
    assert build_models.main(["--check"], tmp_path) == 0
    (tmp_path / "vgg16.onnx").unlink()
    (tmp_path / "alexnet.onnx").write_bytes(b"")
    assert build_models.main(["--check"], tmp_path) == 1
    errors = capsys.readouterr().err
    assert errors == "".join(
        f"{tmp_path / name}.onnx: differs from what build_models.py builds\n" for name in ("alexnet", "vgg16")
    )

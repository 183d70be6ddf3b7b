"""Weights are read when asked for, external data stays inside the model's folder, random weights are reproducible."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper

from archsim import frontend
from archsim.errors import InputError
from archsim.frontend.random_weights import normal_draws
from tests.frontend.evaluate import evaluate
from tests.frontend.models import LIGHT, model, numbers

node = helper.make_node


def test_loading_vgg19_allocates_none_of_its_575_megabytes() -> None:
    frontend.load(LIGHT / "light_squeezenet.onnx")
    tracemalloc.start()
    graph = frontend.load(LIGHT / "light_vgg19.onnx")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert graph.parameters == 143_652_544
    assert peak < 2e6
    assert all(layer.weights.placeholder for layer in graph.matrix_layers)


def test_placeholder_is_what_is_computed_from_placeholders_only() -> None:
    nodes = [
        node("ConstantOfShape", ["shape"], ["zeros"]),
        node("Unsqueeze", ["zeros", "axes"], ["w"]),
        node("Add", ["w", "real"], ["v"]),
        node("MatMul", ["x", "w"], ["a"]),
        node("MatMul", ["a", "v"], ["y"]),
    ]
    constants = {"shape": np.int64([1]), "axes": np.int64([0]), "real": numbers(1, 1)}
    graph = frontend.from_model(model(nodes, {"x": (2, 1)}, constants=constants), source="m", base_dir=None)
    first, second = graph.matrix_layers
    assert first.weights.placeholder
    assert first.weights.key == "zeros"
    assert not second.weights.placeholder
    np.testing.assert_array_equal(second.weights.load().reshape(1, 1), numbers(1, 1))


def test_large_constants_fold_lazily() -> None:
    nodes = [node("Transpose", ["w"], ["t"]), node("Reshape", ["t", "s"], ["v"]), node("MatMul", ["x", "v"], ["y"])]
    weights = numbers(300, 400)
    proto = model(nodes, {"x": (2, 600)}, constants={"w": weights, "s": np.int64([600, 200])})
    (layer,) = frontend.from_model(proto, source="m", base_dir=None).layers
    np.testing.assert_array_equal(layer.weights.load()[0], weights.T.reshape(600, 200))
    assert layer.weights.key == "w"


def test_constant_doubled_forever_is_refused() -> None:
    nodes = [node("Add", [f"w{i}", f"w{i}"], [f"w{i + 1}"]) for i in range(60)]
    nodes.append(node("MatMul", ["x", "w60"], ["y"]))
    proto = model(nodes, {"x": (2, 400)}, constants={"w0": numbers(400, 400)})
    with pytest.raises(InputError, match="expected at most 2147483648 elements, 100 nodes"):
        frontend.from_model(proto, source="m", base_dir=None)


def external_model(folder: Path, location: str = "weights.bin", **changes: str) -> Path:
    """A model whose one weight lies in the file `location`; `changes` overwrite entries of the reference."""
    proto = model([node("MatMul", ["x", "w"], ["y"])], {"x": (2, 4)}, constants={"w": numbers(4, 3)})
    tensor = proto.graph.initializer[0]
    external_data_helper.set_external_data(tensor, location, offset=8, length=48)
    for entry in tensor.external_data:
        entry.value = changes.get(entry.key, entry.value)
    tensor.ClearField("raw_data")
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    return folder / "model.onnx"


def test_external_data_is_read_from_its_offset(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"12345678" + numbers(4, 3).tobytes())
    graph = frontend.load(external_model(tmp_path))
    np.testing.assert_array_equal(graph.matrix_layers[0].weights.load()[0], numbers(4, 3))


def test_external_data_that_changes_after_loading_is_refused_when_read(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(56))
    weights = frontend.load(external_model(tmp_path)).matrix_layers[0].weights
    (tmp_path / "weights.bin").write_bytes(bytes(20))
    with pytest.raises(InputError, match=r"'weights.bin': 3 elements, expected 12 elements, as when the model was"):
        weights.load()
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(InputError, match=r"'weights.bin': No such file"):
        weights.load()


def test_long_chains_never_exhaust_the_stack() -> None:
    chain = [node("Transpose", [f"w{i}"], [f"w{i + 1}"]) for i in range(2000)]
    chain.append(node("MatMul", ["x", "w2000"], ["y"]))
    proto = model(chain, {"x": (2, 300)}, constants={"w0": numbers(300, 300)})
    with pytest.raises(InputError, match=r"by 101 nodes, expected at most .* 100 nodes"):
        frontend.from_model(proto, source="m", base_dir=None)
    chain = [node("MatMul", ["x", "w"], ["c0"]), *(node("Mul", [f"c{i}", "k"], [f"c{i + 1}"]) for i in range(2000))]
    proto = model(chain, {"x": (2, 3)}, outputs=("c2000",), constants={"w": numbers(3, 3), "k": np.ones(3, np.float32)})
    graph = frontend.from_model(proto, source="m", base_dir=None)
    np.testing.assert_array_equal(graph.matrix_layers[0].weights.load()[0], numbers(3, 3))
    assert graph.coverage.nodes == 2001


@pytest.mark.parametrize(
    ("location", "changes", "message"),
    [
        ("weights.bin", {}, r"got external data 'weights.bin', expected that file in "),
        ("short.bin", {}, "'short.bin' of 20 bytes, expected 48 bytes from offset 8 on"),
        ("../weights.bin", {}, "relative path inside the model's folder"),
        ("/etc/hostname", {}, "relative path inside the model's folder"),
        ("C:\\weights.bin", {}, "relative path inside the model's folder"),
        ("link.bin", {}, "relative path inside the model's folder"),
        ("loop.bin", {}, "(inside the model's folder|expected that file)"),
        ("", {}, "relative path inside the model's folder"),
        ("short.bin", {"length": "4"}, r"external length 4, expected 48 bytes for shape \(4, 3\)"),
        ("short.bin", {"offset": "-4"}, "external offset '-4', expected a whole number of bytes"),
    ],
)
def test_external_data_that_is_not_there_or_not_allowed_is_refused_on_load(
    tmp_path: Path, location: str, changes: dict[str, str], message: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(100))
    (folder / "short.bin").write_bytes(bytes(20))
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    (folder / "loop.bin").symlink_to(folder / "loop.bin")
    with pytest.raises(InputError, match=f"tensor 'w': .*{message}"):
        frontend.load(external_model(folder, location, **changes))


def test_external_data_of_a_model_without_a_folder_is_refused(tmp_path: Path) -> None:
    proto = onnx.load(external_model(tmp_path), load_external_data=False)
    with pytest.raises(InputError, match="expected a model loaded from a file"):
        frontend.from_model(proto, source="m", base_dir=None)


def test_numbers_that_do_not_fill_the_shape_are_refused() -> None:
    proto = model([node("MatMul", ["x", "w"], ["y"])], {"x": (2, 4)}, constants={"w": numbers(4, 3)})
    proto.graph.initializer[0].dims[0] = 5
    with pytest.raises(InputError, match=r"tensor 'w': got 48 bytes of data, expected 60 for shape \(5, 3\)"):
        frontend.from_model(proto, source="m", base_dir=None)
    proto.graph.initializer[0].dims[0] = -4
    with pytest.raises(InputError, match="no negative size"):
        frontend.from_model(proto, source="m", base_dir=None)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64, TensorProto.UINT32])
def test_typed_data_fields_are_read(kind: int) -> None:
    tensor = helper.make_tensor("k", kind, [2], [1, 3])
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    proto = model([node("Cast", ["x"], ["z"], to=kind), node("Add", ["z", "k"], ["y"])], {"x": (2,)})
    proto.graph.initializer.append(tensor)
    got = evaluate(frontend.from_model(proto, source="m", base_dir=None), {"x": np.float32([1, 2])})["y"]
    np.testing.assert_array_equal(got, np.array([2, 5], dtype))


def random_net() -> onnx.ModelProto:
    nodes = [
        node("ConstantOfShape", ["ws"], ["w"]),
        node("ConstantOfShape", ["cs"], ["b"]),
        *(node("ConstantOfShape", ["cs"], [name]) for name in ("scale", "shift", "mean", "var")),
        node("Conv", ["x", "w", "b"], ["c"]),
        node("BatchNormalization", ["c", "scale", "shift", "mean", "var"], ["y"], epsilon=0.0),
    ]
    constants = {"ws": np.int64([64, 32, 3, 3]), "cs": np.int64([64])}
    return model(nodes, {"x": (1, 32, 5, 5)}, constants=constants)


def test_random_weights_are_he_normal_and_batch_normalization_is_neutral() -> None:
    (layer,) = frontend.from_model(random_net(), source="m", base_dir=None, random_weights=1).layers
    weights, bias = layer.weights.load(), layer.bias.load()
    assert not layer.weights.placeholder
    assert not layer.bias.placeholder
    assert not bias.any()
    assert weights.dtype == np.float32
    assert abs(weights.std() / np.sqrt(2 / 288) - 1) < 0.02
    assert abs(weights.mean()) < 0.002


@pytest.mark.parametrize("name", ["light_densenet121", "light_inception_v2", "light_vgg19"])
def test_random_weights_leave_no_placeholder_in_a_large_network(name: str) -> None:
    graph = frontend.load(LIGHT / f"{name}.onnx", random_weights=0)
    constants = [constant for layer in graph.layers for constant in layer.constants]
    for layer in graph.matrix_layers:
        constants += [layer.weights] if layer.bias is None else [layer.weights, layer.bias]
    assert constants
    assert not any(constant.placeholder for constant in constants)


def test_random_weights_depend_on_seed_and_name_alone() -> None:
    def weights(seed: int) -> np.ndarray:
        graph = frontend.from_model(random_net(), source="m", base_dir=None, random_weights=seed)
        return graph.matrix_layers[0].weights.load()

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))
    assert not np.array_equal(normal_draws(1, "a", 10), normal_draws(1, "b", 10))


def test_random_draws_are_the_same_bits_for_ever() -> None:
    draws = normal_draws(7, "conv1.weight", 4)
    assert draws.dtype == np.float32
    expected = ["-0x1.1788b2p-1", "-0x1.329bd2p-2", "0x1.eeac6p-4", "-0x1.2263c6p+0"]
    assert draws.tolist() == [float.fromhex(each) for each in expected]


def test_draws_follow_the_normal_distribution() -> None:
    draws = np.sort(normal_draws(3, "w", 200_001))
    quantiles = {0.0013499: -3.0, 0.158655: -1.0, 0.5: 0.0, 0.841345: 1.0, 0.97725: 2.0}
    for probability, expected in quantiles.items():
        assert abs(draws[int(probability * 200_000)] - expected) < 0.05


def test_trained_weights_are_never_replaced() -> None:
    proto = model([node("MatMul", ["x", "w"], ["y"])], {"x": (2, 4)}, constants={"w": np.zeros((4, 3), np.float32)})
    (layer,) = frontend.from_model(proto, source="m", base_dir=None, random_weights=1).layers
    assert not layer.weights.load().any()


def test_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="--random-weights: got -1, expected a whole number, 0 or more"):
        frontend.from_model(random_net(), source="m", base_dir=None, random_weights=-1)

"""Real models, trained and exported by others, import, run on isaac and answer as onnxruntime does."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import onnx
import pytest

import archsim
from archsim import frontend, values
from archsim.errors import InputError
from archsim.graph import Graph
from tests.frontend.models import LIGHT, SHARED

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the trained models are not part of this repository"),
]

REFUSED = ("espcn_brevitas",)
"""Models of another tool's ops, which nothing but that tool can run."""

QUANTISED = ("mnist_conv_qdq", "mnist_conv_qop")
"""Models whose answers come in steps: one step away is as good."""

SLOW = ("aecmos16", "basic_pitch", "dnsmos_p808", "espcn_nn_resize")
"""Models of a second and more."""

SMALLER_WORKS = {"mnist_conv_qop": 2560}
"""MACs that the manifest does not count, those of an op that it does not know."""


@cache
def manifest() -> dict[str, dict]:
    models = json.loads((SHARED / "manifest.json").read_text())["models"] if SHARED.is_dir() else []
    return {model["id"]: model for model in models}


def feeds(name: str) -> dict[str, np.ndarray]:
    """The inputs of the manifest's recipe."""
    entry, draw, arrays = manifest()[name], np.random.default_rng(0), {}
    for key, shape in entry["feeds"].items():
        if entry["dist"] == "blocks":
            coarse = (draw.random((*shape[:2], shape[2] // 8, shape[3] // 16)) > 0.35) * 2 - 1
            array = np.kron(coarse, np.ones((1, 1, 8, 16)))
        else:
            array = draw.random(shape) * 255 if entry["dist"] == "u255" else draw.standard_normal(shape)
        arrays[key] = array.astype(np.float32)
    return arrays


@cache
def graph_of(name: str) -> Graph:
    shapes = {key: tuple(shape) for key, shape in manifest()[name]["feeds"].items()}
    return frontend.load(SHARED / f"{name}.onnx", shapes=shapes)


RUN = tuple(name for name in manifest() if name not in REFUSED)
MODELS = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in RUN]


def test_every_model_of_the_manifest_is_looked_at() -> None:
    assert len(RUN) + len(REFUSED) == len(manifest()) == 14
    assert {path.stem for path in SHARED.glob("*.onnx")} == {*RUN, *REFUSED}


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_of_onnxruntime(name: str) -> None:
    import onnxruntime

    graph, given = graph_of(name), feeds(name)
    session = onnxruntime.InferenceSession(SHARED / f"{name}.onnx", providers=["CPUExecutionProvider"])
    got = values.run_float(graph, given)
    for output, expected in zip(graph.outputs, session.run(None, given), strict=True):
        assert got[output].shape == expected.shape
        largest = float(np.abs(expected).max())
        allowed = output_step(name) if name in QUANTISED else 1e-4 * largest
        assert largest > 0
        assert np.abs(got[output] - expected).max() <= allowed * (1 + 1e-6)


def output_step(name: str) -> float:
    """The scale of the last DequantizeLinear."""
    proto = onnx.load(SHARED / f"{name}.onnx")
    last = next(node for node in proto.graph.node if proto.graph.output[0].name in node.output)
    assert last.op_type == "DequantizeLinear"
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    return float(onnx.numpy_helper.to_array(stored[last.input[1]]))


@pytest.mark.parametrize("name", MODELS)
def test_answers_and_macs_are_those_of_the_manifest(name: str) -> None:
    entry, graph, got = manifest()[name], graph_of(name), values.run_float(graph_of(name), feeds(name))
    assert graph.macs == entry["macs"] + SMALLER_WORKS.get(name, 0)
    for described in entry["outputs"]:
        array = got[described["name"]]
        assert list(array.shape) == described["shape"]
        slack = 1e-4 * described["absmax"] + (output_step(name) if name in QUANTISED else 0)
        np.testing.assert_allclose(array.reshape(-1)[:4], described["first"][: array.size], atol=slack, rtol=0)
        assert abs(float(np.abs(array).max()) - described["absmax"]) <= slack


@pytest.mark.parametrize("name", MODELS)
def test_model_runs_on_isaac(name: str) -> None:
    result = archsim.simulate(graph_of(name), "isaac")
    assert all(result.checks.values())
    assert result.latency_cycles is not None
    assert result.latency_cycles > 0
    assert sum(layer.macs for layer in result.layers if layer.macs) == graph_of(name).macs


def test_model_of_another_tool_s_ops_is_refused_by_their_name() -> None:
    with pytest.raises(InputError, match=r"got op onnx\.brevitas:Quant, which is not supported"):
        frontend.load(SHARED / "espcn_brevitas.onnx")


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_large_networks_of_the_onnx_package_import(path) -> None:
    assert frontend.load(path).macs > 10**8


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_large_networks_of_the_onnx_package_run_on_isaac(path) -> None:
    result = archsim.simulate(frontend.load(path), "isaac")
    assert all(result.checks.values())

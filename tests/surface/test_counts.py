"""Multiply-accumulates and parameters of every layer are those counted from onnxruntime's shapes, not with our code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from archsim import frontend
from archsim.graph import Graph
from tests.frontend.models import LIGHT, SHARED
from tests.surface.counted import Figures, counted
from tests.surface.test_shared_models import REFUSED, feeds, graph_of, manifest

MODELS = Path(__file__).parents[2] / "models"
EXPORTS = Path(__file__).parents[1] / "frontend" / "exports"


def layers_of(graph: Graph) -> Counter[Figures]:
    ops = ((layer.op.rpartition("::")[2], layer.macs, layer.parameters) for layer in graph.matrix_layers)
    return Counter(ops)


def zeros(graph: Graph) -> dict[str, np.ndarray]:
    return {tensor.name: np.zeros(tensor.shape, tensor.dtype) for tensor in graph.inputs}


def cases(folder: Path) -> list:
    return [pytest.param(path, id=path.stem) for path in sorted(folder.glob("*.onnx"))]


@pytest.mark.parametrize("path", [*cases(MODELS), *cases(LIGHT), *cases(EXPORTS)])
def test_layers_of_a_model_are_as_counted_from_the_shapes_of_onnxruntime(path: Path) -> None:
    graph = frontend.load(path)
    expected = counted(path, zeros(graph))
    assert expected
    assert layers_of(graph) == expected


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the trained models are not part of this repository")
@pytest.mark.parametrize("path", [case for case in cases(SHARED) if case.id not in REFUSED])
def test_layers_of_a_trained_model_are_as_counted_from_the_shapes_of_onnxruntime(path: Path) -> None:
    assert path.stem in manifest()
    expected = counted(path, feeds(path.stem))
    assert expected
    assert layers_of(graph_of(path.stem)) == expected

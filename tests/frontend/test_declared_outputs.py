"""Shapes that a model declares of its outputs, against what comes out."""

from __future__ import annotations

import pytest
from onnx import helper

from archsim.errors import InputError
from archsim.frontend import from_model
from archsim.graph import Graph
from tests.frontend.models import model, value


def declared(inputs, outputs) -> Graph:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": inputs})
    proto.graph.output[0].CopyFrom(value("y", outputs))
    return from_model(proto, source="net.onnx", base_dir=None)


@pytest.mark.parametrize(
    ("inputs", "outputs", "shown"),
    [
        ((1, 4), (1, 5), "(1, 5), expected (1, 4)"),
        ((1, 4), (1, 4, 1), "(1, 4, 1), expected (1, 4)"),
        ((1, 4), (2, "n"), "(2, ?), expected (1, 4)"),
        (("n", 4), ("n", 5), "(?, 5), expected (1, 4)"),
    ],
)
def test_a_declared_shape_that_contradicts_the_computed_one_is_refused_with_both(inputs, outputs, shown: str) -> None:
    with pytest.raises(InputError) as error:
        declared(inputs, outputs)
    assert str(error.value) == f"net.onnx: output 'y': got the declared shape {shown}, which its node computes"


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ((1, 4), None),
        ((1, 4), ("a", "b")),
        ((1, 4), (1, 4)),
        ((1, 4), (-1, 0)),
        (("n", 4), (7, 4)),
        ((1, 4), (1, None)),
    ],
)
def test_shapes_that_say_nothing_else_are_read(inputs, outputs) -> None:
    assert declared(inputs, outputs).tensors["y"].shape == (1, 4)

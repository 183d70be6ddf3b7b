"""Products of two activations: `inspect` says that they are the digital units' work, and how much it is."""

from __future__ import annotations

import math

import onnx
import pytest

from archsim.frontend import from_model
from archsim.report import InspectedLayer
from archsim.summaries import inspected
from tests.frontend.models import model, numbers

node = onnx.helper.make_node


def inspect(proto: onnx.ModelProto) -> dict[str, InspectedLayer]:
    graph = from_model(proto, source="m", base_dir=None)
    return {layer.name: layer for layer in inspected(graph).layers}


@pytest.mark.parametrize(
    ("product", "shapes", "macs"),
    [
        (node("MatMul", ["a", "b"], ["y"], "p"), {"a": (2, 3, 5, 7), "b": (2, 3, 7, 4)}, 2 * 3 * 5 * 7 * 4),
        (node("Gemm", ["a", "b"], ["y"], "p", transB=1), {"a": (5, 7), "b": (4, 7)}, 5 * 7 * 4),
        (node("Gemm", ["a", "b", "c"], ["y"], "p", alpha=0.5), {"a": (5, 7), "b": (7, 4), "c": (4,)}, 5 * 7 * 4),
        (node("Einsum", ["a", "b"], ["y"], "p", equation="ij,kj->ik"), {"a": (5, 7), "b": (4, 7)}, 5 * 7 * 4),
    ],
    ids=["MatMul", "Gemm", "Gemm with C", "Einsum"],
)
def test_a_product_of_activations_counts_rows_x_inner_x_columns(product, shapes, macs) -> None:
    before = [node("Relu", [f"{name}_in"], [name], f"relu {name}") for name in shapes]
    layers = inspect(model([*before, product], {f"{name}_in": shape for name, shape in shapes.items()}))
    assert (layers["p"].kind, layers["p"].digital_macs, layers["p"].macs) == ("vector", macs, 0)
    assert {layer.digital_macs for name, layer in layers.items() if name != "p"} == {None}


def test_a_product_of_integer_activations_counts_like_one_of_numbers() -> None:
    nodes = [
        node("DynamicQuantizeLinear", ["a"], ["qa", "sa", "za"], "qa"),
        node("DynamicQuantizeLinear", ["b"], ["qb", "sb", "zb"], "qb"),
        node("MatMulInteger", ["qa", "qb", "za", "zb"], ["y"], "p"),
    ]
    assert inspect(model(nodes, {"a": (5, 7), "b": (7, 4)}))["p"].digital_macs == 5 * 7 * 4


def test_a_product_with_weights_is_a_crossbar_s_work() -> None:
    layers = inspect(model([node("MatMul", ["a", "w"], ["y"], "p")], {"a": (5, 7)}, constants={"w": numbers(7, 4)}))
    assert (layers["p"].kind, layers["p"].digital_macs, layers["p"].macs) == ("matrix", None, 5 * 7 * 4)


def test_attention_s_two_products_are_counted_where_onnx_defines_it_by_a_function() -> None:
    batch, heads, queries, keys, size = 2, 3, 4, 5, 8
    shapes = {"q": (batch, heads, queries, size), "k": (batch, heads, keys, size), "v": (batch, heads, keys, size)}
    layers = inspect(model([node("Attention", ["q", "k", "v"], ["y"], "p")], shapes, opset=23))
    found = [layer.digital_macs for layer in layers.values() if layer.digital_macs is not None]
    assert found == [math.prod((batch, heads, queries, keys, size))] * 2

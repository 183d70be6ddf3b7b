"""The page about operators says what the importer does today."""

from __future__ import annotations

import onnx
import pytest

from archsim.frontend.registry import lowerings
from tests.surface.operators import OPERATORS, operators_page
from tests.surface.test_onnx_node_cases import COUNTED_WITH


@pytest.mark.skipif(
    tuple(map(int, onnx.__version__.split(".")[:2])) != COUNTED_WITH, reason="the page is made with onnx 1.23"
)
def test_the_page_about_operators_is_what_make_examples_writes_today():
    assert OPERATORS.read_text() == operators_page()


def test_every_lowering_says_what_the_op_is_and_takes():
    assert [op for op, lower in lowerings().items() if not lower.__doc__] == []


@pytest.mark.parametrize(
    ("op", "row"),
    [
        ("Conv", "| `Conv` | 7 | crossbars | Data (N, C, space)"),
        ("MatMul", "| `MatMul` | 7 | crossbars or digital | "),
        ("Reshape", "| `Reshape` | 7 | layout | "),
        ("Shape", "| `Shape` | 7 | folded | "),
        ("Gelu", "| `Gelu` | 20 | digital | "),
    ],
)
def test_the_page_has_the_row_of_an_op(op: str, row: str):
    assert op in lowerings()
    assert row in OPERATORS.read_text()

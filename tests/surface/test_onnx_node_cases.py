"""ONNX's own node cases pass through the backend, bar the exceptions listed here."""

from __future__ import annotations

import re

import numpy as np
import onnx
import pytest

from archsim.backend import run_model
from tests.surface.node_cases import cases, outcomes

COUNTED_WITH = (1, 23)
"""The onnx package whose cases are counted; older ones have fewer, and newer ones more."""

PASSING = 1710
"""So many cases pass at least. May only grow."""

PASSING_THROUGH_CROSSBARS = 1701
"""Likewise with precision `int`, at the same tolerance: weights and inputs of 16 bits."""

LARGEST_SHARE = 0.05
"""Exceptions among the cases whose ops are all supported."""

EXCEPTIONS = (
    (r"batchnorm_.*_training_mode", "training"),
    (r"training_dropout(?!_zero)", "training, random"),
    (r"^test_constant$", "a model without inputs"),
    (r"identity_(sequence|opt)", "sequences and optionals are no tensors"),
    (r"equal_string", "strings are no numbers"),
)
"""Cases that do not pass, by name, and why."""

counted = pytest.mark.skipif(
    tuple(map(int, onnx.__version__.split(".")[:2])) < COUNTED_WITH, reason="the counts are those of onnx 1.23"
)


def excepted(name: str) -> bool:
    return any(re.search(pattern, name) for pattern, _ in EXCEPTIONS)


def test_every_case_of_supported_ops_passes_or_is_listed():
    wrong = {case.name: case.failure for case in outcomes() if case.supported and case.failure}
    assert {name: failure for name, failure in wrong.items() if not excepted(name)} == {}


@counted
def test_as_many_cases_pass_as_ever():
    assert sum(not case.failure for case in outcomes()) >= PASSING


@counted
@pytest.mark.slow
def test_as_many_cases_pass_through_crossbars_as_ever():
    assert sum(not case.failure for case in outcomes("int")) >= PASSING_THROUGH_CROSSBARS


@pytest.mark.parametrize("precision", ["float", "int"])
@pytest.mark.parametrize("op", ["ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"])
def test_products_of_integers_are_those_of_onnx_bit_for_bit(op: str, precision: str):
    named = [case for case in cases() if case.model.graph.node[0].op_type == op]
    assert named
    for case in named:
        ((inputs, expected),) = case.data_sets
        for array, wanted in zip(run_model(case.model, inputs, precision=precision), expected, strict=True):
            np.testing.assert_array_equal(array, wanted, strict=True)


@counted
def test_exceptions_are_a_small_share_of_the_cases_of_supported_ops():
    supported = [case for case in outcomes() if case.supported]
    assert sum(excepted(case.name) for case in supported) <= LARGEST_SHARE * len(supported)


@counted
@pytest.mark.parametrize("pattern", [pattern for pattern, _ in EXCEPTIONS])
def test_every_exception_still_fails(pattern: str):
    listed = [case for case in outcomes() if case.supported and re.search(pattern, case.name)]
    assert listed
    assert [case.name for case in listed if not case.failure] == []

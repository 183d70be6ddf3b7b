"""Random networks of supported ops: values are those of ONNX's own evaluator, and runs on a chip hold all checks."""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import HealthCheck, given, settings
from onnx.reference import ReferenceEvaluator

import archsim
from archsim import frontend
from tests.frontend.evaluate import evaluate
from tests.frontend.random_networks import networks

EXAMPLES = 400
SIMULATED = EXAMPLES // 10
fixed = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


@settings(fixed, max_examples=EXAMPLES)
@given(networks())
def test_values_of_random_networks_are_those_of_the_reference(drawn) -> None:
    model, feeds = drawn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ReferenceEvaluator(model).run(None, feeds)
    got = evaluate(frontend.from_model(model, source="random", base_dir=None), feeds)
    for output, array in zip(model.graph.output, expected, strict=True):
        assert got[output.name].shape == array.shape
        scale = max(1.0, float(np.abs(array).max(initial=0)))
        np.testing.assert_allclose(got[output.name], array, rtol=1e-5, atol=1e-5 * scale)


@settings(fixed, max_examples=SIMULATED)
@given(networks(head=True))
def test_runs_of_random_networks_hold_all_checks(drawn) -> None:
    graph = frontend.from_model(drawn[0], source="random", base_dir=None)
    result = archsim.simulate(graph, "isaac", images=2)
    assert all(result.checks.values()), result.checks

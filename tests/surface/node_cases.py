"""ONNX's own node test cases, run through `archsim.backend`.

As a program, `python -m tests.surface.node_cases [--precision int] [--all] [OP ..]` lists for each op how many of its
cases pass, and for each case that fails what went wrong first; `--all` adds ops that are not supported.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import onnx
from onnx import numpy_helper

from archsim import backend, frontend
from archsim.errors import InputError
from archsim.frontend.opsets import OLDEST_OPSET


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case: its ops (the first one gives the case its place in lists), whether archsim reads all of them, and what
    went wrong, if anything did."""

    name: str
    ops: tuple[str, ...]
    supported: bool
    failure: str


@cache
def cases() -> tuple:
    """Every node case of the onnx package that is installed, the `_expanded` ones included."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        return tuple(collect_testcases(None))


@cache
def outcomes(precision: str = "float") -> tuple[Outcome, ...]:
    """What became of every case. Ops that ONNX defines by functions of others count as read if a case of one passes."""
    ran = [(case.name, tuple(dict.fromkeys(_ops(case.model))), _failure(case, precision)) for case in cases()]
    read = {*frontend.supported(), *(ops[0] for _, ops, failure in ran if len(ops) == 1 and not failure)}
    return tuple(Outcome(name, ops, {*ops} <= read, failure) for name, ops, failure in ran)


def _ops(model: onnx.ModelProto) -> Iterator[str]:
    for node in model.graph.node:
        yield from _node_ops(node)


def _node_ops(node: onnx.NodeProto) -> Iterator[str]:
    yield node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}::{node.op_type}"
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            for inner in graph.node:
                yield from _node_ops(inner)


def _failure(case, precision: str) -> str:
    """What a user would see go wrong: an error of archsim's, or the first difference."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for opset in model.opset_import:
        # Older onnx packages write the opset that an op last changed in, which may be older than archsim reads.
        if opset.domain in ("", "ai.onnx"):
            opset.version = max(opset.version, OLDEST_OPSET)
    for inputs, expected in case.data_sets:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got = backend.run_model(model, [array_of(data) for data in inputs], precision=precision)
            compare(got, [array_of(data) for data in expected], case.rtol, case.atol)
        except InputError as error:
            return str(error)
        except AssertionError as error:
            return " ".join(str(error).split())
        except Exception as error:  # noqa: BLE001 - a crash is what the list is there to show
            return f"{type(error).__name__}: {error}"
    return ""


def compare(got, expected, rtol: float, atol: float) -> None:
    """Raise `AssertionError` unless outputs have the shapes, types and, within the tolerance, numbers expected."""
    assert len(got) == len(expected)
    for array, wanted in zip(got, expected, strict=True):
        assert not isinstance(wanted, list), "a sequence is expected"
        assert array.shape == wanted.shape, f"shape {array.shape}, expected {wanted.shape}"
        assert array.dtype == wanted.dtype, f"type {array.dtype}, expected {wanted.dtype}"
        # Types that numpy itself does not have compare as the numbers that they stand for.
        wide = array.dtype.kind == "V" or array.dtype.name.startswith(("bfloat", "float8", "float4"))
        as_numbers = (lambda data: data.astype(np.float32)) if wide else (lambda data: data)
        np.testing.assert_allclose(as_numbers(array), as_numbers(wanted), rtol=rtol, atol=atol)


def array_of(data):
    return numpy_helper.to_array(data) if isinstance(data, onnx.TensorProto) else data


def main() -> None:
    """Print the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ops", nargs="*", help="ops to list (default: all)")
    parser.add_argument("--precision", default="float", choices=("float", "int"))
    parser.add_argument("--all", action="store_true", help="list ops that are not supported as well")
    options = parser.parse_args()
    by_op: dict[str, list[Outcome]] = {}
    for outcome in outcomes(options.precision):
        if not options.ops or {*options.ops} & {*outcome.ops}:
            for op in [op for op in outcome.ops if not options.ops or op in options.ops][:1]:
                by_op.setdefault(op, []).append(outcome)
    for op, listed in sorted(by_op.items()):
        ran = [outcome for outcome in listed if outcome.supported or not outcome.failure]
        shown = listed if options.all else ran
        if shown:
            print(f"{op}: {sum(not each.failure for each in shown)} of {len(shown)} pass")
        for outcome in shown:
            if outcome.failure:
                print(f"    {outcome.name}: {outcome.failure[:300]}")
    ran = [outcome for outcome in outcomes(options.precision) if outcome.supported]
    passed = sum(not outcome.failure for outcome in outcomes(options.precision))
    failed = sum(bool(outcome.failure) for outcome in ran)
    print(f"{passed} of {len(cases())} pass; of {len(ran)} with supported ops alone {failed} fail")


if __name__ == "__main__":
    main()

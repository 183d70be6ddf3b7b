"""What a model says about its outputs, against what they turn out to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx

from archsim.errors import InputError, Problem
from archsim.frontend.builder import Value


def check_declared(graph: onnx.GraphProto, values: Mapping[str, Value], source: str) -> None:
    """Raise `InputError` for outputs whose declared shape contradicts the computed one.

    Sizes that are not declared, or as 0 or less, say nothing, and nor does the batch, the first axis, where that of
    any input is dynamic: exporters write down the one that they were run with."""
    dims = [value.type.tensor_type.shape.dim for value in graph.input]
    batched = any(each and each[0].dim_value <= 0 for each in dims)
    problems = []
    for output in graph.output:
        declared, found = output.type.tensor_type, values[output.name].shape
        if not declared.HasField("shape"):
            continue
        sizes = [dim.dim_value for dim in declared.shape.dim]
        if len(sizes) != len(found) or any(
            size > 0 and size != real and not (batched and axis == 0)
            for axis, (size, real) in enumerate(zip(sizes, found, strict=True))
        ):
            place, got = f"output {output.name!r}", f"the declared shape {_shown(sizes)}"
            problems.append(Problem(source, place, got, f"{_shown(found)}, which its node computes"))
    if problems:
        raise InputError(*problems)


def _shown(sizes: Sequence[int]) -> str:
    return "(" + ", ".join(str(size) if size > 0 else "?" for size in sizes) + ")"

"""From an ONNX model to a `Graph`: walks the nodes in order and applies their lowerings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import onnx

from archsim.errors import InputError, Problem, nearest_name
from archsim.frontend.attributes import attributes_of, check_types, schema_of
from archsim.frontend.builder import Builder
from archsim.frontend.expansion import Expander, functions_of
from archsim.frontend.inputs import Fed, bound_inputs
from archsim.frontend.node import Node
from archsim.frontend.opsets import model_opset, qualified
from archsim.frontend.order import NamedNode, ordered_nodes
from archsim.frontend.reader import check_names, read_model
from archsim.frontend.registry import lowerings
from archsim.frontend.results import check_declared
from archsim.frontend.stored import stored_constants
from archsim.frontend.walk import Walk, count_uses
from archsim.graph import Constant, Graph, LayoutLayer, Tensor
from archsim.graph.tensors import Array

_WITHOUT_EFFECT = frozenset(
    {"antialias", "cubic_coeff_a", "exclude_outside", "extrapolation_value", "nearest_mode"}
    | {"momentum", "ratio", "seed"}
)
"""Attributes that change nothing in inference, or nothing in the mode that the node has."""


def load(
    path: str | Path,
    *,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    treat_as_free: Collection[str] = (),
    random_weights: int | None = None,
    fed: Fed | None = None,
) -> Graph:
    """The network in the ONNX file `path`, named after the file; weights stay in the file until asked for.

    `shapes` binds dynamic dimensions (input name to whole shape), `fed` those that are left, to the shapes of arrays
    that will feed them (see `bound_inputs`); an unbound first axis is 1. Ops named in
    `treat_as_free` cost nothing and have no values. `random_weights` is the seed of stand-ins for weights
    that the file has shapes of but no numbers. Raises `InputError` with every problem found.
    """
    path = Path(path)
    model = read_model(path)
    return _lowered(model, path.stem, str(path), path.parent, shapes or {}, treat_as_free, random_weights, {}, fed)


def from_model(
    model: onnx.ModelProto,
    *,
    source: str,
    base_dir: Path | None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    treat_as_free: Collection[str] = (),
    random_weights: int | None = None,
    given: Mapping[str, Array] | None = None,
) -> Graph:
    """The network in `model`, as `load` gives it, named after the ONNX graph.

    `source` names the model in errors; external data is looked for inside `base_dir`, if there is one.
    `given` holds numbers of inputs: where a crossbar or an address needs an operand before the run (weights,
    axes, shapes) and an input feeds it, its number is taken from here. The graph keeps all its inputs.
    """
    name = model.graph.name or "graph"
    return _lowered(model, name, source, base_dir, shapes or {}, treat_as_free, random_weights, given or {})


def _lowered(
    model: onnx.ModelProto,
    name: str,
    source: str,
    base_dir: Path | None,
    shapes: Mapping[str, tuple[int, ...]],
    treat_as_free: Collection[str],
    random_weights: int | None,
    given: Mapping[str, Array],
    fed: Fed | None = None,
) -> Graph:
    check_names(model, source)
    graph, opset = model.graph, model_opset(model, source)
    if random_weights is not None and random_weights < 0:
        raise InputError(Problem(source, "--random-weights", str(random_weights), "a whole number, 0 or more"))
    _check_free(model, treat_as_free, source)
    constants = stored_constants(graph, source, base_dir)
    inputs = bound_inputs(graph, frozenset(constants), shapes, source, given, fed)
    known = dict.fromkeys([*(tensor.name for tensor in inputs), *constants])
    nodes = ordered_nodes(graph, known, source)
    builder = Builder(
        source=source,
        opset=opset,
        values={**{tensor.name: tensor for tensor in inputs}, **constants},
        uses=Counter(output.name for output in graph.output),
        outputs=frozenset(output.name for output in graph.output),
        base_dir=base_dir,
        seed=random_weights,
        given=given,
        tensors={tensor.name: tensor for tensor in inputs},
    )
    builder.define_empty(tensor for tensor in inputs if not tensor.elements)
    count_uses(builder, nodes)
    names = {*known, *(node.name for node in nodes), *(name for node in nodes for name in node.proto.output)}
    versions = {entry.domain: entry.version for entry in model.opset_import}
    expander = Expander(builder, functions_of(model, source), versions, names)
    walk = Walk(builder, _lower, frozenset(treat_as_free), model, expander)
    walk.all(nodes)
    check_declared(graph, builder.values, source)
    _add_constant_outputs(builder, graph)
    result = Graph(
        name,
        inputs,
        tuple(output.name for output in graph.output),
        builder.finished_layers(),
        builder.tensors,
        tuple(builder.folded),
    )
    if result.coverage.nodes != walk.lowered:
        raise RuntimeError(f"{source}: {walk.lowered} nodes, but {result.coverage}")
    return result


def _check_free(model: onnx.ModelProto, treat_as_free: Collection[str], source: str) -> None:
    bodies = (model.graph, *model.functions)
    ops = sorted({qualified(node) for body in bodies for node in body.node})
    problems = [
        Problem(source, "--treat-as-free", op, f"one of the model's ops {', '.join(ops)}", nearest_name(op, ops))
        for op in treat_as_free
        if op not in ops
    ]
    problems += [
        Problem(source, "--treat-as-free", op, "an op that is not supported: this one is, and its work counts")
        for op in treat_as_free
        if op in ops and op in lowerings()
    ]
    if problems:
        raise InputError(*problems)


def _lower(builder: Builder, node: NamedNode, op: str) -> bool:
    """Lower one node; returns False if nothing knows its op."""
    lower = lowerings().get(op)
    inputs = tuple(builder.values[name] if name else None for name in node.proto.input)
    if lower is None:
        return False
    opset = node.opset or builder.opset
    lowered = Node(
        name=node.name,
        op=op,
        version=opset,
        attributes=attributes_of(node.proto, schema_of(op, opset), builder.source, node.name),
        inputs=inputs,
        input_names=tuple(node.proto.input),
        outputs=tuple(node.proto.output),
        builder=builder,
    )
    dtypes = [None if value is None else value.dtype for value in inputs]
    check_types(op, opset, dtypes, builder.source, node.name)
    lower(lowered)
    ignored = sorted(lowered.attributes.unread - _WITHOUT_EFFECT)
    lowered.require(not ignored, f"attribute {', '.join(ignored)}", "attributes that are known to archsim")
    unwritten = [name for name in lowered.outputs if name and name not in builder.values]
    used = [name for name in unwritten if builder.uses[name]]
    lowered.require(not used, f"use of output {', '.join(used)}", "use of the first output alone")
    return True


def _add_constant_outputs(builder: Builder, graph: onnx.GraphProto) -> None:
    """Outputs of the network that turned out constant are written by a layout layer each."""
    for output in graph.output:
        value = builder.values[output.name]
        if isinstance(value, Constant):
            layer = LayoutLayer(
                name=f"{output.name} constant",
                op="Constant",
                operands=(value,),
                results=(output.name,),
                nodes=(),
                compute=lambda array: (array,),
            )
            builder.add_layer(layer, (Tensor(output.name, value.shape, value.dtype),))

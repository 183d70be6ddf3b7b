"""Nodes that stand for several others: calls of functions, ops that ONNX defines by a function, and `If` with a
known condition. Their bodies take their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import onnx
from onnx import helper

from archsim.errors import InputError, input_error
from archsim.frontend.builder import Builder
from archsim.frontend.defined import defined
from archsim.frontend.opsets import DEFAULT_DOMAINS, function_opset
from archsim.frontend.order import NamedNode, ordered_nodes
from archsim.frontend.stored import stored_constants
from archsim.frontend.unsettled import UnsettledError
from archsim.graph import Constant, Tensor

MAX_DEPTH = 32
"""Bodies inside of bodies: a function that calls itself would have no end."""

MAX_NODES = 50_000
"""Nodes of all bodies together: functions that call functions twice each grow without measure."""

MAX_BYTES = 1 << 29
"""What the nodes of all bodies take, their constants included, which are copied for each call."""


FunctionKey = tuple[str, str, str]
"""Domain, name and overload."""


@dataclass(frozen=True, slots=True)
class _Names:
    """What the names in a body are outside: those `given`; others, of a `closed` body, are nobody's."""

    given: dict[str, str]
    closed: bool
    prefix: str

    def of(self, name: str, hidden: frozenset[str] = frozenset()) -> str:
        """The name outside; names that a nested subgraph defines (`hidden`) stay."""
        if not name or name in hidden:
            return name
        return self.given.get(name, f"{self.prefix}{name}" if self.closed else name)


@dataclass(slots=True)
class Expander:
    """Gives the bodies of nodes, and counts them, so that they stay within bounds. `versions`
    are the opsets by domain, `names` those of all nodes and values of the model, which nothing in a body may bear."""

    builder: Builder
    functions: Mapping[FunctionKey, onnx.FunctionProto]
    versions: Mapping[str, int]
    names: set[str]
    nodes: int = 0
    size: int = 0

    def expand(self, node: NamedNode, depth: int) -> tuple[NamedNode, ...] | None:
        """The nodes that take the place of `node`, in topological order; None if it has no body.

        Raises `InputError` for an `If` whose condition is computed at run time, for a body that does not fit its
        call, and where there would be no end to it.
        """
        proto = node.proto
        if proto.op_type == "If" and proto.domain in DEFAULT_DOMAINS:
            return self._branch(node, depth)
        function = self.functions.get((_domain(proto.domain), proto.op_type, proto.overload))
        opset = node.opset or self.builder.opset
        if function is not None:
            version = function_opset(function, opset, self.builder.source)
            return self._body(node, function, depth, version, _given(proto, function))
        version = self.versions.get(proto.domain, 0) if _domain(proto.domain) else opset
        values = [self.builder.values[name] if name else None for name in proto.input]
        definition = defined(proto, values, version, opset, self.builder.source, node.name)
        if definition is None:
            return None
        return self._body(node, definition.function, depth, definition.opset, definition.attributes)

    def _branch(self, node: NamedNode, depth: int) -> tuple[NamedNode, ...]:
        """The branch of an `If` that its condition, a constant, chooses."""
        condition = self.builder.values.get(node.proto.input[0]) if len(node.proto.input) == 1 else None
        if isinstance(condition, Tensor):
            condition = self.builder.given_constant(condition) or condition
        branches = {attribute.name: attribute.g for attribute in node.proto.attribute if attribute.HasField("g")}
        if condition is None or set(branches) != {"then_branch", "else_branch"}:
            raise self._error(node, "an incomplete node", "one condition, then_branch and else_branch")
        if not isinstance(condition, Constant):
            error = self._error(
                node,
                f"condition {node.proto.input[0]!r} computed at run time",
                "a condition that is known beforehand: a branch takes the node's place, it is not chosen in a run",
            )
            raise UnsettledError(*error.problems)
        if condition.elements != 1 or condition.dtype != "bool":
            raise self._error(node, f"a condition of {condition.elements} {condition.dtype}", "one truth value")
        graph = branches["then_branch" if condition.load().reshape(-1)[0] else "else_branch"]
        outputs = [output.name for output in graph.output]
        if graph.input or len(outputs) != len(node.proto.output):
            shown = f"a branch of {len(graph.input)} inputs and {len(outputs)} outputs"
            raise self._error(node, shown, f"no inputs, {len(node.proto.output)} outputs")
        constants = stored_constants(graph, self.builder.source, self.builder.base_dir)
        names = self._names(node, graph.node, outputs, {}, closed=False)
        for name, constant in constants.items():
            names.given[name] = self._unique(f"{names.prefix}{name}")
            self.builder.values[names.of(name)] = constant
        return self._ordered(node, graph.node, outputs, names, depth, node.opset, {})

    def _body(
        self,
        node: NamedNode,
        function: onnx.FunctionProto,
        depth: int,
        opset: int,
        attributes: Mapping[str, onnx.AttributeProto],
    ) -> tuple[NamedNode, ...]:
        """The body of a function with the operands of its call."""
        inputs, outputs = node.proto.input, node.proto.output
        if len(inputs) > len(function.input) or len(outputs) > len(function.output):
            shown = f"{len(inputs)} inputs and {len(outputs)} outputs"
            raise self._error(node, shown, f"at most {len(function.input)} and {len(function.output)}")
        given = {name: inputs[index] if index < len(inputs) else "" for index, name in enumerate(function.input)}
        names = self._names(node, function.node, list(function.output), given, closed=True)
        return self._ordered(node, function.node, list(function.output), names, depth, opset, attributes)

    def _names(
        self,
        node: NamedNode,
        body: Iterable[onnx.NodeProto],
        outputs: list[str],
        given: dict[str, str],
        *,
        closed: bool,
    ) -> _Names:
        """Names outside of what the body writes: those of the call's outputs, or new ones."""
        prefix = f"{node.name}:"
        wanted = {inner: outer for inner, outer in zip(outputs, node.proto.output, strict=False) if outer}
        for inner in (name for proto in body for name in proto.output if name):
            if inner not in given:
                given[inner] = wanted.pop(inner, "") or self._unique(f"{prefix}{inner}")
        return _Names(given, closed, prefix)

    def _unique(self, name: str) -> str:
        while name in self.names:
            name += "'"
        self.names.add(name)
        return name

    def _ordered(
        self,
        node: NamedNode,
        body: Iterable[onnx.NodeProto],
        outputs: list[str],
        names: _Names,
        depth: int,
        opset: int | None,
        attributes: Mapping[str, onnx.AttributeProto],
    ) -> tuple[NamedNode, ...]:
        """`body` under the names outside in topological order; an output of the call that the body does not write
        under that name is written by an Identity."""
        protos = list(body)
        self.nodes += len(protos) + len(outputs)
        self.size += sum(proto.ByteSize() for proto in protos)
        if depth >= MAX_DEPTH or self.nodes > MAX_NODES or self.size > MAX_BYTES:
            limits = f"{MAX_DEPTH} bodies inside of each other, {MAX_NODES} nodes and {MAX_BYTES} bytes"
            raise self._error(node, f"{self.nodes} nodes, {depth + 1} bodies deep", f"at most {limits} in bodies")
        graph = onnx.GraphProto()
        for index, proto in enumerate(protos):
            renamed = _renamed(proto, names, attributes)
            renamed.name = self._unique(f"{node.name}/{proto.name or f'{proto.op_type}_{index}'}")
            graph.node.append(renamed)
        for inner, outer in zip(outputs, node.proto.output, strict=False):
            if outer and names.of(inner) != outer:
                name = self._unique(f"{node.name}/{outer}")
                graph.node.append(helper.make_node("Identity", [names.of(inner)], [outer], name=name))
        return ordered_nodes(graph, self.builder.values, self.builder.source, opset)

    def _error(self, node: NamedNode, value: str, expected: str) -> InputError:
        place = f"node {node.name!r} ({node.proto.op_type})"
        return input_error(self.builder.source, place, value=value, expected=expected)


def functions_of(model: onnx.ModelProto, source: str) -> dict[FunctionKey, onnx.FunctionProto]:
    """The functions that the model brings; two of one name raise `InputError`."""
    functions: dict[FunctionKey, onnx.FunctionProto] = {}
    for function in model.functions:
        key = (_domain(function.domain), function.name, function.overload)
        if key in functions:
            raise input_error(source, f"function {function.name!r}", value="a second one", expected="each name once")
        functions[key] = function
    return functions


def _domain(domain: str) -> str:
    return "" if domain in DEFAULT_DOMAINS else domain


def _given(proto: onnx.NodeProto, function: onnx.FunctionProto) -> dict[str, onnx.AttributeProto]:
    """The attributes of a call, defaults of the function among them."""
    defaults = {attribute.name: attribute for attribute in function.attribute_proto}
    return {**defaults, **{attribute.name: attribute for attribute in proto.attribute}}


def _renamed(
    proto: onnx.NodeProto,
    names: _Names,
    attributes: Mapping[str, onnx.AttributeProto],
    hidden: frozenset[str] = frozenset(),
) -> onnx.NodeProto:
    """The node under the names outside, with the attributes that it takes from the call."""
    result = onnx.NodeProto(op_type=proto.op_type, domain=proto.domain, name=proto.name, overload=proto.overload)
    result.input.extend(names.of(name, hidden) for name in proto.input)
    result.output.extend(names.of(name, hidden) for name in proto.output)
    for attribute in proto.attribute:
        source = attribute
        if attribute.ref_attr_name:
            if attribute.ref_attr_name not in attributes:
                continue
            source = attributes[attribute.ref_attr_name]
        copied = result.attribute.add()
        copied.CopyFrom(source)
        copied.name = attribute.name
        for graph in (copied.g, *copied.graphs) if copied.HasField("g") else copied.graphs:
            _rename_inside(graph, names, attributes, hidden)
    return result


def _rename_inside(
    graph: onnx.GraphProto, names: _Names, attributes: Mapping[str, onnx.AttributeProto], hidden: frozenset[str]
) -> None:
    """Rename what a subgraph of a node sees of the outside; what it defines itself keeps its name."""
    own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    inner = hidden | own | {name for node in graph.node for name in node.output}
    nodes = [_renamed(node, names, attributes, inner) for node in graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    for output in graph.output:
        output.name = names.of(output.name, inner)

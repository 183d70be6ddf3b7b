"""The model's nodes with unique names, in an order in which every value is written before it is read."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain, islice

import onnx

from archsim.errors import InputError, Problem, nearest_name

_MAX_PROBLEMS = 20
_MAX_COMPARED = 2000
"""Names compared with a misspelt one: comparing is slow."""


@dataclass(frozen=True, slots=True)
class NamedNode:
    """An ONNX node, its unique name, and all values it reads (those inside of its subgraphs included); `opset` is the
    version of its op where that is not the model's."""

    name: str
    proto: onnx.NodeProto
    reads: tuple[str, ...]
    opset: int | None = None


def ordered_nodes(
    graph: onnx.GraphProto, known: Collection[str], source: str, opset: int | None = None
) -> tuple[NamedNode, ...]:
    """The nodes, of an `opset` if not the model's, in topological order, file order where both are possible.

    `known` are the inputs and initializers. A value written twice, one that nothing writes, and a cycle
    raise `InputError`.
    """
    nodes = _named(graph, opset)
    writers = _writers(nodes, known, source)
    names = list(islice(chain(known, writers), _MAX_COMPARED))
    problems: list[Problem] = []
    for node in nodes:
        for value in node.reads:
            if len(problems) < _MAX_PROBLEMS and value not in writers and value not in known:
                what = f"input {value!r} that nothing writes"
                near = nearest_name(value, names)
                problems.append(Problem(source, f"node {node.name!r}", what, "a value of the graph", near))
    problems += [
        Problem(source, "graph", f"output {output.name!r} that nothing writes", "a value of the graph")
        for output in graph.output
        if output.name not in writers and output.name not in known
    ]
    if problems:
        raise InputError(*problems[:_MAX_PROBLEMS])
    return tuple(nodes[index] for index in _topological(nodes, writers, source))


def _named(graph: onnx.GraphProto, opset: int | None) -> list[NamedNode]:
    taken: Counter[str] = Counter()
    nodes = []
    for index, proto in enumerate(graph.node):
        wanted = proto.name or next((name for name in proto.output if name), f"{proto.op_type}_{index}")
        name = wanted
        while taken[name]:
            taken[wanted] += 1
            name = f"{wanted}_{taken[wanted]}"
        taken[name] += 1
        inner = sorted({value for attribute in proto.attribute for value in _captured(attribute)})
        nodes.append(NamedNode(name, proto, (*(value for value in proto.input if value), *inner), opset))
    return nodes


def _captured(attribute: onnx.AttributeProto) -> Iterator[str]:
    """Values that a subgraph reads and does not write itself."""
    subgraphs = [attribute.g] if attribute.HasField("g") else list(attribute.graphs)
    for graph in subgraphs:
        own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
        own |= {output for node in graph.node for output in node.output}
        read = {value for node in graph.node for value in node.input if value}
        read |= {value for node in graph.node for inner in node.attribute for value in _captured(inner)}
        yield from read - own


def _writers(nodes: list[NamedNode], known: Collection[str], source: str) -> dict[str, int]:
    writers: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for value in node.proto.output:
            if value and (value in writers or value in known):
                raise InputError(
                    Problem(source, f"node {node.name!r}", f"output {value!r}", "a name not written before")
                )
            if value:
                writers[value] = index
    return writers


def _topological(nodes: list[NamedNode], writers: dict[str, int], source: str) -> list[int]:
    readers: list[list[int]] = [[] for _ in nodes]
    missing = [0] * len(nodes)
    for index, node in enumerate(nodes):
        for writer in {writers[value] for value in node.reads if value in writers}:
            readers[writer].append(index)
            missing[index] += 1
    ready = [index for index, count in enumerate(missing) if count == 0]
    order = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for reader in readers[index]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) < len(nodes):
        names = [nodes[index].name for index, count in enumerate(missing) if count]
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise InputError(Problem(source, "graph", f"a cycle through or before {shown}", "a graph without cycles"))
    return order

"""Walks through a model's nodes in order, bodies of functions and branches included, and lowers each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import onnx

from archsim.errors import InputError, Problem, nearest_name
from archsim.frontend.builder import Builder
from archsim.frontend.expansion import Expander
from archsim.frontend.free import add_free
from archsim.frontend.opsets import qualified
from archsim.frontend.order import NamedNode
from archsim.frontend.registry import lowerings
from archsim.frontend.unsettled import UnsettledError

_MAX_PROBLEMS = 20

_LOOPS = {"Loop", "Scan"}

Lower = Callable[[Builder, NamedNode, str], bool]
"""Lowers a node of that op; False if nothing knows the op."""


@dataclass(slots=True)
class Walk:
    """One way through the model; `lowered` counts the nodes that something stands for. `unsettled` says that the
    inputs of a run may put right all that is wrong."""

    builder: Builder
    lower: Lower
    free: Collection[str]
    model: onnx.ModelProto
    expander: Expander
    lowered: int = 0
    problems: list[Problem] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    unsettled: bool = True

    def all(self, nodes: Iterable[NamedNode]) -> None:
        """Lower every node; nodes behind a wrong one are passed over, and all problems are raised together."""
        self._nodes(nodes, 0)
        problems = [*unknown_ops(self.unknown, self.builder.source), *self.problems]
        if problems:
            kind = UnsettledError if self.unsettled and not self.unknown else InputError
            raise kind(*problems[:_MAX_PROBLEMS])

    def _nodes(self, nodes: Iterable[NamedNode], depth: int) -> None:
        for node in nodes:
            if any(value not in self.builder.values for value in node.reads):
                continue
            try:
                self._node(node, depth)
            except InputError as error:
                self.problems.extend(error.problems)
                self.unsettled &= isinstance(error, UnsettledError)
            if depth and self.problems:
                return

    def _node(self, node: NamedNode, depth: int) -> None:
        op = qualified(node.proto)
        if self.lower(self.builder, node, op):
            self.lowered += 1
        elif op in self.free:
            add_free(self.builder, node, self.model)
            self.lowered += 1
        elif (body := self.expander.expand(node, depth)) is not None:
            # What the call read, its body reads now.
            self.builder.uses.subtract(node.reads)
            count_uses(self.builder, body)
            self._nodes(body, depth + 1)
        else:
            self.unknown.setdefault(op, node.name)


def count_uses(builder: Builder, nodes: Iterable[NamedNode]) -> None:
    """Count what `nodes` read; Shape and Size need no numbers and do not count."""
    for node in nodes:
        if node.proto.op_type not in ("Shape", "Size"):
            builder.uses.update(node.reads)


def unknown_ops(unknown: Mapping[str, str], source: str) -> Iterable[Problem]:
    """A problem for each op and the first node of it. The ops are too many to list in one line: the page does."""
    for op, node in unknown.items():
        shown = f"op {op.replace('::', ':')}, which is not supported"
        if op in _LOOPS:
            shown += ": how often its body runs is known in a run alone"
        expected = f"one of docs/operators.md, or --treat-as-free {op}, which leaves it out of times and values"
        yield Problem(source, f"node {node!r}", shown, expected, nearest_name(op, lowerings()))

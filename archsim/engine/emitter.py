"""Who needs a stage's results: for each position, and for each raw result of a pool that no tile has whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from archsim.engine.message import Message, Origin, Receiver
from archsim.mapping.needs import Integers, Need
from archsim.mapping.pools import pooled_on_one_tile
from archsim.mapping.spans import Span

Group = tuple[int, tuple[Receiver, ...]]
"""Receivers that take the same channels of a value, with the bytes of these."""


def receivers_of(receivers: Sequence[Receiver], slots: int) -> list[tuple[Group, ...]]:
    """The receivers that need each slot, grouped by the channels that they take; equal sets are one tuple."""
    if not receivers:
        return [()] * slots
    needed = np.array([receiver.ranks for receiver in receivers]) >= 0
    packed = np.ascontiguousarray(np.packbits(needed, axis=0).T)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).reshape(-1)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    sets = [_grouped([receivers[i] for i in np.flatnonzero(needed[:, slot]).tolist()]) for slot in first]
    return [sets[number] for number in inverse]


def _grouped(receivers: Iterable[Receiver]) -> tuple[Group, ...]:
    groups: dict[Span, list[Receiver]] = {}
    for receiver in receivers:
        groups.setdefault(receiver.span, []).append(receiver)
    return tuple((members[0].value_bytes, tuple(members)) for members in groups.values())


Value = tuple[int, tuple[int, ...] | None, tuple[Group, ...]]
"""A slot, the slots a raw result is part of (None for a complete value), and who takes it."""


class Emitter:
    """Sends what windows result in.

    Without a pool, window w gives slot w. With one, a slot whose raw results all leave one tile is pooled there
    and sent when the last is done; otherwise its raw results are sent and pooled where they arrive.
    """

    def __init__(self, origin: Origin, receivers: Sequence[Receiver], slots: int) -> None:
        self._origin = origin
        self._groups = receivers_of(receivers, slots)
        self._pooled: list[list[int]] | None = None
        self._raw: list[tuple[int, ...]] = []
        self._raw_groups: list[tuple[Group, ...]] = []
        self._counts: list[int] = []
        self.open: dict[tuple[int, int], int] = {}

    def pool(self, need: Need, lasting: Integers) -> None:
        """Results are pooled by `need`; windows of equal `lasting` homes always leave the same tile."""
        table, local = need.table, pooled_on_one_tile(need, lasting)
        pooled: list[list[int]] = [[] for _ in range(need.slots)]
        raw: list[list[int]] = [[] for _ in range(need.slots)]
        self._counts = (table >= 0).sum(axis=1).tolist()
        for slot, windows in enumerate(table.tolist()):
            into = pooled if local[slot] else raw
            for window in windows:
                if window >= 0:
                    into[window].append(slot)
        self._pooled = pooled
        self._raw = [tuple(slots) for slots in raw]
        self._raw_groups = [self._union(slots) if slots else () for slots in self._raw]

    def _union(self, slots: Sequence[int]) -> tuple[Group, ...]:
        members = (receiver for slot in slots for _, group in self._groups[slot] for receiver in group)
        return _grouped(dict.fromkeys(members))

    def parts_of(self, slot: int) -> int:
        """How many raw results make a pooled value."""
        return self._counts[slot]

    def emit(self, source: int, image: int, window: int, floor: int, accepted: Callable[[], None]) -> None:
        """The result of a window leaves tile `source`; `accepted` is called once all it causes has room."""
        if self._pooled is None:
            self._send(source, image, window, floor, [(window, None, self._groups[window])], accepted)
            return
        values: list[Value] = []
        for slot in self._pooled[window]:
            left = self.open.pop((image, slot), self._counts[slot]) - 1
            if left:
                self.open[image, slot] = left
            else:
                values.append((slot, None, self._groups[slot]))
        if self._raw[window]:
            values.append((self._raw[window][0], self._raw[window], self._raw_groups[window]))
        self._send(source, image, window, floor, values, accepted)

    def _send(
        self, source: int, image: int, window: int, floor: int, values: list[Value], accepted: Callable[[], None]
    ) -> None:
        release = after(sum(len(groups) for _, _, groups in values), accepted)
        for slot, parts, groups in values:
            for size, receivers in groups:
                message = Message(self._origin, source, image, window, slot, parts, size, floor, release)
                message.send(receivers)


def after(count: int, accepted: Callable[[], None]) -> Callable[[], None]:
    """A function that calls `accepted` at its `count`-th call; for 0 that is done at once."""
    if count == 0:
        accepted()
    if count <= 1:
        return accepted
    left = [count]

    def one() -> None:
        left[0] -= 1
        if not left[0]:
            accepted()

    return one

"""Who needs a stage's results: for each position, and for each raw result of a pool that no tile has whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from archsim.engine.message import Message, Origin, Receiver
from archsim.mapping.needs import Integers, Need

if TYPE_CHECKING:
    pass


def receivers_of(receivers: Sequence[Receiver], slots: int) -> list[tuple[Receiver, ...]]:
    """The receivers that need each slot; equal sets are one tuple."""
    if not receivers:
        return [()] * slots
    needed = np.array([receiver.ranks for receiver in receivers]) >= 0
    packed = np.ascontiguousarray(np.packbits(needed, axis=0).T)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).reshape(-1)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    sets = [tuple(receivers[i] for i in np.flatnonzero(needed[:, slot]).tolist()) for slot in first]
    return [sets[number] for number in inverse]


class Emitter:
    """Sends what windows result in.

    Without a pool, window w gives slot w. With one, a slot whose raw results all leave one tile is pooled there
    and sent when the last is done; otherwise its raw results are sent and pooled where they arrive.
    """

    def __init__(self, origin: Origin, receivers: Sequence[Receiver], slots: int, size_bytes: int) -> None:
        self._origin = origin
        self._size = size_bytes
        self._receivers = receivers_of(receivers, slots)
        self._pooled: list[list[int]] | None = None
        self._raw: list[tuple[int, ...]] = []
        self._raw_receivers: list[tuple[Receiver, ...]] = []
        self._counts: list[int] = []
        self.open: dict[tuple[int, int], int] = {}

    def pool(self, need: Need, homes: Integers) -> None:
        """Results are pooled by `need`; windows of equal `homes` always leave the same tile."""
        table = need.table
        tiles = np.append(homes, -1)[table]
        highest = tiles.max(axis=1)
        local = (np.where(table < 0, highest[:, None], tiles) == highest[:, None]).all(axis=1)
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
        self._raw_receivers = [self._union(slots) for slots in self._raw]

    def _union(self, slots: Sequence[int]) -> tuple[Receiver, ...]:
        return tuple(dict.fromkeys(receiver for slot in slots for receiver in self._receivers[slot]))

    def parts_of(self, slot: int) -> int:
        """How many raw results make a pooled value."""
        return self._counts[slot]

    def emit(self, source: int, image: int, window: int, floor: int, accepted: Callable[[], None]) -> None:
        """The result of a window leaves tile `source`; `accepted` is called once all it causes has room."""
        if self._pooled is None:
            Message(self._origin, source, image, window, window, None, self._size, floor, accepted).send(
                self._receivers[window]
            )
            return
        messages: list[tuple[int, tuple[int, ...] | None, tuple[Receiver, ...]]] = []
        for slot in self._pooled[window]:
            left = self.open.pop((image, slot), self._counts[slot]) - 1
            if left:
                self.open[image, slot] = left
            else:
                messages.append((slot, None, self._receivers[slot]))
        if self._raw[window]:
            messages.append((self._raw[window][0], self._raw[window], self._raw_receivers[window]))
        release = _after(len(messages), accepted)
        for slot, parts, receivers in messages:
            Message(self._origin, source, image, window, slot, parts, self._size, floor, release).send(receivers)


def _after(count: int, accepted: Callable[[], None]) -> Callable[[], None]:
    """Calls `accepted` at the `count`-th call, or at once for 0."""
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

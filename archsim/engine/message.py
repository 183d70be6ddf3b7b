"""A value on its way from the tile that made it to the buffers that need it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Protocol

from archsim.mapping.spans import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from archsim.engine.chip import Chip


class Target(Protocol):
    """Where messages arrive."""

    tile: int

    def arrive(self, message: Message) -> None:
        """The message reached the tile."""


class Receiver(Target, Protocol):
    """A target with room of its own to give."""

    ranks: list[int]
    total: int
    spare: int
    span: Span
    value_bytes: int

    def offer(self, message: Message, rank: int) -> bool:
        """Reserves room for a value of that absolute rank; if there is none the message waits for it."""


class Origin(Protocol):
    """Who makes values: a stage or the host."""

    chip: Chip
    index: int
    name: str

    def ended(self, image: int, time: int) -> None:
        """A value of an image is in a buffer at `time`."""

    def parts_of(self, slot: int) -> int:
        """How many raw results make a pooled value."""


class Message:
    """`size_bytes` for `run` slots of an image from `slot` on (`parts`: the pooled slots that a raw result is part
    of), made by window `window`; written `floor` ticks after arrival at the earliest. `accepted` is called when every
    destination has room."""

    __slots__ = (
        "_accepted", "_waiting", "floor", "image", "origin", "parts", "run", "size_bytes", "slot", "source",
        "window",
    )  # fmt: skip

    def __init__(
        self,
        origin: Origin,
        source: int,
        image: int,
        window: int,
        slot: int,
        parts: Sequence[int] | None,
        size_bytes: int,
        floor: int,
        accepted: Callable[[], None],
        run: int = 1,
    ) -> None:
        self.origin = origin
        self.source = source
        self.image = image
        self.window = window
        self.slot = slot
        self.parts = parts
        self.size_bytes = size_bytes
        self.floor = floor
        self.run = run
        self._accepted = accepted
        self._waiting = 0

    def send(self, receivers: Sequence[Receiver]) -> None:
        """Goes at once to the receivers that have room, and to each of the others when it has."""
        image, slot = self.image, self.slot + self.run - 1
        ready: Sequence[Target]
        if self.parts is None:
            ready = [r for r in receivers if r.offer(self, image * r.total + r.ranks[slot])]
        else:
            parts = self.parts
            ready = [r for r in receivers if r.offer(self, image * r.total + max(r.ranks[s] for s in parts))]
        self._waiting = len(receivers) - len(ready)
        if ready:
            self.origin.chip.fabric.send(self, self.source, ready if self._waiting else receivers)
        if not self._waiting:
            self._accepted()

    def unblocked(self, receiver: Target) -> None:
        """A receiver that had no room has some now."""
        self.origin.chip.fabric.send(self, self.source, [receiver])
        self._waiting -= 1
        if not self._waiting:
            self._accepted()


def message_state(message: Message, image: int) -> tuple[Hashable, ...]:
    """A message, relative to an image."""
    parts = None if message.parts is None else tuple(message.parts)
    where = (message.origin.index, message.image - image, message.window, message.slot, message.run, parts)
    return *where, message.floor, message.size_bytes

"""The host at the other end of the off-chip link: images go in value by value, results come out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from archsim.engine.emitter import after, receivers_of
from archsim.engine.link import Link
from archsim.engine.message import Message, Receiver
from archsim.mapping import GATE
from archsim.mapping.needs import Need
from archsim.mapping.spans import Span
from archsim.mapping.tracing import Source

if TYPE_CHECKING:
    from archsim.engine.chip import Chip


class HostInput:
    """Sends the values of one input of the graph, image after image in raster order, over the link to the first
    chip; a packet for each lane of the link may be under way until every buffer that needs it has accepted it.

    A packet holds neighbouring values that go to the same buffers (one from memory, whatever stands beside each
    other), no more than they can take beyond the least that they must hold: so waiting for room for all of it cannot
    deadlock.
    """

    def __init__(self, chip: Chip, source: Source, size_bytes: int, receivers: Sequence[Receiver], link: Link) -> None:
        self.chip = chip
        self.index = source.index
        self.name = source.tensor
        self.slots = slots = source.grid.size
        self._size = size_bytes
        self._link = link
        self._groups = receivers_of(receivers, slots)
        self.sent = 0
        self._most = max(link.packet_bytes // size_bytes, 1)
        self._packets = self._divide(self._most, mixed=link.unit == "memory")
        self._under_way = 0
        self._looping = False
        self._more = False

    def begin(self) -> None:
        """Sends the next value; one that takes no time and finds room is followed by the next at once."""
        self._more = True
        if self._looping:
            return
        self._looping = True
        while self._more:
            self._more = False
            self._send()
        self._looping = False

    def _send(self) -> None:
        if self.sent == self.slots * self.chip.images or self._under_way == len(self._link.servers):
            return
        self._under_way += 1
        self._more = True
        image, slot = divmod(self.sent, self.slots)
        run = self._packets[slot]
        self.sent += run
        parts = self._alike(slot, run)
        release = after(sum(len(self._groups[first]) for first, _ in parts), self._accepted)
        messages = [
            (Message(self, GATE, image, first, first, None, size * count, 0, release, count), receivers)
            for first, count in parts
            for size, receivers in self._groups[first]
        ]
        if self._link.ticks(self._size * run):
            self._link.send(self, image, slot, self._size * run, self._arrived, messages, slot // self._most)
        else:
            _send_all(messages)

    def _accepted(self) -> None:
        """Every buffer has taken a packet: there is room for another on the link."""
        self._under_way -= 1
        self.begin()

    def _alike(self, slot: int, run: int) -> list[tuple[int, int]]:
        """The values from a slot on, divided into neighbours that go to the same buffers: the first and how many."""
        parts = [(slot, 1)]
        for following in range(slot + 1, slot + run):
            first, count = parts[-1]
            if self._groups[following] is self._groups[first]:
                parts[-1] = (first, count + 1)
            else:
                parts.append((following, 1))
        return parts

    def _divide(self, most: int, *, mixed: bool) -> dict[int, int]:
        """The number of values in the packet that begins at each slot where one does; they go to the same buffers,
        unless packets are `mixed`."""
        packets, slot = {}, 0
        while slot < self.slots:
            run, largest = 0, most
            while run < largest and slot + run < self.slots:
                groups = self._groups[slot + run]
                if run and not mixed and groups is not self._groups[slot]:
                    break
                run += 1
                largest = min([largest, *(receiver.spare + 1 for _, group in groups for receiver in group)])
            packets[slot] = run
            slot += run
        return packets

    def _arrived(self, messages: Sequence[tuple[Message, Sequence[Receiver]]]) -> None:
        _send_all(messages)

    @property
    def image(self) -> int:
        """The image of the value sent last."""
        return max(self.sent - 1, 0) // self.slots

    def ended(self, image: int, time: int) -> None:
        """A value of the input is in a buffer."""

    def parts_of(self, slot: int) -> int:  # noqa: ARG002
        """Inputs are not pooled."""
        return 1


def _send_all(messages: Sequence[tuple[Message, Sequence[Receiver]]]) -> None:
    for message, receivers in messages:
        message.send(receivers)


class OutputPort:
    """Where the results of one output leave: always has room."""

    def __init__(self, host: HostOutput, need: Need, channels: int, value_bytes: int) -> None:
        self._host = host
        self.tile = GATE
        self.ranks = [-1] * need.slots
        self.total = self.spare = need.windows
        for rank, slot in enumerate(need.table.reshape(-1).tolist()):
            self.ranks[slot] = rank
        self.span = Span(0, channels)
        self.value_bytes = value_bytes

    def offer(self, message: Message, rank: int) -> bool:  # noqa: ARG002
        """The host always has room."""
        return True

    def arrive(self, message: Message) -> None:
        """A result is at the link."""
        self._host.arrive(message, self)


class HostOutput:
    """Takes the results, over the link from the first chip; knows when an image is complete."""

    def __init__(self, chip: Chip, per_image: int, link: Link) -> None:
        self._chip = chip
        self._link = link
        self._expected = per_image
        self._left = [per_image] * chip.images
        self.image_done: dict[int, int] = {}
        self._partial: dict[tuple[int, int, int], int] = {}

    def arrive(self, message: Message, port: OutputPort) -> None:
        """A result is at the link, or a part of several; it is out one read cycle after it was made, or when the
        link has carried it."""
        ready = self._chip.env.now + message.floor
        message.origin.ended(message.image, ready)
        image, window = message.image, message.window
        self._link.send(message.origin, image, window, message.size_bytes, self._received, (message, ready, port))

    def _received(self, state: tuple[Message, int, OutputPort]) -> None:
        message, ready, port = state
        image = message.image
        self.image_done[image] = max(self.image_done.get(image, 0), ready, self._chip.env.now)
        slots = (message.slot,) if message.parts is None else message.parts
        self._left[image] -= sum(
            message.parts is None or self._last_part(message, slot) for slot in slots if port.ranks[slot] >= 0
        )

    def _last_part(self, message: Message, slot: int) -> bool:
        """Whether this is the last of the raw results that make a pooled value."""
        key = (message.origin.index, message.image, slot)
        left = self._partial.pop(key, message.origin.parts_of(slot)) - 1
        if left:
            self._partial[key] = left
        return not left

    @property
    def missing(self) -> int:
        """Results that have not come yet."""
        return sum(self._left[: self._chip.images])

    def state(self, image: int) -> tuple[Hashable, ...]:
        """The images that are there in part, relative to `image`."""
        some = tuple((i - image, left) for i, left in enumerate(self._left) if 0 < left < self._expected)
        return some, *((origin, i - image, slot, left) for (origin, i, slot), left in sorted(self._partial.items()))

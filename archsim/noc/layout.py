"""Builds the row of words that a kernel works on."""

from __future__ import annotations

from archsim.noc import words
from archsim.noc.buffers import Buffers
from archsim.noc.ideal import Router
from archsim.noc.junctions import LOCAL, Junctions

FIRST_ROOM = 1024
"""Packets and deliveries that there is room for at first."""

MAX_WORDS = 2**26
"""Words of a row that is not refused: half a gigabyte."""


def most_buffer_flits(routers: int, ports: int, vcs: int) -> int:
    """Flits that buffers may hold, so that the row of a mesh does not become too long."""
    buffers = routers * (2 * ports - LOCAL) * vcs
    return (MAX_WORDS // buffers - 12 * ports - 64) // 5


def header(junctions: Junctions, router: Router, buffers: Buffers) -> list[int]:
    """The words that all models have in common, and the sinks of the tiles."""
    s = [0] * words.HEADER
    s[words.COLUMNS], s[words.PORTS] = junctions.columns, junctions.ports
    s[words.BUFFER], s[words.VCS] = buffers.flits, buffers.vcs
    s[words.ROUTING], s[words.ALLOCATION] = router.routing_delay, router.vc_allocation_delay
    s[words.HOP] = router.switch_allocation_delay + router.traversal_delay + router.link_delay
    s[words.TILES] = len(s)
    s += [junctions.source(tile).index for tile in range(len(junctions.at))]
    return s


def with_room(s: list[int], rooms: dict[int, int]) -> list[int]:
    """Adds empty places of so many words, whose beginnings stand in the header, and then those of packets and
    deliveries."""
    for place, size in rooms.items():
        s[place] = len(s)
        s += [0] * size
    s[words.SPAN] = s[words.SLOTS] = len(s)
    s[words.SLOT_ROOM] = s[words.DUE_ROOM] = FIRST_ROOM
    # slot 0 is nobody's: 0 is no packet, and the way to tile 0
    s[words.USED] = 1
    s[words.DUE] = s[words.SLOTS] + FIRST_ROOM * words.SLOT_WORDS
    return s + [0] * (FIRST_ROOM * (words.SLOT_WORDS + words.DUE_WORDS))


def with_more_room(row: list[int]) -> list[int]:
    """The same with twice the room for packets and deliveries; only the deliveries move."""
    room, due = row[words.SLOT_ROOM], row[words.DUE]
    held = row[due : due + words.DUE_WORDS * row[words.DUE_ROOM]]
    s = row[:due] + [0] * (room * words.SLOT_WORDS)
    s[words.SLOT_ROOM] = s[words.DUE_ROOM] = 2 * room
    s[words.DUE] = len(s)
    return s + held + [0] * (2 * room * words.DUE_WORDS - len(held))

"""The ways of packets as the kernels read them: the trees of multicasts, each fork of them kept once."""

from __future__ import annotations

from archsim.noc import words
from archsim.noc.junctions import LOCAL, Junctions

Tiles = tuple[int, ...]


class Ways:
    """What to add to a row so that packets find their way, by the router where they are and the tiles they go to.

    The tree of a multicast is that of the ways of its unicasts, along x first. A fork stays for good, so that the
    memory grows with the number of different sets of tiles.
    """

    def __init__(self, junctions: Junctions) -> None:
        self._junctions = junctions
        self._ways: dict[tuple[int, Tiles], int] = {}

    def known(self, source: int, tiles: Tiles) -> int | None:
        """The way from a tile to others, None if it has to be added."""
        if len(tiles) == 1:
            return tiles[0]
        return self._ways.get((self._junctions.source(source).router, tiles))

    def add(self, source: int, tiles: Tiles, used: int) -> list[int]:
        """The words of the forks that are missing, whole slots of them, to be put behind the `used` slots there are."""
        order = [(self._junctions.source(source).router, tiles)]
        for router, to in order:
            order += [(beyond, there) for _, beyond, there in self._branches(router, to) if len(there) > 1]
        added: list[int] = []
        for router, to in reversed(order):
            if (router, to) not in self._ways:
                self._ways[router, to] = -(used * words.SLOT_WORDS + len(added))
                added += self._fork(router, to)
        return added

    def _fork(self, router: int, tiles: Tiles) -> list[int]:
        branches = self._branches(router, tiles)
        fork = [len(branches)]
        for port, beyond, there in branches:
            fork += [port, there[0] if len(there) == 1 else self._ways[beyond, there]]
        return fork + [0] * (-len(fork) % words.SLOT_WORDS)

    def _branches(self, router: int, tiles: Tiles) -> list[tuple[int, int, Tiles]]:
        """Output port, the router beyond (-1: a tile) and the tiles beyond of each branch, in the order of ports."""
        found = []
        for output, there in self._junctions.branches(router, tiles):
            port = output.index % self._junctions.ports
            found.append((port, -1 if port >= LOCAL or output.following is None else output.following.router, there))
        return sorted(found)

"""What a cut-through mesh is made of: the inputs and outputs of its routers, and the packets between them."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from archsim.noc.mesh import Mesh

# Outputs towards +x, -x, +y, -y, and the first of those to the tiles of a router.
EAST, WEST, NORTH, SOUTH, LOCAL = range(5)

_STEPS = {EAST: (1, 0), WEST: (-1, 0), NORTH: (0, 1), SOUTH: (0, -1)}


class Packet(NamedTuple):
    """A packet on its way to the tiles `destinations`: the message it is of, and whether it is the last of it; its
    flits, and the cycles between the first and the last."""

    message: int
    destinations: tuple[int, ...]
    last: bool
    flits: int
    stream: int


class Input:
    """An input of a router, `port` among its inputs: the packets in its buffer, each with the cycle in which its head
    is there, and since when the first is first.

    `branches` are the outputs that the first packet still has to take once it has been routed, each with the tiles
    beyond.
    """

    __slots__ = ("branches", "front_from", "index", "port", "queue", "router")

    def __init__(self, index: int, router: int, port: int) -> None:
        self.index = index
        self.router = router
        self.port = port
        self.queue: deque[tuple[int, Packet]] = deque()
        self.front_from = 0
        self.branches: list[tuple[Output, tuple[int, ...]]] = []


class Output:
    """An output of a router, to the input `following` of the next, or to the sink of the tile `sink`.

    It can be given away from the cycle `free` on; `requests` has the inputs that ask for it at their ports, `asking`
    how many they are, and `armed` whether an event waits for `free`. `carried` counts flits.
    """

    __slots__ = ("armed", "asking", "carried", "following", "free", "index", "pointer", "requests", "sink")

    def __init__(self, index: int, ports: int) -> None:
        self.index = index
        self.following: Input | None = None
        self.sink = -1
        self.free = 0
        self.requests: list[Input | None] = [None] * ports
        self.asking = 0
        self.pointer = 0
        self.armed = False
        self.carried = 0

    def in_turn(self) -> Input | None:
        """The input whose turn it is, round robin over those that ask; it no longer does."""
        requests, ports = self.requests, len(self.requests)
        if not self.asking:
            return None
        port = self.pointer
        while requests[port] is None:
            port = (port + 1) % ports
        chosen, requests[port] = requests[port], None
        self.asking -= 1
        self.pointer = (port + 1) % ports
        return chosen


class Junctions:
    """All inputs and outputs of the routers of a mesh.

    A router has its outputs in the order +x, -x, +y, -y and then one for each of its tiles, its inputs likewise:
    those from its neighbours there, and the sources of its tiles. Those over the edge are never used.
    """

    def __init__(self, mesh: Mesh) -> None:
        self.columns, self.rows = mesh.routers
        self.at = [mesh.router(tile) for tile in range(mesh.tiles)]
        self.ports = ports = LOCAL + mesh.across * mesh.down
        routers = self.columns * self.rows
        self.inputs = [Input(number, *divmod(number, ports)) for number in range(routers * ports)]
        self.outputs = [Output(number, ports) for number in range(routers * ports)]
        self.local = [LOCAL + self._place(mesh, tile) for tile in range(mesh.tiles)]
        for router in range(routers):
            y, x = divmod(router, self.columns)
            for output, (dx, dy) in _STEPS.items():
                if 0 <= x + dx < self.columns and 0 <= y + dy < self.rows:
                    # what leaves towards +x comes in from -x
                    following = self.inputs[(router + dx + self.columns * dy) * ports + (output ^ 1)]
                    self.outputs[router * ports + output].following = following
        for tile in range(mesh.tiles):
            self.outputs[self.source(tile).index].sink = tile

    @staticmethod
    def _place(mesh: Mesh, tile: int) -> int:
        """Which of the tiles of its router a tile is."""
        y, x = divmod(tile, mesh.tile_columns)
        return x % mesh.across + mesh.across * (y % mesh.down)

    def source(self, tile: int) -> Input:
        """The input through which a tile sends."""
        x, y = self.at[tile]
        return self.inputs[(x + self.columns * y) * self.ports + self.local[tile]]

    def towards(self, router: int, tile: int) -> Output:
        """The output of a router on the way to a tile, along x first."""
        x, y = self.at[tile]
        here_y, here_x = divmod(router, self.columns)
        if x != here_x:
            output = EAST if x > here_x else WEST
        elif y != here_y:
            output = NORTH if y > here_y else SOUTH
        else:
            output = self.local[tile]
        return self.outputs[router * self.ports + output]

    def branches(self, router: int, tiles: tuple[int, ...]) -> list[tuple[Output, tuple[int, ...]]]:
        """The outputs of a router on the way to several tiles, each with the tiles that it leads to."""
        if len(tiles) == 1:
            return [(self.towards(router, tiles[0]), tiles)]
        beyond: dict[Output, list[int]] = {}
        for tile in tiles:
            beyond.setdefault(self.towards(router, tile), []).append(tile)
        return [(output, tuple(found)) for output, found in beyond.items()]

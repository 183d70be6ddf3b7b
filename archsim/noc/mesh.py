"""The shape of the mesh: where tiles hang on routers, and the way a message takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mesh:
    """`tiles` tiles in raster order, `tile_columns` a row; `across` x `down` neighbouring tiles share a router."""

    tiles: int
    tile_columns: int
    across: int = 1
    down: int = 1

    @property
    def routers(self) -> tuple[int, int]:
        """Columns and rows of routers."""
        tile_rows = -(-self.tiles // self.tile_columns)
        return -(-self.tile_columns // self.across), -(-tile_rows // self.down)

    def router(self, tile: int) -> tuple[int, int]:
        """The router (x, y) of a tile."""
        y, x = divmod(tile, self.tile_columns)
        return x // self.across, y // self.down

    def hops(self, source: int, destination: int) -> int:
        """Links between routers on the way, 0 within one router."""
        (x0, y0), (x1, y1) = self.router(source), self.router(destination)
        return abs(x1 - x0) + abs(y1 - y0)

    def links(self, source: int, destination: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """The links between routers on the way, X first, then Y."""
        (x, y), (x1, y1) = self.router(source), self.router(destination)
        while (x, y) != (x1, y1):
            step = ((x1 > x) - (x1 < x), 0) if x != x1 else (0, (y1 > y) - (y1 < y))
            following = (x + step[0], y + step[1])
            yield (x, y), following
            x, y = following

    def tree(self, source: int, destinations: Collection[int]) -> set[tuple[tuple[int, int], tuple[int, int]]]:
        """The links between routers on the ways to several tiles, each once."""
        return {link for destination in destinations for link in self.links(source, destination)}

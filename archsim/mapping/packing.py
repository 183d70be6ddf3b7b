"""Puts copies on tiles: by position along the mesh, within each tile's arrays and buffer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from archsim.hardware import Design
from archsim.mapping.buffers import Buffers
from archsim.mapping.draft import Draft
from archsim.mapping.spans import Span

# How many tiles back, along the mesh, a copy may fill a gap before the next tile is opened.
_NEAR = 8


@dataclass(frozen=True, slots=True)
class Unit:
    """Copies of a stage that go on a tile together (or one copy larger than a tile); `position` is where along
    the mesh, from 0 to 1 for replicated layers and above for the others."""

    position: float
    stage: int
    copies: tuple[int, ...]
    arrays_per_copy: int


@dataclass(frozen=True, slots=True)
class Placed:
    """`arrays` consecutive arrays of a copy, from its array `start` on, stand in a tile from slot `slot` on."""

    stage: int
    copy: int
    tile: int
    start: int
    arrays: int
    slot: int


@dataclass(slots=True)
class Bin:
    """A tile being filled."""

    tile: int
    free: int
    used: int = 0
    sfu_load: float = 0
    fetching: dict[int, tuple[int, ...]] = field(default_factory=dict)
    homes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    spans: dict[int, Span] = field(default_factory=dict)
    bytes_of: dict[int, int] = field(default_factory=dict)


class Packer:
    """Fills tiles in the order of the mesh path.

    `sfu_loads` is the share of the fastest possible interval for which one copy of each stage keeps the special
    functions of its home tile busy; no tile is given more than all of it, unless by a single copy.
    """

    def __init__(
        self, draft: Draft, buffers: Buffers, tiles: int, sfu_loads: dict[int, float], first_tile: int = 0
    ) -> None:
        self._draft = draft
        self._design = design = draft.design
        self._sfu_loads = sfu_loads
        self._buffers = buffers
        path = mesh_path(design, tiles)
        self._path = path[first_tile:] + path[:first_tile]
        self._bins: list[Bin] = []
        self.placed: list[Placed] = []
        self.too_large: tuple[int, int] | None = None

    def pack(self, units: list[Unit], *, near: bool) -> bool:
        """Places all units, False when tiles run out.

        `near` keeps to the order of the mesh; otherwise the largest copies come first, a later copy fills any
        gap, and one that fits no gap is divided over several.
        """
        if near:
            return all(self._place(unit, _NEAR, divide=False) for unit in units)
        by_size = sorted(units, key=lambda unit: -unit.arrays_per_copy * len(unit.copies))
        return all(self._place(unit, None, divide=True) for unit in by_size)

    def place_vector(self, stage: int, copy: int, preferred: int) -> bool:
        """A copy of a vector stage needs buffer and no arrays: it goes to the preferred tile, else to the first one
        from there on along the mesh that has room; False if none has."""
        bins = sorted(self._bins, key=lambda target: (target.tile != preferred, target.tile < preferred, target.tile))
        for target in [*bins, *self._fresh()]:
            if self._fits(target, stage, (copy,), (copy,), (0, 0)):
                self._put(target, stage, copy, 0, 0, home=True)
                return True
        return False

    @property
    def spans(self) -> dict[tuple[int, int], Span]:
        """The channels of its input that each tile reads for each stage, by tile and stage."""
        return {(target.tile, stage): span for target in self._bins for stage, span in target.spans.items()}

    def _place(self, unit: Unit, near: int | None, divide: bool) -> bool:
        size = self._draft.tile_arrays
        if unit.arrays_per_copy > size:
            return self._place_large(unit, near)
        total = unit.arrays_per_copy * len(unit.copies)
        for target in self._candidates(near):
            if target.free >= total and self._fits(
                target, unit.stage, unit.copies, unit.copies, (0, unit.arrays_per_copy)
            ):
                for copy in unit.copies:
                    self._put(target, unit.stage, copy, 0, unit.arrays_per_copy, home=True)
                return True
        if len(unit.copies) > 1:
            singles = [Unit(unit.position, unit.stage, (copy,), unit.arrays_per_copy) for copy in unit.copies]
            return all(self._place(single, near, divide) for single in singles)
        return divide and self._place_divided(unit)

    def _place_large(self, unit: Unit, near: int | None) -> bool:
        size, (copy,) = self._draft.tile_arrays, unit.copies
        start = 0
        while start < unit.arrays_per_copy:
            count = min(size, unit.arrays_per_copy - start)
            home = start + count == unit.arrays_per_copy
            target = self._first(near, unit.stage, copy, (start, start + count), home)
            if target is None:
                return False
            self._put(target, unit.stage, copy, start, count, home)
            start += count
        return True

    def _place_divided(self, unit: Unit) -> bool:
        """Spreads a copy over the gaps of several tiles."""
        (copy,) = unit.copies
        start = 0
        for target in self._candidates(None):
            count = min(target.free, unit.arrays_per_copy - start)
            home = start + count == unit.arrays_per_copy
            arrays = (start, start + count)
            if count and self._fits(target, unit.stage, unit.copies, unit.copies if home else (), arrays):
                self._put(target, unit.stage, copy, start, count, home)
                start += count
            if start == unit.arrays_per_copy:
                return True
        return False

    def _first(self, near: int | None, stage: int, copy: int, arrays: tuple[int, int], home: bool) -> Bin | None:
        for target in self._candidates(near):
            enough = target.free >= arrays[1] - arrays[0]
            if enough and self._fits(target, stage, (copy,), (copy,) if home else (), arrays):
                return target
        return None

    def _candidates(self, near: int | None) -> Iterator[Bin]:
        recent = self._bins if near is None else self._bins[-near:]
        yield from [candidate for candidate in recent if candidate.free]
        yield from self._fresh()

    def _fresh(self) -> list[Bin]:
        """The next tile along the mesh, if there is one."""
        following = self._path[len(self._bins) : len(self._bins) + 1]
        return [Bin(tile, self._draft.tile_arrays) for tile in following]

    def _fits(
        self, target: Bin, stage: int, copies: tuple[int, ...], homes: tuple[int, ...], arrays: tuple[int, int]
    ) -> bool:
        """Whether a tile has buffer and special functions for these `arrays` (first and last) of copies, too."""
        users = self._draft.users(stage)
        load = sum(self._sfu_loads.get(user, 0) for user in users) * len(homes)
        if target.sfu_load and target.sfu_load + load > 1:
            return False
        needed = sum(size for index, size in target.bytes_of.items() if index not in users)
        for user in users:
            fetching = target.fetching.get(user, ()) + copies
            span = self._draft.span(user, *arrays).union(target.spans.get(user))
            needed += self._buffers.minimum_bytes(user, fetching, target.homes.get(user, ()) + homes, span)
        room = self._design.tile.buffer_bytes
        if room is not None and needed > room:
            if not target.bytes_of and len(copies) == 1:
                self.too_large = (stage, needed)
            return False
        return True

    def _put(self, target: Bin, stage: int, copy: int, start: int, count: int, home: bool) -> None:
        if not target.fetching:
            self._bins.append(target)
        for user in self._draft.users(stage):
            self._put_user(target, user, copy, start, count, home)
        target.used += count
        target.free -= count

    def _put_user(self, target: Bin, stage: int, copy: int, start: int, count: int, home: bool) -> None:
        """All that use the same arrays have their buffers and special functions beside them."""
        self.placed.append(Placed(stage, copy, target.tile, start, count, target.used))
        target.fetching[stage] = (*target.fetching.get(stage, ()), copy)
        if home:
            target.sfu_load += self._sfu_loads.get(stage, 0)
            target.homes[stage] = (*target.homes.get(stage, ()), copy)
        homes = target.homes.get(stage, ())
        target.spans[stage] = span = self._draft.span(stage, start, start + count).union(target.spans.get(stage))
        target.bytes_of[stage] = self._buffers.minimum_bytes(stage, target.fetching[stage], homes, span)


def mesh_path(design: Design, tiles: int) -> list[int]:
    """The tiles of all chips so that neighbours in the list are neighbours on the mesh: a snake over routers,
    the tiles of one router in a row."""
    size, width = design.chip.tiles, design.chip.mesh_width
    if size == "unlimited" or width is None:
        return list(range(tiles))
    across, down = design.noc.cluster if design.noc else (1, 1)
    height = size // width

    def place(tile: int) -> tuple[int, int, int, int]:
        y, x = divmod(tile, width)
        row, column = y // down, x // across
        return row, column if row % 2 == 0 else -column, y, x

    chip = sorted(range(width * height), key=place)
    chips = -(-tiles // size)
    return [number * size + tile for number in range(chips) for tile in chip][:tiles]

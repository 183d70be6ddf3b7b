"""Which arrays of a tile stand behind the same converters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from archsim.hardware import Design


@dataclass(frozen=True, slots=True)
class Sharing:
    """Of the slots of a tile each `group` shares `at_once` sets of converters: neighbouring slots stand behind
    different ones, in turn."""

    group: int
    at_once: int

    @property
    def shared(self) -> bool:
        """Whether any set serves more than one array."""
        return self.group > self.at_once

    def adc_set(self, slot: int) -> int:
        """The number of the set behind a slot."""
        group, place = divmod(slot, self.group)
        return group * self.at_once + place % self.at_once

    def turns(self, slot: int, arrays: int) -> int:
        """How often `arrays` from a slot on have to read one after the other: the most that stand behind one set."""
        if not self.shared:
            return 1
        return max(Counter(map(self.adc_set, range(slot, slot + arrays))).values(), default=1)


def by_pe(design: Design) -> Sharing:
    """A PE's arrays share its sets: slots are numbered PE by PE."""
    return Sharing(design.pe.arrays, design.pe.arrays // design.arrays_per_set)


def by_tile(design: Design, depth: int) -> Sharing:
    """Slots are numbered over all the sets of a tile first, then over those `depth` arrays behind each."""
    at_once = design.tile_arrays // design.arrays_per_set
    return Sharing(at_once * depth, at_once)

"""A run in which everybody waits: says who waits for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.engine.copies import CopyUnit


class StalledError(RuntimeError):
    """The simulation cannot proceed; the message is the chain of waiting units."""


def explain(chip: Chip) -> StalledError:
    """The chain of units that wait for each other, from the last stage that is not done."""
    lines = ["the simulation cannot proceed; the chain of waiting units:"]
    for stage in reversed(chip.stages):
        waiting = [copy for copy in stage.copies if not copy.done or copy.results_waiting]
        if waiting:
            lines.append("  " + _describe(waiting[0]))
    blocked = [port for port in chip.ports.values() if port.blocked]
    lines += [
        f"  {port.blocked} values wait for room in the buffer of tile {port.tile} for {port.name}"
        f" (it holds {port.capacity}, from value {port.base % port.total} of image {port.base // port.total} on)"
        for port in blocked[:8]
    ]
    return StalledError("\n".join(lines))


def _describe(copy: CopyUnit) -> str:
    name = f"{copy.stage.name} copy {copy.index} (tile {copy.home})"
    if copy.done:
        return f"{name}: {copy.results_waiting} results wait for operands or for room"
    image, window = copy.following
    if copy.results_waiting >= copy.slots:
        return f"{name}: window {window} of image {image} waits for a free result slot ({copy.slots} in use)"
    return f"{name}: window {window} of image {image} waits for its values or its turn"

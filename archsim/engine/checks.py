"""Conservation: what went in came out, and every unit's time adds up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.engine.fabric import Fabric
from archsim.mapping import Estimate

if TYPE_CHECKING:
    from archsim.engine.chip import Chip


def run_checks(chip: Chip, bound: Estimate) -> dict[str, bool]:
    """The checks of a finished run, by name."""
    return {
        "macs": _macs(chip),
        "windows": _windows(chip),
        "bytes": _bytes(chip),
        "time": _time(chip),
        "bound": _bound(chip, bound),
    }


def _macs(chip: Chip) -> bool:
    """Multiply-accumulates executed = those of the graph, for every image."""
    executed = 0
    for stage in chip.stages:
        matrix = stage.plan.stage.matrix
        if matrix is not None:
            executed += matrix.rows * matrix.outputs * sum(stage.jobs)
    return executed == chip.placement.graph.macs * chip.images


def _windows(chip: Chip) -> bool:
    """Every window of every image was simulated by itself, once."""
    return all(jobs == stage.plan.stage.windows for stage in chip.stages for jobs in stage.jobs)


def _bytes(chip: Chip) -> bool:
    """Bytes delivered = bytes sent x destinations on every mesh; nothing waits or is under way; the host has all."""
    if isinstance(chip.fabric, Fabric):
        for adapter in chip.fabric.meshes:
            traffic = adapter.model.traffic
            if adapter.under_way or traffic.delivered != traffic.messages:
                return False
            if adapter.delivered_bytes != traffic.sent_bytes:
                return False
    return not chip.output.missing and not any(port.blocked for port in chip.ports.values())


def _time(chip: Chip) -> bool:
    """Busy + stalled + idle = elapsed for the arrays of every copy; no shared unit was busy for longer."""
    elapsed = chip.elapsed
    for stage in chip.stages:
        for copy in stage.copies:
            for unit in copy.units:
                if unit.busy + sum(unit.stalls.values()) + unit.idle(elapsed) != elapsed:
                    return False
    servers = (server for tile in chip.tiles.values() for server in tile.servers().values())
    return all(server.busy <= elapsed for server in servers)


def _bound(chip: Chip, bound: Estimate) -> bool:
    """No image is done before the estimate without contention says it can be."""
    done = chip.output.image_done
    return all(done[image] >= least * chip.clock.cycle for image, least in enumerate(bound.image_done))

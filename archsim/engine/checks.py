"""Conservation: what went in came out, and every unit's time adds up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.engine.counters import Counters
from archsim.mapping import Estimate
from archsim.noc import ContendedModel

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.engine.fabric import Adapter


def run_checks(chip: Chip, counters: Counters, images: int, bound: Estimate) -> dict[str, bool]:
    """The checks of a finished run, by name; `counters` are those of all `images`, simulated or extrapolated."""
    return {
        "macs": _macs(chip, counters, images),
        "windows": _windows(chip),
        "bytes": _bytes(chip),
        "flits": all(map(_flits, chip.fabric.meshes)),
        "time": _time(chip, counters, images),
        "bound": _bound(chip, bound),
    }


def _macs(chip: Chip, counters: Counters, images: int) -> bool:
    """Multiply-accumulates executed = those of the layers on the chip, for every image."""
    layers = (plan.stage.matrix for plan in chip.placement.plans)
    return counters["macs",] == images * sum(layer.macs for layer in layers if layer)


def _windows(chip: Chip) -> bool:
    """Every window of every image simulated ran once: their numbers and the squares of these add up."""
    for stage in chip.stages:
        last = stage.plan.stage.windows
        sums = (last, last * (last - 1) // 2, (last - 1) * last * (2 * last - 1) // 6)
        if any(seen != list(sums) for seen in stage.seen):
            return False
    return True


def _bytes(chip: Chip) -> bool:
    """Bytes delivered = bytes sent x destinations on every mesh, and on every link; nothing waits or is under way;
    the host has every result."""
    for adapter in chip.fabric.meshes:
        traffic = adapter.model.traffic
        if adapter.under_way or traffic.delivered != traffic.messages:
            return False
        if adapter.delivered_bytes != traffic.sent_bytes:
            return False
    if any(link.sent_bytes != link.crossed_bytes for link in chip.links()):
        return False
    return not chip.output.missing and not any(port.blocked for port in chip.ports.values())


def _flits(adapter: Adapter) -> bool:
    """Every message arrived at each of its tiles, and where packets meet every link between routers has carried the
    flits of the paths and trees that it is on, no others."""
    model = adapter.model
    load = model.load(model.traffic)
    if load.messages != model.traffic.messages:
        return False
    return not isinstance(model, ContendedModel) or model.link_flits == load.links


def _time(chip: Chip, counters: Counters, images: int) -> bool:
    """The arrays of every copy read for S cycles a window, and busy + stalled + idle = elapsed; no shared unit was
    busy for longer than the run took."""
    elapsed = chip.elapsed
    for stage in chip.stages:
        if stage.plan.owner is not None:
            continue
        users = [stage, *(other for other in chip.stages if other.plan.owner == stage.index)]
        reads = [copy.units[-1].reads for copy in stage.copies]
        windows = sum(user.plan.stage.windows for user in users) * images
        if not min(reads) * windows <= counters["busy", stage.index] <= max(reads) * windows:
            return False
        for copy in stage.copies:
            jobs = sum(user.copies[copy.index].jobs for user in users)
            for unit in copy.units:
                arrays = unit.arrays
                if arrays.busy != jobs * unit.reads:
                    return False
                if arrays.busy + sum(arrays.stalls.values()) + arrays.idle(elapsed) != elapsed:
                    return False
    return all(server.busy <= elapsed for tile in chip.tiles.values() for server in tile.servers().values())


def _bound(chip: Chip, bound: Estimate) -> bool:
    """No image is done before the estimate without contention says it can be."""
    done = chip.output.image_done
    return all(done[image] >= least * chip.clock.cycle for image, least in enumerate(bound.image_done))
